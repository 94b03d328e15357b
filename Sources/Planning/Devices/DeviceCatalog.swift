/// The devices that are known by name.
public enum DeviceCatalog {
  /// Every device, by maker and generation.
  public static let all: [Device] = geForce + workstation + dataCenter + instinct

  /// Finds a device by its name, case and separators aside: `RTX 4060`, `rtx-4060`, `rtx4060`.
  public static func named(_ name: String) -> Device? {
    let wanted = key(name)
    return all.first { key($0.name) == wanted || key($0.title) == wanted }
  }

  private static func key(_ name: String) -> String {
    String(name.lowercased().filter { $0.isLetter || $0.isNumber })
  }
}
