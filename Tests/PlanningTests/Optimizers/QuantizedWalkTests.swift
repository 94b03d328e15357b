import Bookkeeping
import Modeling
import Planning
import Testing

/// What products with quantized weights borrow and keep.
@Suite struct `Quantized products` {
  static func fixture(_ quantization: Quantization, _ change: (inout TorchFixture) -> Void = { _ in }) -> TorchFixture {
    TorchFixture {
      $0.H = 128
      $0.I = 256
      $0.A = 4
      $0.KV = 4
      $0.D = 64
      $0.sequence = 64
      $0.quantization = quantization
      change(&$0)
    }
  }

  /// The most that is alive at once of what is made whole of a weight.
  static func peak(of weight: String, _ fixture: TorchFixture) throws -> Int {
    let journal = try fixture.walk().journal
    var (live, peak) = (0, 0)
    for event in journal.events {
      switch event {
      case .advance: continue
      case .open(let id):
        guard journal.entries[id.index].name.hasPrefix(weight + ".dequantized") else { continue }
        live += journal.entries[id.index].bytes.count
        peak = max(peak, live)
      case .close(let id):
        guard journal.entries[id.index].name.hasPrefix(weight + ".dequantized") else { continue }
        live -= journal.entries[id.index].bytes.count
      }
    }
    #expect(live == 0)
    return peak
  }

  /// HQQ 0.2.8.post1 and torchao 0.18 on a CPU: one bf16 layer [256, 128], every storage seen through a dispatch mode.
  @Test func `borrow what HQQ and torchao borrow`() throws {
    let name = "model.layers.1.self_attn.q_proj.weight"
    // Codes, the same less the zero, and the whole weight: 3 · 2 · 256 · 128.
    for bits in [1, 2, 4, 8] {
      #expect(try Self.peak(of: name, Self.fixture(.hqq(bits: bits))) == 196_608)
    }
    // Ten codes a word: 520 groups are unpacked where there are 512.
    #expect(try Self.peak(of: name, Self.fixture(.hqq(bits: 3))) == 66_560 + 2 * 65_536)
    #expect(try Self.peak(of: name, Self.fixture(.torchaoNF4)) == 459_776)
  }

  @Test func `of GPTQ and int8wo keep whole weights for backward`() throws {
    for (quantization, extra) in [(try Quantization.gptq(bits: 4), 0), (.torchaoInt8, 2 * 256)] {
      let full = try Self.fixture(quantization).walk().journal
      let kept = full.entries.filter { $0.name.contains(".dequantized") && $0.account == .activations }
      // 7 weights a layer, 2 layers; the input of the first needs no gradient for q, k and v.
      #expect(kept.count == 2 * 7 - 3, "\(quantization.text) \(extra)")
    }
  }

  @Test func `of AWQ repeat the weight for each sequence of the batch`() throws {
    let one = try Self.peak(of: "model.layers.1.mlp.down_proj.weight", Self.fixture(.awq()) { $0.sequence = 2048 })
    let four = try Self.peak(
      of: "model.layers.1.mlp.down_proj.weight",
      Self.fixture(.awq()) {
        $0.sequence = 512
        $0.microBatch = 4
      })
    #expect(four - one == 3 * 2 * 256 * 128)
  }

  @Test(arguments: [4, 5])
  func `of bitsandbytes borrow no buffer forward up to four tokens`(tokens: Int) throws {
    let journal = try Self.fixture(.nf4(double: false)) { $0.sequence = tokens }.walk().journal
    let forward = journal.entries.filter {
      $0.name.hasSuffix(".dequantized") && journal.clock.label(of: $0.opened).hasPrefix("forward")
    }
    #expect(forward.isEmpty == (tokens == 4))
  }

  @Test(arguments: [
    (Quantization.nf4(double: true), true), (.int8, true), (.torchaoInt8, false), (.torchaoNF4, false),
  ])
  func `are prepared as peft says`(quantization: Quantization, isUpcast: Bool) throws {
    let journal = try Self.fixture(quantization).walk().journal
    let embedding = try #require(journal.entries.first { $0.name == "model.embed_tokens.weight" })
    #expect(embedding.format == (isUpcast ? .fp32 : .bf16))
  }

  /// Published files of Llama-2-7B in 4 bits and groups of 128: 3.90 GB as GPTQ, 3.89 GB as AWQ (model cards of
  /// TheBloke/Llama-2-7B-GPTQ and -AWQ), embeddings and head in fp16.
  @Test func `are stored as published checkpoints are`() throws {
    let spec = try Models.llama2Seven()
    func gigabytes(_ quantization: Quantization) throws -> Double {
      let bytes = spec.parameters.reduce(0) { sum, parameter in
        guard case .linear = parameter.role else { return sum + 2 * parameter.count }
        let parts = quantization.parts(
          output: parameter.shape.extents[0], input: parameter.shape.extents[1], compute: .fp16)
        return parts.reduce(sum) { $0 + $1.bytes.count }
      }
      return Double(bytes) / 1e9
    }
    #expect(abs(try gigabytes(.gptq(bits: 4)) - 3.90) < 0.01)
    #expect(abs(try gigabytes(.awq()) - 3.89) < 0.01)
  }

  @Test func `load packed or from whole weights`() throws {
    let packed = try Self.fixture(.gptq(bits: 4)).walk()
    let loaded = packed.journal.entries.filter { [.weights, .quantizationConstants].contains($0.account) }
    // Loading also holds what the allocator's warm-up and the widest tensor's staging take.
    #expect((packed.loadPeak ?? .zero) >= loaded.reduce(Bytes.zero) { $0 + $1.bytes })
    let made = try Self.fixture(.nf4(double: true)) {
      $0.stack = .trl
      $0.V = 16
      $0.isTied = true
    }.walk()
    let stored = made.journal.entries.filter { [.weights, .quantizationConstants].contains($0.account) }
    #expect(try #require(made.loadPeak) > stored.reduce(Bytes.zero) { $0 + $1.bytes })
  }
}
