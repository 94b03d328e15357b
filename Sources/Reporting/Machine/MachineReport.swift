import Bookkeeping

/// What `machine` prints: the host that the engine would train on.
public struct MachineReport: Report {
  public let summary: MachineSummary

  public init(_ summary: MachineSummary) { self.summary = summary }

  private var processor: MachineSummary.Processor { summary.processor }
  private var memory: MachineSummary.Memory { summary.memory }

  public var document: Document {
    var facts = [
      Document.Fact(
        "processor",
        [
          processor.name ?? "unknown model", Phrase.count(processor.packages, "package"),
          Phrase.count(processor.cores, "core"), Phrase.count(processor.threads, "hardware thread"),
          Phrase.count(processor.numaNodes, "NUMA node"),
        ].joined(separator: ", ")),
      Document.Fact("allowed", allowance),
      Document.Fact("engine", "\(Phrase.count(processor.recommendedThreads, "worker thread"))"),
    ]
    if !processor.caches.isEmpty {
      facts.append(
        Document.Fact(
          "caches", processor.caches.map { "\($0.count) × \($0.name) \($0.size)" }.joined(separator: ", ")))
    }
    facts += [
      Document.Fact("memory", "\(memory.installed) installed, \(memory.available) available"),
      Document.Fact("usable", "\(memory.usable), bounded by \(memory.limitPhrase)"),
      Document.Fact("system", "\(summary.system), \(summary.kernel), \(summary.architecture)"),
    ]
    if let linearAlgebra = summary.linearAlgebra { facts.append(Document.Fact("linear algebra", linearAlgebra)) }
    facts.append(Document.Fact("swift", summary.swift))
    facts += summary.notes.map { Document.Fact("note", $0) }
    return Document([.facts(facts)])
  }

  private var allowance: String {
    let allowed =
      "\(Phrase.count(processor.allowedCores, "core")), \(Phrase.count(processor.allowedThreads, "hardware thread"))"
    guard let quota = processor.quota else { return allowed }
    return allowed + ", processor time of \(Fixed.text(quota, decimals: 2))"
  }

  /// One row for this host.
  public var table: Table {
    Table(
      [
        Column("processor", key: "processor"), Column("packages", key: "packages", .integer),
        Column("cores", key: "cores", .integer), Column("threads", key: "threads", .integer),
        Column("allowed cores", key: "allowed_cores", .integer),
        Column("allowed threads", key: "allowed_threads", .integer),
        Column("quota", key: "quota", .decimal(places: 2)), Column("NUMA nodes", key: "numa_nodes", .integer),
        Column("worker threads", key: "worker_threads", .integer),
        Column("installed", key: "installed_bytes", .bytes), Column("available", key: "available_bytes", .bytes),
        Column("usable", key: "usable_bytes", .bytes), Column("limit", key: "limit"),
        Column("system", key: "system"), Column("kernel", key: "kernel"),
        Column("architecture", key: "architecture"), Column("linear algebra", key: "linear_algebra"),
        Column("swift", key: "swift"),
      ],
      rows: [
        [
          processor.name.map { .text($0) } ?? .none, .integer(processor.packages), .integer(processor.cores),
          .integer(processor.threads), .integer(processor.allowedCores), .integer(processor.allowedThreads),
          processor.quota.map { .decimal($0) } ?? .none, .integer(processor.numaNodes),
          .integer(processor.recommendedThreads), .bytes(memory.installed), .bytes(memory.available),
          .bytes(memory.usable), .text(memory.limit), .text(summary.system), .text(summary.kernel),
          .text(summary.architecture), summary.linearAlgebra.map { .text($0) } ?? .none, .text(summary.swift),
        ]
      ])
  }

  public var json: OrderedJSON {
    [
      "processor": [
        "name": .optional(processor.name), "packages": .integer(processor.packages),
        "cores": .integer(processor.cores), "threads": .integer(processor.threads),
        "allowed_cores": .integer(processor.allowedCores), "allowed_threads": .integer(processor.allowedThreads),
        "quota": .optional(processor.quota), "numa_nodes": .integer(processor.numaNodes),
        "worker_threads": .integer(processor.recommendedThreads),
        "caches": .array(
          processor.caches.map {
            ["name": .string($0.name), "size_bytes": .integer($0.size.count), "count": .integer($0.count)]
          }),
      ],
      "memory": [
        "installed_bytes": .integer(memory.installed.count), "available_bytes": .integer(memory.available.count),
        "usable_bytes": .integer(memory.usable.count), "limit": .string(memory.limit),
      ],
      "system": [
        "name": .string(summary.system), "kernel": .string(summary.kernel),
        "architecture": .string(summary.architecture),
      ],
      "linear_algebra": .optional(summary.linearAlgebra),
      "swift": .string(summary.swift),
      "notes": .array(summary.notes.map { .string($0) }),
    ]
  }
}
