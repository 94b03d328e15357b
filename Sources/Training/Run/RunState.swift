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
      path: draft + "/" + weightsName, tensors: tensors.map(\.fileTensor))
    for tensor in tensors {
      let parameter = tensor.parameter
      switch tensor.part {
      case .value: try writer.write(parameter)
      case .firstMoment: try writer.write(parameter.firstMoment.span)
      case .secondMoment: try writer.write(parameter.secondMoment.span)
      case .codes(let moment): try writer.write(parameter[keyPath: moment].codes.span)
      case .absmax(let moment): try writer.write(parameter[keyPath: moment].absmax.span)
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
        let (name, shape) = (tensor.name, tensor.shape)
        switch tensor.part {
        case .value: try weights.fill(parameter)
        case .firstMoment: try weights.fill(name, shape, into: parameter.firstMoment.mutableSpan)
        case .secondMoment: try weights.fill(name, shape, into: parameter.secondMoment.mutableSpan)
        case .codes(let moment): try weights.fill(name, shape, into: parameter[keyPath: moment].codes.mutableSpan)
        case .absmax(let moment): try weights.fill(name, shape, into: parameter[keyPath: moment].absmax.mutableSpan)
        }
      }
    }
    trainer.resume(at: step)
    return extra
  }

  private enum Part {
    case value, firstMoment, secondMoment
    case codes(KeyPath<ParameterTensor, QuantizedMoment>)
    case absmax(KeyPath<ParameterTensor, QuantizedMoment>)
  }

  private struct StateTensor {
    let name: String
    let shape: Shape
    let parameter: ParameterTensor
    let part: Part

    /// States are fp32 or codes, whatever the weight is.
    var fileTensor: SafetensorsWriter.Tensor {
      switch part {
      case .value: SafetensorsWriter.Tensor(name: name, shape: shape, format: parameter.fileFormat)
      case .codes: SafetensorsWriter.Tensor(name: name, shape: shape, isBytes: true)
      case .firstMoment, .secondMoment, .absmax: SafetensorsWriter.Tensor(name: name, shape: shape, format: .fp32)
      }
    }
  }

  private static func states(of parameter: ParameterTensor) -> [StateTensor] {
    var tensors: [StateTensor] = []
    func add(_ name: String, _ shape: Shape, _ part: Part) {
      tensors.append(StateTensor(name: name, shape: shape, parameter: parameter, part: part))
    }
    let first = TensorName.firstMoment(of: parameter.name)
    let second = TensorName.secondMoment(of: parameter.name)
    add(parameter.name, parameter.shape, .value)
    if parameter.firstMoment.isOpen { add(first, parameter.shape, .firstMoment) }
    if parameter.secondMoment.isOpen { add(second, parameter.shape, .secondMoment) }
    for (name, path) in [(first, \ParameterTensor.quantizedFirst), (second, \ParameterTensor.quantizedSecond)] {
      let moment = parameter[keyPath: path]
      guard moment.codes.isOpen else { continue }
      add(name, parameter.shape, .codes(path))
      add(TensorName.part("absmax", of: name), moment.absmax.shape, .absmax(path))
    }
    return tensors
  }
}
