import Bookkeeping
import Kernels
public import Modeling

/// Why a saved state cannot be taken up.
public enum RunStateError: Error, Hashable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case differs(setting: String, saved: String, now: String, path: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "the saved state \(path) cannot be read: \(reason)"
    case .differs(let setting, let saved, let now, let path):
      "the state saved in \(path) has \(setting) \(saved), and this run has \(now): resume with the same settings"
    }
  }
}

/// A run on disk, so that it can be taken up where it stood: what trains, the optimizer's states, and the step.
///
/// A state is a folder, `checkpoint-120`, that appears all at once: it is written under another name first and then
/// renamed. Whatever kills the process, the last folder of that name is whole.
public enum RunState {
  static let weightsName = "state.safetensors"
  static let descriptionName = "state.json"
  static let prefix = "checkpoint-"
  /// Steps beyond which a state can't be whole.
  private static let longestRun = 1 << 40

  /// Writes the trainer's state into `folder` and lets go of all but the newest `kept` states there.
  ///
  /// - Parameters:
  ///   - settings: whatever has to be the same for a run to go on: compared on ``resume(_:from:settings:)``.
  ///   - extra: whatever else the caller wants back.
  public static func save(
    _ trainer: Trainer, in folder: String, settings: [String: String], extra: JSONValue, kept: Int = 2
  ) throws {
    let name = prefix + String(trainer.stepCount)
    // What a kill left half-written may be of a step that is not coming again.
    RunFolder.removeDrafts(in: folder)
    let draft = folder + "/" + RunFolder.draftName(of: name)
    try RunFolder.remove(draft)
    try AtomicFile.makeFolder(draft)
    let tensors = trainer.trained.flatMap(states)
    var writer = try SafetensorsWriter(
      path: draft + "/" + weightsName,
      tensors: tensors.map { SafetensorsWriter.Tensor(name: $0.name, shape: $0.parameter.shape, format: $0.format) })
    for tensor in tensors {
      switch tensor.part {
      case .value: try writer.write(tensor.parameter)
      case .firstMoment: try writer.write(tensor.parameter.firstMoment.span)
      case .secondMoment: try writer.write(tensor.parameter.secondMoment.span)
      }
    }
    try writer.finish()
    let description = JSONValue.object([
      "step": .integer(trainer.stepCount),
      "settings": .object(settings.mapValues { .string($0) }),
      "extra": extra,
    ])
    try AtomicFile.write(description.text(indent: 2) + "\n", to: draft + "/" + descriptionName)
    try RunFolder.move(draft, to: folder + "/" + name)
    for step in RunFolder.savedSteps(in: folder).dropLast(max(1, kept)) {
      try RunFolder.remove(folder + "/" + prefix + String(step))
    }
  }

  /// The newest state in `folder`, if there is one.
  public static func newest(in folder: String) -> String? {
    RunFolder.savedSteps(in: folder).last.map { folder + "/" + prefix + String($0) }
  }

  /// Takes the trainer to where `path` left it.
  ///
  /// - Returns: what was saved as `extra`.
  public static func resume(_ trainer: Trainer, from path: String, settings: [String: String]) throws -> JSONValue {
    let file = path + "/" + descriptionName
    let description: JSONValue
    do {
      description = try JSONValue(parsing: JSONValue.bytes(ofFile: file))
    } catch { throw RunStateError.unreadable(path: file, reason: "\(error)") }
    guard case .object(let fields) = description, case .integer(let step)? = fields["step"],
      case .object(let saved)? = fields["settings"], let extra = fields["extra"]
    else { throw RunStateError.unreadable(path: file, reason: "step, settings or extra is missing") }
    guard (0...longestRun).contains(step) else {
      throw RunStateError.unreadable(path: file, reason: "its step is \(step)")
    }
    // Flags, whose names begin with a dash, come last: other data or another model changes some of them too.
    for (name, value) in settings.sorted(by: { $0.key > $1.key }) {
      guard case .string(let old)? = saved[name] else {
        throw RunStateError.unreadable(path: file, reason: "settings.\(name) is missing")
      }
      guard old == value else { throw RunStateError.differs(setting: name, saved: old, now: value, path: path) }
    }
    let weights = try StateWeights(path: path + "/" + weightsName)
    for parameter in trainer.trained {
      for tensor in states(of: parameter) {
        switch tensor.part {
        case .value: try weights.fill(parameter)
        case .firstMoment: try weights.fill(tensor.name, parameter.shape, into: parameter.firstMoment.mutableSpan)
        case .secondMoment: try weights.fill(tensor.name, parameter.shape, into: parameter.secondMoment.mutableSpan)
        }
      }
    }
    trainer.resume(at: step)
    return extra
  }

  private enum Part { case value, firstMoment, secondMoment }

  private struct StateTensor {
    let name: String
    let parameter: ParameterTensor
    let part: Part
    /// States are fp32, whatever the weight is.
    var format: SafetensorsWriter.Format { part == .value ? parameter.fileFormat : .fp32 }
  }

  private static func states(of parameter: ParameterTensor) -> [StateTensor] {
    var tensors = [StateTensor(name: parameter.name, parameter: parameter, part: .value)]
    if parameter.firstMoment.isOpen {
      tensors.append(
        StateTensor(name: TensorName.firstMoment(of: parameter.name), parameter: parameter, part: .firstMoment))
    }
    if parameter.secondMoment.isOpen {
      tensors.append(
        StateTensor(name: TensorName.secondMoment(of: parameter.name), parameter: parameter, part: .secondMoment))
    }
    return tensors
  }
}
