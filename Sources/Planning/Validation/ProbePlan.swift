import Bookkeeping
import Modeling

/// The planned step of a probe with so many layers, cut into the phases that the probe reads.
struct ProbePlan {
  let layers: Int
  /// The highest water of each phase.
  let peaks: [ProbeRecording.Phase: Bytes]
  /// What is live when each phase ends.
  let ends: [ProbeRecording.Phase: Bytes]
  /// What the caching allocator takes from the driver; `nil` where there is none.
  let reserved: Bytes?

  /// Plans `settings` with `layers` layers on the probe's machine.
  ///
  /// On a CPU bytes are counted as they are, without cuBLAS's workspaces and without what attention's CUDA kernels
  /// borrow; on a GPU in blocks of 512 bytes, as the allocator counts them.
  init(_ settings: ProbeSettings, layers: Int, on machine: ProbeRecording.Machine) throws(PlanError) {
    let recipe = settings.recipe.withAccumulation(atMost: 2)
    // Between one layer and as many as the model has, every number makes a model.
    let spec = settings.spec.withLayers(layers) ?? settings.spec
    let options =
      machine.isGPU
      ? TorchWalk.Options(
        cublasWorkspace: Device.cublasWorkspace(for: machine.computeCapability),
        hasFlashKernels: machine.computeCapability.map { $0.major >= 8 } ?? true)
      : TorchWalk.Options(cublasWorkspace: .zero, countsAttentionWorkspace: false)
    let walk = try TorchWalk.journal(spec, recipe, options: options)
    let journal = machine.isGPU ? walk.journal.inBlocks(without: walk.outsideEntries) : walk.journal
    let ledger = Ledger(posting: journal)
    var peaks: [ProbeRecording.Phase: Bytes] = [:]
    var ends: [ProbeRecording.Phase: Bytes] = [:]
    for (instant, tide) in zip(StepClock(spec: spec, recipe: recipe).instants, ledger.timeline) {
      guard let phase = ProbePlan.phase(of: instant) else { continue }
      peaks[phase] = max(peaks[phase] ?? .zero, tide.high)
      ends[phase] = tide.end
    }
    // The books are of a steady step; when a probe has loaded its model, states, batch and workspaces are yet to come.
    let loaded = journal.entries.lazy
      .filter { $0.opened == Moment(0) && [.weights, .quantizationConstants, .adapters].contains($0.account) }
      .reduce(Bytes.zero) { $0 + $1.bytes }
    peaks[.load] = loaded
    ends[.load] = loaded
    self.layers = layers
    self.peaks = peaks
    self.ends = ends
    reserved =
      machine.isGPU
      ? CachingAllocator.replay(walk.journal, options: CachingAllocator.Options(excluded: walk.outsideEntries)).reserved
      : nil
  }

  /// The highest water of the step.
  var peak: Bytes { peaks.values.max() ?? .zero }

  private static func phase(of instant: StepClock.Instant) -> ProbeRecording.Phase? {
    switch instant {
    case .load, .zeroGrad: nil
    case .optimizer: .optimizer
    case .step(.recompute, _, _), .step(.backward, _, _): .backward
    case .step(.forward, .head, _), .step(.forward, .loss, _): .loss
    case .step(.forward, _, _): .forward
    }
  }
}

extension Journal {
  /// The same record with every buffer as large as the block that torch's allocator gives for it, and nothing for those
  /// that are outside of it.
  fileprivate func inBlocks(without outside: Set<ID>) -> Journal {
    var journal = Journal(clock: clock)
    for event in events.dropFirst() {
      switch event {
      case .advance(let moment): journal.advance(to: moment)
      case .open(let id):
        let entry = entry(id)
        let bytes = outside.contains(id) ? .zero : entry.bytes.rounded(upTo: Bytes(512))
        _ = journal.open(entry.name, entry.account, entry.shape, entry.format, bytes: bytes)
      case .close(let id): journal.close(id)
      }
    }
    return journal
  }
}
