import Modeling

extension TrainingConfiguration {
  /// Reads files that together describe one run, in any order.
  ///
  /// - Throws: ``ConfigurationError``, with the file and the field.
  public init(reading paths: [String]) throws(ConfigurationError) {
    var files: [ConfigurationFile] = []
    for path in paths { files.append(try ConfigurationFile.read(path)) }
    try self.init(files)
  }

  /// Reads one text as the contents of a file of that name.
  public init(parsing text: String, file: String) throws(ConfigurationError) {
    try self.init([ConfigurationFile.parse(text, file: file)])
  }

  private init(_ files: [ConfigurationFile]) throws(ConfigurationError) {
    var parts: [(file: ConfigurationFile, dialect: Dialect)] = []
    for file in files {
      if !file.values.isEmpty {
        guard let dialect = file.dialect ?? Dialect.detected(in: file.values) else {
          throw .unknownDialect(file: file.file, keys: file.values.keys.sorted())
        }
        parts.append((file, dialect))
      }
      if !file.launcher.isEmpty {
        parts.append((ConfigurationFile(file: file.file, values: file.launcher), .accelerate))
      }
      if file.values.isEmpty, file.launcher.isEmpty { throw .unknownDialect(file: file.file, keys: []) }
    }
    let programs = parts.filter(\.dialect.namesProgram)
    if programs.count > 1 {
      throw .conflict(
        field: "--config", value: programs[1].file.file,
        reason: "\(programs[0].file.file) says already what trains: name one of them", file: programs[1].file.file)
    }
    // A trainer's file first, then what wraps its step: adapters, launchers, sharding.
    let order: [Dialect] = [.peft, .accelerate, .fsdp, .deepspeed]
    let others = order.flatMap { wanted in parts.filter { $0.dialect == wanted } }
    var draft = ConfigurationDraft()
    for (file, dialect) in programs + others {
      let fields = ConfigurationFields(file.values, file: file.file)
      draft.configuration.files.append((file.file, dialect))
      try dialect.reader.read(fields, into: &draft)
      if dialect.namesProgram { draft.trainerFile = file.file }
      draft.close(fields, notModeled: dialect.reader.notModeled)
    }
    draft.finish()
    self = draft.configuration
  }
}

extension ConfigurationDraft {
  /// Settles what several files decide together.
  fileprivate mutating func finish() {
    if let choices, request.stack != nil { request.choices = choices }
    // One process shares with nobody; DeepSpeed changes the step even there.
    if request.devices == 1, let sharding = request.sharding, !sharding.isDeepSpeed, sharding != .none {
      note("one process shares with nobody: \(sharding.rawValue) is left out")
      request.sharding = nil
    }
    if request.devices == nil, let sharding = request.sharding, !sharding.isDeepSpeed {
      note("\(sharding.rawValue) needs the number of GPUs, which no file says: name it with --gpus")
    }
  }
}
