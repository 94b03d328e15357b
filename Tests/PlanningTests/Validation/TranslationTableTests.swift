import Bookkeeping
import Foundation
import Modeling
import Planning
import Testing

/// `Resources/translation.csv` has rows as published tables have them, of software and models that are in no file of
/// measurements here; what each has to come to was written down by hand, from the software's own defaults.
@Suite struct `A table of measurements in many people's words` {
  /// A row with what it has to come to, as `key=value` between semicolons.
  struct Case: CustomTestStringConvertible, Sendable {
    let row: Planning.Measurement
    let expected: [(key: String, value: String)]

    var testDescription: String { "\(row.id) \(row.model.name) \(row.setting.method)" }
  }

  static let cases: [Case] = {
    guard
      let url = Bundle.module.url(forResource: "translation", withExtension: "csv", subdirectory: "Resources"),
      let table = try? CSVTable(path: url.path), let file = try? MeasurementFile(path: url.path)
    else { return [] }
    let expected = Dictionary(
      table.rows.compactMap { row in row["id"].map { ($0, row["expect"] ?? "") } },
      uniquingKeysWith: { first, _ in first })
    return file.measurements.map { row in
      Case(
        row: row,
        expected: (expected[row.id] ?? "").split(separator: ";").map { part in
          let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
          return (sides.first ?? "", sides.count > 1 ? sides[1] : "")
        })
    }
  }()

  @Test func `is read whole`() throws {
    #expect(Self.cases.count == 112)
    #expect(Self.cases.allSatisfy { !$0.expected.isEmpty })
  }

  @Test(arguments: cases)
  func `comes to the recipe that was meant`(case: Case) throws {
    let translated: TranslatedMeasurement
    do {
      translated = try `case`.row.translated()
    } catch {
      #expect(`case`.expected.map(\.key) == ["refusal"], "\(error)")
      #expect(`case`.expected.first?.value == error.reason.rawValue, "\(error)")
      return
    }
    for (key, value) in `case`.expected {
      if key == "parameters" {
        let billions = Double(translated.spec.parameterCount) / 1e9
        // Tables round, and leave out biases.
        #expect(try abs(billions / #require(Double(value)) - 1) < 0.02, "\(billions)")
      } else {
        #expect(Self.found(key, translated) == value, "\(key)")
      }
    }
  }

  private static func found(_ key: String, _ translated: TranslatedMeasurement) -> String? {
    let (spec, recipe) = (translated.spec, translated.recipe.recipe)
    switch key {
    case "architecture": return spec.architecture.rawValue
    case "active": return spec.feedForward.experts.map { "\($0.active)" }
    case "positions": return if case .learned = spec.positions { "learned" } else { "rotary" }
    case "tied": return spec.tiesEmbeddings ? "yes" : "no"
    case "device": return translated.device?.name ?? "none"
    case "stack": return recipe.stack.rawValue
    case "precision": return recipe.precision.rawValue
    case "adapters": return recipe.adapterFormat.rawValue
    case "attention": return recipe.attention.rawValue
    case "loss": return recipe.loss.rawValue
    case "sequence": return "\(recipe.batch.sequence)"
    case "batch": return "\(recipe.batch.microBatch)"
    case "optimizer": return recipe.optimizer.kind.rawValue
    case "implementation": return recipe.optimizer.implementation.rawValue
    case "optimizerRank": return "\(recipe.optimizer.rank)"
    case "sharding": return recipe.parallelism.sharding.rawValue
    case "gpus": return "\(recipe.parallelism.devices)"
    default: return method(key, recipe.method, spec) ?? choice(key, recipe.choices)
    }
  }

  private static func method(_ key: String, _ method: Method, _ spec: ModelSpec) -> String? {
    switch key {
    case "method": return method.name.rawValue
    case "quant": return method.quantization?.text ?? "none"
    case "rank":
      if case .wrapped(.adalora(let adalora), _) = method { return "\(adalora.rank)" }
      if case .wrapped(.vera(let vera), _) = method { return "\(vera.rank)" }
      if case .wrapped(.loha(let loha), _) = method { return "\(loha.rank)" }
      if case .wrapped(.lokr(let lokr), _) = method { return "\(lokr.rank)" }
      return method.adapter.map { "\($0.rank)" }
    case "block":
      if case .wrapped(.oft(let oft), _) = method { return "\(oft.blockSize)" }
      if case .wrapped(.boft(let boft), _) = method { return "\(boft.blockSize)" }
      return nil
    case "dropout": return method.adapter.map { $0.dropout == 0 ? "0" : "\($0.dropout)" }
    case "save": return method.adapter.map { $0.modulesToSave.joined(separator: ",") }
    case "tokens": return method.virtualTokens.map { "\($0.count)" }
    case "layers":
      if case .partial(.layers(let freeze)) = method { return "\(freeze.layers)" }
      return nil
    case "targets":
      guard let targets = method.wrapping?.targets else { return nil }
      let modules = spec.linearModules(0)
      let chosen = modules.filter(targets.match)
      return chosen == modules ? "all-linear" : chosen.map(\.shortName).joined(separator: ",")
    default: return nil
    }
  }

  private static func choice(_ key: String, _ choices: StackChoices) -> String? {
    switch key {
    case "experts": choices.experts.rawValue
    case "norm": choices.norm.rawValue
    case "rotary": choices.rotary.rawValue
    case "gate": choices.gate.rawValue
    case "fused": choices.adapters.rawValue
    case "head": choices.fusedHead.rawValue
    case "reentrant": choices.reentersCheckpoints ? "yes" : "no"
    case "shifted": choices.copiesShiftedLogits ? "yes" : "no"
    case "outputs": choices.keepsOutputs ? "kept" : "dropped"
    case "inBackward": choices.stepsInBackward ? "yes" : "no"
    case "tablesBack": choices.castsTablesBack ? "yes" : "no"
    default: nil
    }
  }

  @Test func `is read alike in capitals, and with words that nobody knows`() throws {
    let plain = try MeasurementExamples.row(["method": "lora", "gpu_kind": "RTX 3090"]).translated()
    for change in [["method": "LoRA"], ["method": "lora+xyzzy"], ["gpu_kind": "rtx 3090 in a cupboard"]] {
      let other = try MeasurementExamples.row(["gpu_kind": "RTX 3090"].merging(change) { $1 }).translated()
      #expect(other.recipe.recipe == plain.recipe.recipe && other.device == plain.device, "\(change)")
    }
    let strange = try MeasurementExamples.row(["method": "lora+xyzzy"]).translated()
    #expect(strange.assumptions.contains { $0.contains("xyzzy") })
  }

  @Test(arguments: [
    ("torchtune", "torchtune README 2024-05", "torchtune-2024"), ("torchtune", "README, 2048 tokens", "torchtune"),
    ("torchtune 0.6.1", "made up", "torchtune"),
  ])
  func `dates software by its source where the library column does not`(
    library: String, source: String, stack: String
  ) throws {
    let row = try MeasurementExamples.row([
      "library": library, "source": source, "compute_dtype": "bf16", "loss_impl": "its own",
    ])
    #expect(try row.translated().recipe.recipe.stack.rawValue == stack)
  }
}
