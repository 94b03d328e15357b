import Configurations
import Foundation
import Modeling
import Testing

@Suite struct `Configurations that cannot be read` {
  struct Wrong: Sendable, CustomTestStringConvertible {
    let text: String
    let file: String
    /// A part of the message, which must name field or place.
    let message: String
    var testDescription: String { message }

    init(_ text: String, _ message: String, file: String = "a.yaml") {
      self.text = text
      self.file = file
      self.message = message
    }
  }

  private static let base = "base_model: llama-2-7b\n"

  @Test(arguments: [
    Wrong("a: [1, 2", "a.yaml is no valid YAML: line"),
    Wrong(base + "lora_r: 8\nlora_r: 16", "second time in one mapping: lora_r"),
    Wrong("{\"r\": 8, \"r\": 9}", "the key \"r\" comes a second time", file: "a.json"),
    Wrong("- 1\n- 2", "a list of 2 where settings by name should be"),
    Wrong("? [a]\n: b", "a key is no name"),
    Wrong("hello: world", "the configuration of no program that is known: it has hello"),
    Wrong("", "the configuration of no program"),
    Wrong(base + "sequence_len: many", "sequence_len is \"many\" where a whole number should be"),
    Wrong(base + "sequence_len: 12.5", "sequence_len is 12.5 where a whole number should be"),
    Wrong(base + "sequence_len: -4", "sequence_len is -4: it must be between 1"),
    Wrong(base + "sequence_len: 99999999999999999999999", "sequence_len is"),
    Wrong(base + "learning_rate: .nan", "learning_rate is NaN: it must be"),
    Wrong(base + "learning_rate: .inf", "learning_rate is"),
    Wrong(base + "gradient_checkpointing: maybe", "gradient_checkpointing is \"maybe\" where true or false"),
    Wrong(base + "adapter: lora\nlora_r: -3\nlora_alpha: 1", "lora_r is -3: it must be between 1 and 65536"),
    Wrong(base + "adapter: lora\nlora_alpha: 1", "lacks lora_r"),
    Wrong(base + "adapter: lora\nlora_r: 8\nlora_alpha: 1", "lacks lora_target_modules"),
    Wrong(base + "adapter: llama-adapter", "adapter is llama-adapter"),
    Wrong(base + "adapter: qlora\nlora_r: 8", "load_in_4bit: true"),
    Wrong(base + "load_in_4bit: true", "trains nothing without an adapter"),
    Wrong(base + "optimizer: warp_drive", "optimizer is warp_drive"),
    Wrong(base + "unfrozen_parameters: [lm_head]", "unfrozen_parameters"),
    Wrong(base + "fsdp: [hybrid_shard]", "only full_shard and, of the first version, no_shard have a rule"),
    Wrong(base + "deepspeed: [1]", "deepspeed is a list of 1 where a path"),
    Wrong("finetuning_type: full\nquantization_bit: 4", "quantization_bit is 4"),
    Wrong("finetuning_type: lora\nquantization_bit: 3", "quantization_bit is 3"),
    Wrong("finetuning_type: lora\nbf16: true\nfp16: true", "fp16 is true: bf16 is on too"),
    Wrong("use_peft: false\nload_in_4bit: true", "without use_peft"),
    Wrong("{\"peft_type\": \"MADE_UP\"}", "peft_type is MADE_UP", file: "a.json"),
    Wrong("{\"peft_type\": \"LORA\", \"bias\": \"all\"}", "bias is all", file: "a.json"),
    Wrong("model:\n  _component_: torchtune.models.llama2.lora_llama2_7b", "lacks model.lora_attn_modules"),
    Wrong("accelerate launch 'train.py --x 1", "a quote is never closed", file: "run.sh"),
    Wrong("accelerate launch", "it names no script", file: "run.sh"),
    Wrong("trl sft --config nowhere.yaml", "nowhere.yaml: there is no such file", file: "run.sh"),
  ])
  func `say what is wrong and where`(wrong: Wrong) throws {
    let error = try #require(throws: ConfigurationError.self) {
      let configuration = try TrainingConfiguration(parsing: wrong.text, file: wrong.file)
      _ = try configuration.request(for: ModelSpec.preset("llama-2-7b"))
    }
    #expect(error.description.contains(wrong.message), "\(error)")
  }

  @Test func `aliases do not multiply without end`() throws {
    var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in 1...9 {
      let before = "*a\(level - 1)"
      lines.append("a\(level): &a\(level) [\(Array(repeating: before, count: 9).joined(separator: ", "))]")
    }
    let error = try #require(throws: ConfigurationError.self) {
      _ = try TrainingConfiguration(parsing: lines.joined(separator: "\n"), file: "bomb.yaml")
    }
    guard case .tooLarge = error else {
      Issue.record("\(error)")
      return
    }
  }

  enum Depth: String, CaseIterable, Sendable {
    case lists, items, keys, indentation, objects

    var text: String {
      switch self {
      case .lists: String(repeating: "[", count: 100_000)
      case .items: String(repeating: "- ", count: 100_000)
      case .keys: String(repeating: "? ", count: 5_000)
      case .indentation: (0..<300).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
      case .objects: "a: " + String(repeating: "{a: ", count: 100)
      }
    }
  }

  @Test(arguments: Depth.allCases)
  func `depth ends in an error`(depth: Depth) {
    #expect(throws: ConfigurationError.self) { try TrainingConfiguration(parsing: depth.text, file: "deep.yaml") }
  }

  @Test func `many values end in an error`() {
    let text = "base_model: x\nlist:\n" + String(repeating: "  - 1\n", count: 30_000)
    #expect(throws: ConfigurationError.self) { try TrainingConfiguration(parsing: text, file: "long.yaml") }
  }

  @Test func `a file that is not there is told apart`() throws {
    let error = try #require(throws: ConfigurationError.self) {
      _ = try TrainingConfiguration(reading: ["/nowhere/at/all.yaml"])
    }
    #expect(error.isMissingFile)
  }

  @Test func `a huge file is refused unread`() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".yaml")
    try Data(repeating: 0x20, count: 2 << 20).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: ConfigurationError.self) { try TrainingConfiguration(reading: [file.path]) }
  }

  /// Cut, doubled and swapped pieces of real files: whatever comes out, it is a value or a typed error.
  @Test(arguments: [
    "axolotl-qlora.yml", "llama-factory-zero3.yaml", "ds_z3.json", "trl-sft.yaml", "accelerate-fsdp.yaml",
    "torchtune-qlora.yaml", "adapter_config.json", "unsloth.json", "launch.sh",
  ])
  func `damaged files end in a value or in a typed error`(name: String) throws {
    let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: Example.path(name))))
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % max(1, bound)
    }
    for _ in 0..<200 {
      var damaged = bytes
      for _ in 0...random(3) {
        let place = random(damaged.count)
        switch random(4) {
        case 0: damaged.removeSubrange(place...)
        case 1: damaged.insert(contentsOf: Array(" -[{:&*\"'\n\t".utf8).prefix(1 + random(11)), at: place)
        case 2 where !damaged.isEmpty: damaged[min(place, damaged.count - 1)] = UInt8(random(256))
        default: damaged.insert(contentsOf: bytes[random(bytes.count)...].prefix(40), at: place)
        }
      }
      do throws(ConfigurationError) {
        let text = String(decoding: damaged, as: UTF8.self)
        _ = try TrainingConfiguration(parsing: text, file: name).sentences
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }
}
