import Bookkeeping
import Modeling
public import Planning

/// What `plan` prints: what fits, how far it goes, the fastest way, and what to change where it doesn't fit.
public struct PlanReport: Report {
  public let capacity: Capacity
  /// What was taken for granted, a sentence each.
  public let assumptions: [String]

  public init(_ capacity: Capacity, assumptions: [String]) {
    self.capacity = capacity
    self.assumptions = assumptions
  }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(lead)]
    blocks += [.heading("What fits"), .table(overview)]
    if let holes { blocks.append(.list(holes)) }
    blocks += [.heading("Largest batch by sequence"), .table(frontier)]
    blocks += [.heading("Fastest that fits, on the \(capacity.card.title)"), .table(speeds)]
    if let run = capacity.run { blocks += RunBlocks.blocks(run) }
    blocks += remedies
    blocks += [.heading("Notes"), .list(notes)]
    if !assumptions.isEmpty { blocks += [.heading("Assumed"), .list(assumptions)] }
    return Document(blocks)
  }

  private var place: String {
    capacity.device.map { "on the \($0.title) (\(Phrase.size(capacity.budget)))" }
      ?? "in \(Phrase.size(capacity.budget))"
  }

  private var lead: String {
    let choice = capacity.choice
    let name = "\(capacity.spec.name) with \(choice.recipe.method.title)"
    let shape = choice.recipe.batch
    let size = "\(Phrase.count(shape.microBatch, "sequence")) of \(Fixed.grouped(shape.sequence))"
    if choice.fits {
      let longest = choice.sequence.map { ", and one of up to \(Fixed.grouped($0.largest)) tokens" } ?? ""
      return
        "\(name) fits \(place): \(size) \(shape.microBatch == 1 ? "takes" : "take") \(choice.device.expected)\(longest)"
    }
    guard let remedy = choice.remedy else {
      return "\(name) does not fit \(place), whatever is changed: \(size) would take \(choice.device.expected)"
    }
    return "\(name) does not fit \(place) as it is (\(choice.device.expected)), but does with \(remedy.flags)"
  }

  // MARK: Tables of the page

  private var overview: Table {
    Table(
      [
        Column("method", key: "method"), Column("as asked", key: "device_bytes", .bytes),
        Column("fits", key: "fits", .flag), Column("longest sequence", key: "largest_sequence", .integer),
        Column("batch", key: "largest_micro_batch", .integer), Column("rank", key: "largest_rank", .integer),
        Column("with", key: "smallest_changes"),
      ],
      rows: capacity.methods.map { method in
        [
          .text(method.recipe.method.name.rawValue), .bytes(method.device.expected), .flag(method.fits),
          .optional(method.sequence?.largest), .optional(method.microBatch?.largest), .optional(method.rank?.largest),
          .text(method.fits ? "" : method.remedy?.flags ?? "nothing helps"),
        ]
      })
  }

  /// Numbers that don't fit although larger ones do.
  private var holes: [String]? {
    let sentences = capacity.methods.flatMap { method in
      [("sequences", method.sequence), ("batches", method.microBatch), ("ranks", method.rank)].compactMap {
        name, stretch -> String? in
        guard let stretch, !stretch.holes.isEmpty else { return nil }
        let list = stretch.holes.map { Fixed.grouped($0) }.joined(separator: ", ")
        return "\(method.recipe.method.title): of the smaller \(name), \(list) would not fit, since the allocator uses "
          + "its cached blocks again better at \(Fixed.grouped(stretch.largest))"
      }
    }
    return sentences.isEmpty ? nil : sentences
  }

  private var frontier: Table {
    let sequences = capacity.sequences
    let columns = capacity.methods.map {
      Column($0.recipe.method.name.rawValue, key: $0.recipe.method.name.rawValue, .integer)
    }
    return Table(
      [Column("sequence", key: "sequence", .integer)] + columns,
      rows: sequences.enumerated().map { place, sequence in
        let batches = capacity.methods.map { method in
          Cell.optional(method.frontier.indices.contains(place) ? method.frontier[place].microBatch : nil)
        }
        return [.integer(sequence)] + batches
      })
  }

  private var speeds: Table {
    Table(
      [
        Column("method", key: "method"), Column("tokens/s", key: "tokens_per_second", .decimal(places: 0)),
        Column("batch", key: "batch", .integer), Column("checkpoints", key: "checkpointing", .flag),
        Column("attention", key: "attention"), Column("loss", key: "loss"),
        Column("device", key: "device_bytes", .bytes),
      ]
        + (isTimed
          ? [Column("steps", key: "run_steps", .integer), Column("the run", key: "run", alignment: .right)] : []),
      rows: capacity.methods.map { method in
        let title = Cell.text(method.recipe.method.name.rawValue)
        guard let fastest = method.fastest else {
          return [title] + Array(repeating: .none, count: isTimed ? 8 : 6)
        }
        let recipe = fastest.recipe
        let time = fastest.run?.seconds.map { Cell.text(Phrase.duration($0.expected)) } ?? .none
        let run: [Cell] = isTimed ? [.optional(fastest.run?.steps), time] : []
        return [
          title, .decimal(fastest.speed.expected), .integer(recipe.batch.microBatch),
          .flag(recipe.usesGradientCheckpointing), .text(recipe.attention.rawValue), .text(recipe.loss.rawValue),
          .bytes(fastest.device.expected),
        ] + run
      })
  }

  private var isTimed: Bool { capacity.run != nil }

  private var remedies: [Document.Block] {
    capacity.methods.flatMap { method -> [Document.Block] in
      guard !method.fits else { return [] }
      guard let remedy = method.remedy else { return [] }
      let title = "What makes \(method.recipe.method.name.rawValue) fit"
      return [.heading(title), .table(RemedyTable.table(of: remedy))]
    }
  }

  private var notes: [String] {
    var notes = [
      "what does not fit as asked is stretched with the changes that make it fit",
      "each number is the largest on its ladder that fits by its expected bytes: no larger one there does, a smaller one "
        + "may need more",
      "sequences of 16 tokens apart up to 1,024, then of a sixteenth at most; batches and ranks of 1 apart up to 64",
    ]
    if capacity.device == nil {
      notes.append("speed: the \(capacity.card.title) stands for a card of this size; name yours with --gpu")
    }
    let batch =
      isTimed
      ? "the fastest is the one with the least time for the run: larger batches pad data more, so the powers of two are "
        + "tried beside the largest that fits" : "the fastest takes the largest batch that fits"
    notes.append(
      "speed: \(batch), \(capacity.card.title)'s roofline; checkpoints, attention, loss and the optimizer's walk are "
        + "chosen; more sequences in a batch are more in a step")
    notes += capacity.refusals.map { "\($0.method.rawValue) is left out: \($0.reason)" }
    return notes
  }
}
