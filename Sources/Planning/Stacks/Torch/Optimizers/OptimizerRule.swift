import Bookkeeping
import Modeling

/// A trained parameter as an optimizer sees it.
struct TrainedParameter {
  /// Its place among the tape's leaves; `nil` of a shard, whose gradient is elsewhere.
  let leaf: Int?
  let tensor: Tensor
  let layer: Int?

  var name: String { tensor.name }
  var shape: Shape { tensor.shape }
  var format: ScalarFormat { tensor.format }
  var count: Int { tensor.count }
  var rows: Int { shape.extents.first ?? 1 }
  var columns: Int { shape.extents.last ?? 1 }

  /// Whether it is the weight of a linear layer inside the decoder: not an embedding, the head, a norm, a router or
  /// stacked experts.
  var isHiddenMatrix: Bool { layer != nil && shape.extents.count == 2 && !name.hasSuffix(".gate.weight") }

  /// Whether the Trainer decays it (transformers/trainer.py, `get_decay_parameter_names`).
  var decays: Bool {
    !name.holds("bias") && !name.holds("layernorm") && !name.holds("_norm.") && !name.holds(".norm.")
      && !name.holds("ln_")
  }
}

/// What one family of optimizers keeps of its parameters and borrows while it updates them.
protocol OptimizerRule {
  /// Opens what all parameters share.
  func openTables(_ states: inout StateBook, _ tape: inout Tape)
  /// Opens the states of one parameter, in the order in which they are made.
  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape)
  /// Updates one group of parameters, as one round of `for group in self.param_groups` does.
  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape)
}

extension OptimizerRule {
  func openTables(_ states: inout StateBook, _ tape: inout Tape) {}
  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {}
}

/// Opens optimizer states, and remembers which of them are in memory that torch's allocator doesn't give.
struct StateBook {
  private(set) var outside: Set<Journal.ID> = []

  mutating func open(
    _ name: String, _ shape: Shape, _ format: ScalarFormat, isPaged: Bool = false, _ tape: inout Tape
  ) {
    let tensor = tape.openNamed(name, shape, format, .optimizerState)
    if isPaged { outside.insert(tape.entry(of: tensor)) }
  }
}

/// The local names of a Python function: binding one anew lets go of what it stood for.
struct Locals {
  private var names: [String] = []
  private var values: [String: [(tensor: Tensor, layer: Int?)]] = [:]

  /// Binds a name to a new tensor.
  mutating func bind(_ name: String, _ tensor: Tensor, _ tape: inout Tape) {
    release(name, &tape)
    values[name] = [(tensor, tape.layer)]
    names.append(name)
  }

  /// Binds a name to a list of tensors, one a parameter, as `torch._foreach_*` return it.
  mutating func bind(_ name: String, _ list: [Tensor], of group: [TrainedParameter], _ tape: inout Tape) {
    release(name, &tape)
    values[name] = zip(list, group).map { ($0, $1.layer) }
    names.append(name)
  }

  /// Lets go of what a name stands for (`del`, or something without memory of its own).
  mutating func release(_ name: String, _ tape: inout Tape) {
    guard let old = values.removeValue(forKey: name) else { return }
    names.removeAll { $0 == name }
    let layer = tape.layer
    for value in old {
      // A list goes parameter by parameter; a single value goes with whatever runs now.
      if old.count > 1 { tape.layer = value.layer }
      tape.drop(value.tensor)
    }
    tape.layer = layer
  }

  /// The function returns.
  mutating func clear(_ tape: inout Tape) {
    for name in names { release(name, &tape) }
  }
}

extension Tape {
  /// A temporary in the shape of a parameter.
  mutating func temporary(
    _ suffix: String, of parameter: TrainedParameter, _ format: ScalarFormat? = nil, shape: Shape? = nil
  ) -> Tensor {
    openNamed("\(parameter.name).\(suffix)", shape ?? parameter.shape, format ?? parameter.format, .workspace)
  }

  /// Temporaries in the shapes of a group's parameters, all there before the first is used.
  mutating func temporaries(_ suffix: String, of group: [TrainedParameter]) -> [Tensor] {
    let outer = layer
    var list: [Tensor] = []
    list.reserveCapacity(group.count)
    for parameter in group {
      layer = parameter.layer
      list.append(temporary(suffix, of: parameter))
    }
    layer = outer
    return list
  }
}

extension [TrainedParameter] {
  /// torch/optim/optimizer.py, `_group_tensors_by_device_and_dtype`.
  var byFormat: [[TrainedParameter]] {
    var order: [ScalarFormat] = []
    var groups: [ScalarFormat: [TrainedParameter]] = [:]
    for parameter in self {
      if groups[parameter.format] == nil { order.append(parameter.format) }
      groups[parameter.format, default: []].append(parameter)
    }
    return order.compactMap { groups[$0] }
  }
}
