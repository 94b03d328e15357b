public import Planning

/// The Python script that measures a step on the user's own software.
///
/// Its text is the same for every recipe: what is to be run stands in it as JSON.
public struct ProbeScript: Sendable {
  public let settings: ProbeSettings

  public init(_ settings: ProbeSettings) { self.settings = settings }

  /// The whole script, ending with a line feed.
  public var text: String {
    ProbeScript.parts.map { String(decoding: $0, as: UTF8.self) }.joined()
      .replacing(ProbeScript.placeholder, with: settings.json.text)
  }

  static let placeholder = "@SETTINGS@"

  /// In the order in which they stand in the script.
  private static let parts = [
    PackageResources.settings_py, PackageResources.memory_py, PackageResources.model_py, PackageResources.training_py,
    PackageResources.main_py,
  ]
}
