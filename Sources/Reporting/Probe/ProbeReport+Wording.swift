import Bookkeeping
import Modeling
import Planning

extension ProbeReport {
  /// How far the plan is off where it was measured, and what that makes of the whole model.
  var sentence: String {
    let recipe = recording.settings.recipe
    let whole = comparison.whole
    var sentence = "\(recording.settings.spec.name), \(recipe.method.title) on the \(recipe.stack.rawValue) stack: "
    if let peak = comparison.peaks.last {
      sentence += "the planned peak of \(Phrase.count(peak.layers, "layer")) is \(ProbeReport.gap(peak)); "
    }
    sentence += "all \(whole.layers) layers peak at \(whole.allocated.measured)"
    guard let fits = whole.fits, let device = whole.device, let total = whole.total else { return sentence }
    let verdict = fits ? "which fits" : "which does not fit"
    return sentence + " allocated and \(device) on the device, \(verdict) its \(total)"
  }

  private static func gap(_ pair: ProbeComparison.Pair) -> String {
    let difference = pair.planned - pair.measured
    guard difference != .zero, pair.measured > .zero else { return "what was measured, to the byte" }
    let share = Double(difference.count.magnitude) / Double(pair.measured.count) * 100
    let percent = share < 0.005 ? "less than 0.01" : Fixed.text(share, decimals: 2)
    let amount = Bytes(Int(difference.count.magnitude))
    return "\(amount) (\(percent) %) \(difference > .zero ? "above" : "below") what was measured"
  }

  var machineFacts: [Document.Fact] {
    let machine = recording.machine
    let capability = machine.computeCapability.map { ", compute capability \($0)" } ?? ""
    let memory = machine.total.map { ", \($0)" } ?? ""
    var facts = [
      Document.Fact("device", machine.name.map { $0 + memory + capability } ?? "CPU, bytes of live tensors counted"),
      Document.Fact("recipe", recording.settings.recipe.summary),
      Document.Fact("tokens", recording.settings.recipe.batch.summary),
      Document.Fact("software", recording.packages.map { "\($0.name) \($0.version)" }.joined(separator: ", ")),
      Document.Fact(
        "layers",
        recording.depths.filter(\.isComplete).map { "\($0.layers)" }.joined(separator: ", ")),
    ]
    for depth in recording.depths where !depth.isComplete {
      facts.append(
        Document.Fact(
          Phrase.count(depth.layers, "layer"), "not measured: \(depth.failure ?? "it ended before its second step")"))
    }
    return facts
  }

  /// What the figures mean, and what a plan for this machine leaves out on purpose.
  var notes: [String] {
    var notes = [
      "peak: the most that was live during a phase; end: what was live when it ended; of the last step, when the "
        + "optimizer's states are there and no batch is fetched ahead",
      "forward ends with the decoder's last hidden state; head and loss are a phase of their own",
      "from the probe: the plan of the whole model, with what the plan of the measured layers was off by, phase by "
        + "phase, carried on to its depth",
    ]
    if comparison.lines.contains(where: { !$0.isEven }) {
      notes.append(
        "not even: layers did not all add the same, since the peak moved to another instant of the phase, or the "
          + "layers differ; one layer is then what the last one added")
    }
    if let (measured, planned) = comparison.trainableDifference {
      notes.insert(
        "\(Fixed.grouped(measured)) parameters trained where the plan trains \(Fixed.grouped(planned)): what follows is of "
          + "two different recipes", at: 0)
    }
    if recording.machine.isGPU {
      notes.append(
        "planned in blocks of 512 bytes, with cuBLAS's workspaces; reserved bytes by the simulated caching allocator")
      if let outside = recording.depths.compactMap(\.outside).max() {
        notes.append(
          "on the device, \(outside) were used outside of the allocator: the context, loaded kernels, and whatever "
            + "other processes held")
      }
    } else {
      notes.append(
        "on a CPU there is no cuBLAS and no caching allocator, attention's kernels borrow less, dropout masks are floats, "
          + "and PEFT's 4-bit layers ask CUDA's autocast flag: the plan leaves out the first three alone")
      notes.append("what an operation borrows inside its kernel (bitsandbytes' dequantized weights) is not seen")
      if recording.settings.recipe.loss == .fused {
        notes.append(
          "TRL's fused head runs on Triton on a GPU; without it, it folds its tiles in torch with fp32 copies of tile "
            + "and weights (trl/kernels/chunked_logprob.py, _forward_tile, _addmm_fp32): the peaks of loss and backward "
            + "are a CPU's own then")
      }
    }
    return notes
  }
}
