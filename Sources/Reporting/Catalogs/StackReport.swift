import Bookkeeping
public import Modeling

/// What `stacks --about` prints: one stack in writing.
public struct StackReport: Report {
  public let description: StackDescription

  public init(_ description: StackDescription) { self.description = description }

  private var defaults: [(method: Method.Name, defaults: StackDescription.Defaults)] {
    [(.full, description.full), (.lora, description.lora), (.qlora, description.qlora)]
  }

  public var table: Table {
    Table(
      [
        Column("method", key: "method"), Column("weights", key: "dtype"), Column("adapters", key: "adapter_dtype"),
        Column("precision", key: "precision"), Column("checkpointing", key: "checkpointing", .flag),
        Column("loss", key: "loss"), Column("optimizer", key: "optimizer"),
      ],
      rows: defaults.map { method, defaults in
        [
          .text(method.rawValue), .text(defaults.weightFormat.rawValue),
          method == .full ? .none : .text(defaults.adapterFormat.rawValue), .text(defaults.precision.rawValue),
          .flag(defaults.usesGradientCheckpointing), .text(defaults.loss.rawValue),
          .text(defaults.optimizer.rawValue),
        ]
      })
  }

  public var json: OrderedJSON {
    .object([
      .init("name", .string(description.stack.rawValue)), .init("title", .string(description.title)),
      .init("software", .array(description.software.map { .string($0) })),
      .init("notes", .array(description.notes.map { .string($0) })),
      .init("choices", .object(choices.map { .init($0.key, .string($0.value)) })), .init("defaults", table.json),
    ])
  }

  public var document: Document {
    var blocks: [Document.Block] = [
      .lead("\(description.stack.rawValue): \(description.title)"),
      .facts([Document.Fact("software", description.software.joined(separator: ", "))]),
      .heading("Where nothing is said"), .table(table), .heading("How it runs a step"),
      .facts(choices.map { Document.Fact($0.name, $0.value) }),
    ]
    if !description.notes.isEmpty { blocks += [.heading("Read in the source"), .list(description.notes)] }
    return Document(blocks)
  }

  private struct Choice {
    let name: String
    let key: String
    let value: String
  }

  private var choices: [Choice] {
    let choices = description.choices
    func flag(_ name: String, _ key: String, _ value: Bool) -> Choice {
      Choice(name: name, key: key, value: value ? "yes" : "no")
    }
    return [
      Choice(name: "norm", key: "norm", value: choices.norm.rawValue),
      Choice(name: "rotary embedding", key: "rotary", value: choices.rotary.rawValue),
      Choice(name: "gate", key: "gate", value: choices.gate.rawValue),
      Choice(name: "adapters", key: "adapters", value: choices.adapters.rawValue),
      Choice(name: "cross-entropy", key: "cross_entropy", value: choices.crossEntropy.rawValue),
      Choice(name: "fused head", key: "fused_head", value: choices.fusedHead.rawValue),
      Choice(name: "shared heads", key: "shared_heads", value: choices.sharedHeads.rawValue),
      Choice(name: "checkpoints on", key: "checkpoints", value: choices.checkpoints.rawValue),
      flag("re-enters checkpoints", "reenters_checkpoints", choices.reentersCheckpoints),
      flag("casts logits to fp32", "casts_logits", choices.castsLogits),
      flag("returns the fp32 logits", "returns_cast_logits", choices.returnsCastLogits),
      flag("copies shifted logits", "copies_shifted_logits", choices.copiesShiftedLogits),
      flag("converts outputs under autocast", "converts_outputs", choices.convertsOutputs),
      flag("keeps outputs through backward", "keeps_outputs", choices.keepsOutputs),
      flag("output holds keys and values", "keeps_keys_and_values", choices.keepsKeysAndValues),
      flag("prepares for k-bit training", "prepares_for_kbit_training", choices.preparesForKbitTraining),
      flag("casts tables back", "casts_tables_back", choices.castsTablesBack),
      Choice(name: "optimizer walks", key: "optimizer_implementation", value: choices.optimizerImplementation.rawValue),
    ]
  }
}
