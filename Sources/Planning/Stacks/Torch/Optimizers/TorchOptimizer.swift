import Bookkeeping
import Modeling

/// What an optimizer keeps between steps and borrows during one, in PyTorch and the libraries on it.
///
/// Parameters are updated in two groups, those that decay before those that don't, as transformers' `Trainer` makes them.
struct TorchOptimizer {
  private let kind: Optimizer.Kind
  private let rule: any OptimizerRule
  /// Whether states are made within this step, the first, rather than before it.
  private let isFirstStep: Bool
  /// Whether gradients come from a scaled loss (fp16 under autocast).
  private let scalesLoss: Bool

  /// - Parameter headElements: what Adam-mini takes for a head of queries or keys.
  init(_ optimizer: Optimizer, headElements: Int = 1, isFirstStep: Bool = false, scalesLoss: Bool = false) {
    kind = optimizer.kind
    rule = TorchOptimizer.rule(optimizer, headElements)
    self.isFirstStep = isFirstStep
    self.scalesLoss = scalesLoss
  }

  private static func rule(_ optimizer: Optimizer, _ headElements: Int) -> any OptimizerRule {
    let implementation = optimizer.implementation
    switch optimizer.kind.family {
    case .torchAdamW: return TorchAdamW(implementation: implementation)
    case .fusedAdam: return FusedAdam()
    case .torchSGD(let hasMomentum):
      return TorchSGD(implementation: implementation, hasMomentum: hasMomentum, decays: optimizer.weightDecay > 0)
    case .torchRMSprop:
      return TorchSquares(implementation: implementation, update: .rmsprop, decays: optimizer.weightDecay > 0)
    case .torchAdagrad:
      return TorchSquares(implementation: implementation, update: .adagrad, decays: optimizer.weightDecay > 0)
    case .torchAdafactor: return TorchAdafactor(implementation: implementation)
    case .muon: return TorchMuon(rest: TorchAdamW(implementation: implementation))
    case .transformersAdafactor: return TransformersAdafactor()
    case .bitsandbytes(let states): return BitsAndBytesOptimizer(states: states)
    case .torchao(let states): return TorchAOOptimizer(states: states)
    case .galore(let update, _): return GaLore(rank: optimizer.rank, update: update)
    case .apollo: return APOLLO(rank: optimizer.rank)
    case .lomo(let isAdaptive): return LOMO(isAdaptive: isAdaptive)
    case .scheduleFree(let base): return ScheduleFree(base: base, implementation: implementation)
    case .adamMini: return AdamMini(headElements: headElements)
    }
  }

  // MARK: States

  /// Opens the states of every trained parameter, unless the first step is to make them; and has updates run within
  /// the backward pass where the optimizer wants that.
  ///
  /// - Returns: those that are not in torch's allocator (cudaMallocManaged pages), booked all the same.
  func prepare(_ tape: inout Tape) -> Set<Journal.ID> {
    var states = StateBook()
    if scalesLoss {
      // torch/amp/grad_scaler.py, `_lazy_init_scale_growth_tracker`.
      _ = tape.openNamed("grad_scaler.scale", [1], .fp32, .optimizerState)
      _ = tape.openNamed("grad_scaler.growth_tracker", [1], .int32, .optimizerState)
    }
    if !isFirstStep { openStates(&states, &tape) }
    if kind.updatesInBackward { tape.gradientHook = hook }
    return states.outside
  }

  private func openStates(_ states: inout StateBook, _ tape: inout Tape) {
    rule.openTables(&states, &tape)
    for parameter in groups(tape).joined() {
      tape.layer = parameter.layer
      rule.openStates(of: parameter, &states, &tape)
    }
    tape.layer = nil
  }

  /// The trained parameters, those that decay first.
  private func groups(_ tape: Tape) -> [[TrainedParameter]] {
    var all = tape.leaves.indices.filter { tape.leaves[$0].isParameter }.map { index in
      TrainedParameter(leaf: index, tensor: tape.leaves[index].tensor, layer: tape.leaves[index].layer)
    }
    // A GPU's own shards where parameters are divided.
    if let shards = tape.sharding.optimized {
      all = shards.map { TrainedParameter(leaf: nil, tensor: $0.tensor, layer: $0.layer) }
    }
    var (decaying, others): ([TrainedParameter], [TrainedParameter]) = ([], [])
    for parameter in all { if parameter.decays { decaying.append(parameter) } else { others.append(parameter) } }
    return [decaying, others].filter { !$0.isEmpty }
  }

  // MARK: The step

  /// Clips, updates, and makes the states if this is the first step.
  ///
  /// - Returns: states made here that are not in torch's allocator.
  func step(_ tape: inout Tape) -> Set<Journal.ID> {
    tape.advance(to: .optimizer)
    var states = StateBook()
    if kind.updatesInBackward {
      if kind.family == .lomo(isAdaptive: false) || kind.family == .lomo(isAdaptive: true) { updatePending(&tape) }
      if isFirstStep { openStates(&states, &tape) }
      return states.outside
    }
    let leaves = tape.leaves
    let groups = groups(tape).map { group in
      group.filter { $0.leaf.map { leaves[$0].gradient != nil } ?? true }
    }.filter { !$0.isEmpty }
    let unscaling = unscale(&tape)
    clip(groups, &tape)
    if isFirstStep { openStates(&states, &tape) }
    for group in groups {
      var locals = Locals()
      rule.update(group, &locals, &tape)
      tape.layer = nil
      locals.clear(&tape)
    }
    for tensor in unscaling { tape.drop(tensor) }
    return states.outside
  }

  /// torch/nn/utils/clip_grad.py, `_get_total_norm`: the norm of every gradient, a scalar each, then of all.
  private func clip(_ groups: [[TrainedParameter]], _ tape: inout Tape) {
    let all = groups.flatMap { $0 }
    var norms: [Tensor] = []
    for parameter in all {
      tape.layer = parameter.layer
      norms.append(tape.openNamed("\(parameter.name).grad.norm", [1], parameter.format, .workspace))
    }
    tape.layer = nil
    let total = tape.openNamed("gradient_norm", [1], .fp32, .workspace)
    for (norm, parameter) in zip(norms, all) {
      tape.layer = parameter.layer
      tape.drop(norm)
    }
    tape.layer = nil
    tape.drop(total)
  }

  /// torch/amp/grad_scaler.py, `unscale_` and `_unscale_grads_`: gradients are scaled in place by one kernel; the
  /// inverse scale and a flag for infinities are all that is new.
  private func unscale(_ tape: inout Tape) -> [Tensor] {
    guard scalesLoss else { return [] }
    return ["inverse_scale", "found_inf"].map { tape.openNamed("grad_scaler.\($0)", [1], .fp32, .workspace) }
  }

  // MARK: Within backward

  /// Updates a parameter once its gradient is complete, and lets the gradient go.
  private func hook(_ tape: inout Tape, _ leaf: Int) {
    if case .lomo = kind.family {
      // The hook runs before the gradient is stored: what it finds and updates is the parameter before.
      updatePending(&tape)
      tape.pendingUpdate = leaf
    } else {
      update(leaf, &tape)
    }
  }

  private func updatePending(_ tape: inout Tape) {
    guard let leaf = tape.pendingUpdate else { return }
    tape.pendingUpdate = nil
    update(leaf, &tape)
  }

  private func update(_ leaf: Int, _ tape: inout Tape) {
    let parameter = TrainedParameter(
      leaf: leaf, tensor: tape.leaves[leaf].tensor, layer: tape.leaves[leaf].layer)
    var locals = Locals()
    rule.update([parameter], &locals, &tape)
    tape.layer = nil
    locals.clear(&tape)
    tape.dropGradient(of: leaf)
  }
}
