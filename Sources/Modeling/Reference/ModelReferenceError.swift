/// Why the MODEL that a user named could not be made into a spec.
public enum ModelReferenceError: Error, Hashable, CustomStringConvertible {
  /// No preset, no size, and nothing at that path.
  case unknownName(String, suggestions: [String])
  case file(FileError)
  /// A folder without anything that describes a model.
  case emptyFolder(path: String)
  case unknownFileType(path: String)
  case config(ConfigError)
  case safetensors(SafetensorsError)
  case gguf(GGUFError)

  /// What kind of mistake it is; commands choose their exit code by it.
  public enum Category: String, CaseIterable, Hashable, Sendable {
    /// The command line names something that does not exist.
    case usage
    /// A file is there and its contents are wrong.
    case data
    /// A file is not there.
    case noInput
  }

  public var category: Category {
    switch self {
    case .unknownName, .unknownFileType: .usage
    case .emptyFolder: .noInput
    case .file(let error), .safetensors(.file(let error)), .gguf(.file(let error)): error.category
    case .safetensors(.missingShard): .noInput
    case .config, .safetensors, .gguf: .data
    }
  }

  public var description: String {
    switch self {
    case .unknownName(let name, let suggestions):
      "\"\(name)\" is no model that is known by name, no size, and no file"
        + (suggestions.isEmpty ? "" : "; did you mean \(suggestions.joined(separator: ", "))?")
    case .file(let error): "\(error)"
    case .emptyFolder(let path):
      "the folder \(path) holds no config.json, no .safetensors and no .gguf file: nothing there describes a model"
    case .unknownFileType(let path):
      "\(path) is no config.json, .safetensors or .gguf file"
    case .config(let error): "\(error)"
    case .safetensors(let error): "\(error)"
    case .gguf(let error): "\(error)"
    }
  }
}

extension FileError {
  fileprivate var category: ModelReferenceError.Category {
    switch self {
    case .noSuchFile: .noInput
    case .unreadable, .notAFile, .tooLarge, .shrank: .data
    }
  }
}
