import Bookkeeping
import Modeling

// Sources of the rules here, all torch distributed/fsdp: _runtime_utils.py (`_pre_forward`, `_post_forward_reshard`,
// `_pre_backward_hook`, `_get_handle_to_prefetch`, `_post_backward_hook`, `_reduce_grad`, `_post_backward_final_callback`)
// and _flat_param.py (`pre_unshard`, `unshard`, `post_unshard`, `_use_unsharded_views`).

extension Tape {
  /// The parameters that the optimizer updates: a GPU's own shards where they are divided.
  var optimizedLeaves: [Leaf] { sharding.optimized ?? leaves.filter(\.isParameter) }

  /// Runs a module that is a unit of its own, gathering its weights for it.
  mutating func inUnit(
    of parameter: Tensor, _ input: Tensor, _ run: (_ tape: inout Tape) -> Tensor
  ) -> Tensor {
    guard let unit = sharding.unitsByStorage[parameter.storage] else { return run(&self) }
    guard sharding.modules != nil else {
      enter(unit: unit, input)
      let output = run(&self)
      leave(unit: unit, output)
      return output
    }
    fetch(unit)
    let output = run(&self)
    dismiss(unit)
    if case .node(let producer, _) = output.source {
      nodes[producer].hooks.append(.fetch(unit))
      nodes[producer].dismisses = unit
    }
    return output
  }

  /// Begins the forward pass of the root, or of a layer: gathers its weights and cuts the parameters out of them.
  mutating func enter(unit: Int?, _ input: Tensor) {
    guard let unit, !isStopped else { return }
    if sharding.units[unit].whole == nil { gather(unit) }
    switch mode {
    case .recomputing, .untracked: return
    case .recording, .checkpointing: break
    }
    guard !sharding.units[unit].trains else { return cutViews(unit) }
    switch input.source {
    case .node(let producer, _): nodes[producer].hooks.append(.release(unit))
    case .leaf(let leaf):
      leaves[leaf].releases.append(unit)
      // The hook's handle keeps the node that accumulates the leaf's gradient, and that keeps the leaf
      // (torch autograd/graph.py, `register_multi_grad_hook`; `flat_param._post_backward_hook_state`).
      retain(input)
      sharding.held.append((input, sharding.units[unit].layer))
    case .none, .discarded: break
    }
  }

  /// Ends it: only the root's weights stay, for backward begins with them.
  mutating func leave(unit: Int?, _ output: Tensor) {
    guard let unit, !isStopped else { return }
    if !sharding.units[unit].isRoot { release(unit) }
    // The first use in a step counts (_exec_order_utils.py, `record_post_forward`).
    if sharding.units[unit].turn == nil {
      sharding.units[unit].turn = sharding.order.count
      sharding.order.append(unit)
    }
    if case .untracked = mode { return }
    sharding.units[unit].isNeeded = output.needsGradient
    if case .recomputing = mode { return }
    if case .node(let producer, _) = output.source { nodes[producer].hooks.append(.gather(unit)) }
  }

  mutating func run(_ hook: UnitHook) {
    switch hook {
    case .fetch(let unit): fetch(unit)
    case .release(let unit): release(unit)
    case .gather(let unit):
      if sharding.units[unit].isNeeded, sharding.units[unit].whole == nil { gather(unit) }
      sharding.units[unit].isNeeded = false
      prefetch(before: unit)
    }
  }

  /// Keeps the gradient of a unit's input that a hook keeps.
  mutating func holdGradient(of leaf: Int, for unit: Int) {
    guard let gradient = leaves[leaf].gradient else { return }
    retain(gradient)
    sharding.held.append((gradient, sharding.units[unit].layer))
  }

  mutating func endShardedBackward() {
    endModules()
    for (tensor, unitLayer) in sharding.held {
      layer = unitLayer
      drop(tensor)
    }
    layer = nil
    sharding.held.removeAll(keepingCapacity: true)
    for unit in sharding.units.indices {
      release(unit)
      sharding.units[unit].isNeeded = false
      sharding.units[unit].turn = nil
      if sharding.offloadsParameters, let gradient = sharding.units[unit].gradient {
        drop(gradient)
        sharding.units[unit].gradient = nil
      }
    }
    sharding.order.removeAll(keepingCapacity: true)
    endBuckets()
  }

  mutating func zeroShardedGradients() {
    for unit in sharding.units.indices {
      if let gradient = sharding.units[unit].gradient { drop(gradient) }
      sharding.units[unit].gradient = nil
    }
  }

  /// Takes a gradient that has arrived whole at a leaf, if sharding has a use for it.
  mutating func takesGradient(_ gradient: Tensor, of leaf: Int) -> Bool {
    if let unit = leaves[leaf].unit, sharding.units[unit].leaf == leaf {
      reduce(gradient, of: unit)
      return true
    }
    guard leaves[leaf].isParameter else { return false }
    if sharding.viewsGradients {
      drop(gradient)
      return true
    }
    return takesIntoBucket(gradient, of: leaf)
  }

  // MARK: Weights

  private mutating func gather(_ unit: Int) {
    let state = sharding.units[unit]
    var shards: [Tensor] = []
    if sharding.offloadsParameters {
      shards.append(openNamed(state.name + ".transferred", [state.shardCount], state.formats.stored, state.account))
    }
    if state.formats.stored != state.formats.gathered {
      shards.append(openNamed(state.name + ".cast", [state.shardCount], state.formats.gathered, state.account))
      if shards.count > 1 { drop(shards.removeFirst()) }
    }
    sharding.units[unit].whole = openNamed(
      state.name + ".gathered", [state.paddedCount], state.formats.gathered, state.account)
    for shard in shards { drop(shard) }
  }

  private mutating func release(_ unit: Int) {
    sharding.units[unit].isPrefetched = false
    guard let whole = sharding.units[unit].whole else { return }
    drop(whole)
    sharding.units[unit].whole = nil
  }

  /// `BACKWARD_PRE`: what ended right before a unit in forward is needed right after it in backward.
  private mutating func prefetch(before unit: Int) {
    guard sharding.prefetches, let turn = sharding.units[unit].turn, turn > 0 else { return }
    let next = sharding.order[turn - 1]
    guard sharding.units[next].isNeeded, !sharding.units[next].isPrefetched else { return }
    if sharding.units[next].whole == nil { gather(next) }
    sharding.units[next].isPrefetched = true
  }

  /// `torch.split` and a view each: their gradients come together in one of the flat parameter.
  private mutating func cutViews(_ unit: Int) {
    let state = sharding.units[unit]
    guard let leaf = state.leaf else { return }
    let trained = state.members.compactMap(\.piece.leaf)
    let source = record([leaves[leaf].tensor], saved: [], outputs: trained.count) { tape, _, edges in
      [tape.openNamed(state.name + ".grad.whole", edges[0].shape, edges[0].format, .gradients)]
    }
    guard case .node(let node, _) = source else { return }
    for (output, member) in trained.enumerated() { leaves[member].view = (node, output) }
  }

  // MARK: Gradients

  /// `_post_backward_hook`: weights go, and the gradient of all elements becomes that of a shard.
  private mutating func reduce(_ arrived: Tensor, of unit: Int) {
    var gradient = arrived
    if let earlier = sharding.units[unit].wholeGradient {
      drop(arrived)
      gradient = earlier
    }
    sharding.units[unit].wholeGradient = sharding.isReducing ? nil : gradient
    release(unit)
    guard sharding.isReducing else { return }
    let state = sharding.units[unit]
    func open(_ suffix: String, _ count: Int, _ format: ScalarFormat, _ tape: inout Tape) -> Tensor {
      tape.openNamed(state.name + ".grad" + suffix, [count], format, .gradients)
    }
    var borrowed = [gradient]
    let reduced = state.formats.reduced
    if gradient.format != reduced { borrowed.append(open(".cast", state.count, reduced, &self)) }
    if state.paddedCount != state.count { borrowed.append(open(".padded", state.paddedCount, reduced, &self)) }
    var shard = open(reduced == state.formats.stored ? "" : ".reduced", state.shardCount, reduced, &self)
    if reduced != state.formats.stored {
      let converted = open("", state.shardCount, state.formats.stored, &self)
      drop(shard)
      shard = converted
    }
    if state.gradient == nil { sharding.units[unit].gradient = shard } else { drop(shard) }
    for tensor in borrowed.reversed() { drop(tensor) }
  }
}
