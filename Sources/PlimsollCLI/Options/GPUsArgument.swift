import ArgumentParser
import Planning

/// What `--gpus` says: how many share a step, or which are to be compared.
enum GPUsArgument: ExpressibleByArgument {
  case count(Int)
  case all
  case names([String])

  init?(argument: String) {
    if let count = Int(argument) {
      self = .count(count)
    } else if argument.lowercased() == "all" {
      self = .all
    } else {
      let names = argument.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }.filter { !$0.isEmpty }
      guard !names.isEmpty else { return nil }
      self = .names(names)
    }
  }
}

extension RecipeOptions {
  /// Refuses devices where a number of them is meant.
  func requireCount() throws(UsageError) {
    switch gpus {
    case nil, .count: return
    case .all: throw .gpusByName("all")
    case .names(let names): throw .gpusByName(names.joined(separator: ","))
    }
  }

  /// The devices that were named, where any were.
  func devices() throws(UsageError) -> [Device]? {
    switch gpus {
    case nil, .count: return nil
    case .all: return DeviceCatalog.all
    case .names(let names):
      var devices: [Device] = []
      for name in names {
        let device = try BudgetOptions.device(named: name, flag: "gpus")
        if !devices.contains(device) { devices.append(device) }
      }
      return devices
    }
  }
}
