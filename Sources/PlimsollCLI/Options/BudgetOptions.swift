import ArgumentParser
import Bookkeeping
import Planning

/// The memory that there is: named outright or by its device.
struct BudgetOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("Memory of the GPU, with its unit: 8GB and 8GiB both mean 8 × 2^30 bytes.", valueName: "size"),
    transform: { try Bytes(parsing: $0) })
  var vram: Bytes?

  @Option(
    help: ArgumentHelp("A GPU by name, such as rtx-4060; plimsoll gpus lists them.", valueName: "name"))
  var gpu: String?

  /// Whether a budget was named at all.
  var isNamed: Bool { vram != nil || gpu != nil }

  /// The budget and, where one was named, the device that it is of.
  func budget() throws(UsageError) -> (bytes: Bytes, device: Device?) {
    switch (vram, gpu) {
    case (let bytes?, nil): return (bytes, nil)
    case (nil, let name?):
      let device = try BudgetOptions.device(named: name)
      return (device.usable, device)
    case (nil, nil): throw .noBudget
    case (_?, _?): throw .twoBudgets
    }
  }

  static func device(named name: String) throws(UsageError) -> Device {
    guard let device = DeviceCatalog.named(name) else {
      throw .unknownDevice(name, nearest: Nearest.names(to: name, among: DeviceCatalog.all.map(\.name)))
    }
    return device
  }
}
