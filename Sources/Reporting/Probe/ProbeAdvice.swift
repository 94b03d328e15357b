import Bookkeeping
import Modeling
public import Planning

/// What to do with a script that was written, and what it will take.
public struct ProbeAdvice: Sendable {
  public let settings: ProbeSettings
  /// The script's path.
  public let script: String
  /// What the deepest of the script's models is planned to take.
  public let need: Interval
  public let device: Device?

  /// The most layers that the script measures unless it is told otherwise.
  public static let deepest = 3

  public init(settings: ProbeSettings, script: String, device: Device?) throws(PlanError) {
    let layers = min(ProbeAdvice.deepest, settings.spec.layerCount)
    need = try settings.deviceBytes(layers: layers, on: device)
    (self.settings, self.script, self.device) = (settings, script, device)
  }

  /// A few lines for a terminal.
  public var text: String {
    let layers = min(ProbeAdvice.deepest, settings.spec.layerCount)
    var room = "\(Phrase.count(layers, "layer")) of \(settings.spec.layerCount) are planned at \(need)"
    if let device {
      let fits = need.high <= device.usable ? "fits" : need.low > device.usable ? "does not fit" : "may not fit"
      room += ", which \(fits) the \(device.title) (\(Phrase.size(device.usable)))"
    }
    return Document([
      .lead("\(script): \(settings.spec.name), \(settings.recipe.summary)"),
      .list([
        room,
        "python3 \(script) --output probe.json, where torch and your training software are installed",
        "plimsoll validate --probe probe.json, on the same machine or another",
      ]),
    ]).text(width: TextFormat.defaultWidth)
  }
}
