import Modeling

/// A text that holds the command which starts a training: `accelerate launch … train.py --flags`, `trl sft --flags`,
/// `llamafactory-cli train file.yaml`, `tune run recipe --config file.yaml key=value`.
enum CommandLineText {
  private static let programs = [
    "trl", "accelerate", "python", "python3", "torchrun", "deepspeed", "llamafactory-cli", "axolotl", "tune", "uv",
  ]

  static func isCommand(_ text: String) -> Bool {
    // With a quote that is never closed it is a command still, and a wrong one.
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return (ShellWords.commands(text) ?? lines).contains { isTraining($0) }
  }

  private static func isTraining(_ words: [String]) -> Bool {
    guard let first = words.first(where: { !isAssignment($0) && $0 != "$" }) else { return false }
    let name = first.split(separator: "/").last.map(String.init) ?? first
    return programs.contains(name) || name.hasSuffix(".py")
  }

  private static func isAssignment(_ word: String) -> Bool {
    guard let mark = word.firstIndex(of: "=") else { return false }
    return word[..<mark].allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } && word.first?.isLetter == true
  }

  static func read(_ text: String, file: String) throws(ConfigurationError) -> ConfigurationFile {
    guard let commands = ShellWords.commands(text) else {
      throw .notCommand(reason: "a quote is never closed", file: file)
    }
    guard let words = commands.first(where: { isTraining($0) }) else {
      throw .notCommand(reason: "no command of it starts a training", file: file)
    }
    var call = TrainingCall(file: file, environment: commands.flatMap { $0 }.filter(isAssignment))
    try call.read(words.drop { isAssignment($0) || $0 == "$" })
    return try call.finished()
  }
}

/// What the words of a command say: the launcher's settings, the script, and its flags.
private struct TrainingCall {
  let file: String
  private var launcher: [String: JSONValue] = [:]
  private var flags: [String: JSONValue] = [:]
  private var dialect: TrainingConfiguration.Dialect?
  private var configFile: String?
  private var launcherFile: String?
  private var visible: Int?

  init(file: String, environment: [String]) {
    self.file = file
    for word in environment {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { continue }
      if parts[0] == "CUDA_VISIBLE_DEVICES" { visible = parts[1].split(separator: ",").count }
    }
  }

  mutating func read(_ words: ArraySlice<String>) throws(ConfigurationError) {
    var words = words
    guard let first = words.popFirst() else { return }
    switch first.split(separator: "/").last.map(String.init) ?? first {
    case "accelerate":
      if words.first == "launch" { words.removeFirst() }
      for (name, value) in try launcherFlags(&words) { accelerate(name, value) }
    case "torchrun", "deepspeed", "tune":
      if words.first == "run" { words.removeFirst() }
      for (name, value) in try launcherFlags(&words) where ["nproc_per_node", "num_gpus"].contains(name) {
        launcher["num_processes"] = YAMLScalar.plain(value)
      }
    case "python", "python3", "uv":
      while let word = words.first, word.hasPrefix("-"), word != "-m" { words.removeFirst() }
      if words.first == "run" { words.removeFirst() }
    case "trl":
      dialect = .trl
      // trl/scripts/utils.py: launcher's flags stand among the script's.
      words = words.dropFirst()
      return try readFlags(words)
    case "llamafactory-cli":
      dialect = .llamaFactory
      words = words.dropFirst()
      return try readFlags(words)
    case "axolotl":
      dialect = .axolotl
      words = words.dropFirst()
      return try readFlags(words)
    default: return try readFlags(words)
    }
    try readScript(words)
  }

  /// The script, or the module after `-m`, which may itself be a launcher (`python -m torch.distributed.run`).
  private mutating func readScript(_ words: ArraySlice<String>) throws(ConfigurationError) {
    var words = words
    if words.first == "-m" { words.removeFirst() }
    guard let script = words.popFirst() else { throw .notCommand(reason: "it names no script", file: file) }
    let name = script.lowercased().split(separator: "/").last.map(String.init) ?? script
    switch name {
    case "sft.py", "trl.scripts.sft": dialect = .trl
    case "axolotl.cli.train": dialect = .axolotl
    case "accelerate.commands.launch": return try read(["accelerate", "launch"] + words)
    case "torch.distributed.run": return try read(["torchrun"] + words)
    default: if name.contains("llamafactory") || name == "train_bash.py" { dialect = .llamaFactory }
    }
    try readFlags(words)
  }

  /// Flags of a launcher up to the script, with their values.
  private func launcherFlags(
    _ words: inout ArraySlice<String>
  ) throws(ConfigurationError) -> [(name: String, value: String)] {
    var flags: [(name: String, value: String)] = []
    let switches: Set<String> = [
      "multi_gpu", "use_deepspeed", "use_fsdp", "cpu", "standalone", "no_python", "module", "debug", "quiet", "bf16",
    ]
    while let word = words.first, word.hasPrefix("-") {
      words.removeFirst()
      if word == "-m" || word == "--module" { break }
      let text = word.drop { $0 == "-" }
      if let mark = text.firstIndex(of: "=") {
        flags.append((plain(text[..<mark]), String(text[text.index(after: mark)...])))
      } else if switches.contains(plain(text)) {
        flags.append((plain(text), "true"))
      } else if let value = words.popFirst() {
        flags.append((plain(text), value))
      } else {
        throw .notCommand(reason: "\(word) has no value", file: file)
      }
    }
    return flags
  }

  private func plain(_ name: Substring) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

  /// accelerate/commands/launch.py: the flags are the keys of its YAML, FSDP's and DeepSpeed's lying in sections there.
  private mutating func accelerate(_ name: String, _ value: String) {
    func put(_ key: String, in section: String) {
      var members = launcher[section]?.objectValue ?? [:]
      members[key] = YAMLScalar.plain(value)
      launcher[section] = .object(members)
    }
    switch name {
    case "config_file": launcherFile = value
    case "use_deepspeed": launcher["distributed_type"] = "DEEPSPEED"
    case "use_fsdp": launcher["distributed_type"] = "FSDP"
    case "multi_gpu": launcher["distributed_type"] = "MULTI_GPU"
    case "zero_stage", "offload_optimizer_device", "offload_param_device", "deepspeed_config_file":
      put(name, in: "deepspeed_config")
    case _ where name.hasPrefix("fsdp_"): put(name, in: "fsdp_config")
    case "num_processes", "mixed_precision": launcher[name] = YAMLScalar.plain(value)
    default: break
    }
  }

  /// `--name value`, `--name=value`, `--name` alone for true, several values for a list, and `key=value`.
  private mutating func readFlags(_ words: ArraySlice<String>) throws(ConfigurationError) {
    var words = words
    while let word = words.popFirst() {
      guard word.hasPrefix("--") || (word.hasPrefix("-") && Double(word) == nil) else {
        if let mark = word.firstIndex(of: "="), !word.hasPrefix("=") {
          set(String(word[..<mark]), [String(word[word.index(after: mark)...])])
        } else if configFile == nil {
          configFile = word
        }
        continue
      }
      let text = word.drop { $0 == "-" }
      if let mark = text.firstIndex(of: "=") {
        set(String(text[..<mark]), [String(text[text.index(after: mark)...])])
        continue
      }
      var values: [String] = []
      while let next = words.first, !next.hasPrefix("--"), !(next.hasPrefix("-") && Double(next) == nil) {
        // After one value `key=value` begins anew.
        if !values.isEmpty, next.contains("="), !next.hasPrefix("{") { break }
        values.append(next)
        words.removeFirst()
      }
      set(String(text), values)
    }
  }

  private mutating func set(_ name: String, _ values: [String]) {
    let key = name.replacing("-", with: "_")
    if key == "config" || key == "config_file", let path = values.first {
      configFile = path
    } else if ["num_processes", "num_machines", "accelerate_config"].contains(key), let value = values.first {
      if key == "accelerate_config" { launcherFile = value } else { launcher[key] = YAMLScalar.plain(value) }
    } else {
      // `tune run … optimizer.lr=1e-4` reaches into a section.
      let value: JSONValue =
        values.isEmpty
        ? .bool(true) : values.count == 1 ? YAMLScalar.plain(values[0]) : .array(values.map { .string($0) })
      let parts = key.split(separator: ".").map(String.init)
      flags = TrainingCall.placing(value, at: parts[...], in: flags)
    }
  }

  private static func placing(
    _ value: JSONValue, at path: ArraySlice<String>, in members: [String: JSONValue]
  ) -> [String: JSONValue] {
    guard let first = path.first else { return members }
    var members = members
    if path.count == 1 {
      members[first] = value
    } else {
      members[first] = .object(placing(value, at: path.dropFirst(), in: members[first]?.objectValue ?? [:]))
    }
    return members
  }

  /// The flags over the file that they name, and the launcher's settings over its own file.
  func finished() throws(ConfigurationError) -> ConfigurationFile {
    var values = flags
    if let configFile, [".yaml", ".yml", ".json"].contains(where: configFile.lowercased().hasSuffix) {
      guard let found = try ConfigurationFile.referenced(configFile, beside: file) else {
        throw .file(.noSuchFile(path: configFile))
      }
      values = merge(flags, over: found.values)
    }
    var settings = launcher
    if let launcherFile {
      guard let found = try ConfigurationFile.referenced(launcherFile, beside: file) else {
        throw .file(.noSuchFile(path: launcherFile))
      }
      settings = merge(launcher, over: found.values)
    }
    if let visible, visible > 1, settings["num_processes"] == nil { settings["num_processes"] = .integer(visible) }
    guard !values.isEmpty || !settings.isEmpty else {
      throw .notCommand(reason: "it has no flags and names no file of settings", file: file)
    }
    return ConfigurationFile(file: file, dialect: dialect, values: values, launcher: settings)
  }

  private func merge(_ upper: [String: JSONValue], over lower: [String: JSONValue]) -> [String: JSONValue] {
    lower.merging(upper) { below, above in
      guard let below = below.objectValue, let above = above.objectValue else { return above }
      return .object(merge(above, over: below))
    }
  }
}
