import Modeling
import Planning
import Testing

/// Steps that Transformers 4.45.2 and PEFT 0.13.2 really ran on a CPU (torch 2.15), every storage's birth and death seen
/// through a dispatch mode: bytes above parameters and token ids after forward, and at most, in a second step.
///
/// Sixteen bytes of tolerance, for the loss and its weight: the trace's program holds them a little longer or shorter.
@Suite struct `Older Transformers: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let afterForward: Int
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void

    init(_ title: String, _ afterForward: Int, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      (self.title, self.afterForward, self.peak, self.change) = (title, afterForward, peak, change)
    }

    var testDescription: String { title }
  }

  static let pair: @Sendable (inout TorchFixture) -> Void = {
    $0.microBatch = 2
    $0.sequence = 160
  }

  @Test(arguments: [
    Case("LoRA", 15_320_072, 17_933_320) { _ in },
    Case("LoRA, two sequences: the shifted logits are a copy", 15_277_560, 18_873_848, pair),
    Case("LoRA, checkpointed", 2_703_112, 10_214_408) { $0.checkpoints = true },
    Case("LoRA, checkpointed, two sequences", 2_659_320, 10_172_168) {
      pair(&$0)
      $0.checkpoints = true
    },
    Case("LoRA, checkpointed without re-entering", 2_703_112, 9_886_728) {
      $0.checkpoints = true
      $0.choices = { $0.reentersCheckpoints = false }
    },
    Case("LoRA, outputs kept, keys and values with them", 17_243_640, 19_846_152) {
      pair(&$0)
      $0.choices = { $0.keepsOutputs = true }
    },
    Case("LoRA, large vocabulary", 54_845_448, 136_509_448) { $0.V = 32000 },
    Case("LoRA, large vocabulary, two sequences", 54_679_032, 137_326_072) {
      pair(&$0)
      $0.V = 32000
    },
    Case("full", 17_799_432, 20_412_680) { $0.method = .full },
    Case("full, checkpointed", 3_358_472, 18_908_936) {
      $0.method = .full
      $0.checkpoints = true
    },
  ])
  func `a step holds what torch held`(_ example: Case) throws {
    let books = try TorchFixture {
      $0.stack = .transformers4
      example.change(&$0)
    }.books()
    #expect(abs(books.afterForward - example.afterForward) <= 16, "\(books.afterForward - example.afterForward)")
    #expect(abs(books.peak - example.peak) <= 16, "\(books.peak - example.peak)")
  }

  /// Transformers 4.48.1 with PEFT 0.13.2: logits are cast in the loss, and attention's operands laid out head by head.
  @Test(arguments: [
    Case("LoRA", 15_975_432, 18_924_552) { _ in },
    Case("LoRA, two sequences", 15_932_920, 20_184_568, pair),
    Case("LoRA, large vocabulary, two sequences", 55_334_392, 158_461_432) {
      pair(&$0)
      $0.V = 32000
    },
    Case("LoRA, checkpointed", 2_703_112, 10_542_088) { $0.checkpoints = true },
    Case("full", 18_454_792, 21_076_232) { $0.method = .full },
    Case("full, checkpointed", 3_358_472, 19_236_616) {
      $0.method = .full
      $0.checkpoints = true
    },
  ])
  func `a step of 4_48 holds what torch held`(_ example: Case) throws {
    let books = try TorchFixture {
      $0.stack = .transformers4
      $0.choices = {
        $0.returnsCastLogits = false
        $0.sharedHeads = .contiguous
      }
      example.change(&$0)
    }.books()
    #expect(abs(books.afterForward - example.afterForward) <= 16, "\(books.afterForward - example.afterForward)")
    #expect(abs(books.peak - example.peak) <= 16, "\(books.peak - example.peak)")
  }
}
