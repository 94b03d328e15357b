import Bookkeeping
import Modeling

extension ProbeRecording {
  /// Reads the JSON that a probe has left at `path`.
  ///
  /// - Throws: ``ProbeError`` for a file that is missing, cut short, foreign, or without one finished measurement.
  public init(path: String) throws(ProbeError) {
    try self.init(ProbeRecording.bytes(of: path), file: path)
  }

  /// Reads the bytes of such a file.
  public init(_ bytes: [UInt8], file: String) throws(ProbeError) {
    let document = try ProbeRecording.document(bytes, file: file)
    guard document["format"]?.stringValue == "plimsoll-probe", document["version"]?.integerValue == 1 else {
      throw .foreign(file: file)
    }
    let fields = try ProbeFields(document, file: file)
    settings = try ProbeSettings(fields.required(object: "settings"))
    machine = try Machine(fields.object("machine"))
    packages = try ProbeRecording.packages(fields.object("packages"))
    var depths: [Depth] = []
    for record in try fields.objects("depths") {
      let depth = try Depth(record)
      guard (1...settings.spec.layerCount).contains(depth.layers) else {
        throw record.wrong("layers", "between 1 and \(settings.spec.layerCount), the model's")
      }
      depths.append(depth)
    }
    depths.sort { $0.layers < $1.layers }
    guard depths.contains(where: \.isComplete) else {
      throw .nothingMeasured(file: file, reason: depths.lazy.compactMap(\.failure).first)
    }
    for (left, right) in zip(depths, depths.dropFirst()) where left.layers == right.layers {
      throw fields.wrong("depths", "of different numbers of layers, and \(left.layers) comes twice")
    }
    self.depths = depths
  }

  private static func bytes(of path: String) throws(ProbeError) -> [UInt8] {
    do { return try JSONValue.bytes(ofFile: path) } catch { throw .file(error) }
  }

  private static func document(_ bytes: [UInt8], file: String) throws(ProbeError) -> JSONValue {
    do { return try JSONValue(parsing: bytes) } catch { throw .notJSON(error, file: file) }
  }

  private static func packages(_ fields: ProbeFields?) throws(ProbeError) -> [Package] {
    guard let fields else { return [] }
    var packages: [Package] = []
    for name in fields.keys { packages.append(Package(name: name, version: try fields.text(name) ?? "")) }
    return packages
  }
}

extension ProbeRecording.Machine {
  fileprivate init(_ fields: ProbeFields?) throws(ProbeError) {
    name = try fields?.text("name")
    total = try fields?.count("total_bytes").map { Bytes($0) }
    guard let fields, let capability = try fields.text("compute_capability") else {
      computeCapability = nil
      return
    }
    let parts = capability.split(separator: ".").map { Int($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1] else {
      throw fields.wrong("compute_capability", "such as 8.9")
    }
    computeCapability = Device.ComputeCapability(major: major, minor: minor)
  }
}

extension ProbeRecording.Depth {
  fileprivate init(_ fields: ProbeFields) throws(ProbeError) {
    guard let layers = try fields.count("layers") else { throw fields.missing("layers") }
    self.layers = layers
    failure = try fields.object("error")?.text("message")
    trainable = try fields.object("parameters")?.count("trainable")
    let steps = try fields.objects("steps")
    var phases: [ProbeRecording.Phase: ProbeRecording.Reading] = [:]
    // The first step makes the optimizer's states: only later ones are steady.
    if steps.count >= 2, let last = steps.last {
      for entry in try last.objects("phases") {
        guard let name = try entry.text("phase"), let phase = ProbeRecording.Phase(rawValue: name) else { continue }
        let reading = try ProbeRecording.Reading(entry)
        phases[phase] = phases[phase].map { $0.followed(by: reading) } ?? reading
      }
      if let load = try fields.object("load") { phases[.load] = try ProbeRecording.Reading(load) }
    }
    self.phases = phases
  }
}

extension ProbeRecording.Reading {
  fileprivate init(_ fields: ProbeFields) throws(ProbeError) {
    func bytes(_ field: String) throws(ProbeError) -> Bytes? { try fields.count(field).map { Bytes($0) } }
    guard let peak = try bytes("peak_allocated") else { throw fields.missing("peak_allocated") }
    guard let live = try bytes("live_allocated") else { throw fields.missing("live_allocated") }
    (self.peak, self.live) = (peak, live)
    peakReserved = try bytes("peak_reserved")
    if let used = try bytes("device_used"), let reserved = try bytes("live_reserved") {
      outside = used >= reserved ? used - reserved : .zero
    } else {
      outside = nil
    }
  }

  /// The same phase of the next micro-batch.
  fileprivate func followed(by next: ProbeRecording.Reading) -> ProbeRecording.Reading {
    ProbeRecording.Reading(
      peak: max(peak, next.peak), live: next.live,
      peakReserved: [peakReserved, next.peakReserved].compactMap(\.self).max(),
      outside: [outside, next.outside].compactMap(\.self).max())
  }
}
