import Bookkeeping
import Modeling

// Shape letters here: T rows, H their width.

extension TorchModel {
  /// RMS norm in one kernel: its input and the reciprocal root mean square of every row are kept.
  ///
  /// The gradient is written over the arriving one, save for families that add two norms of one stream (Gemma 2 and 3)
  /// and for Unsloth's last norm and Gemma's; a trained weight's is summed up in fp32, a row a multiprocessor. Sources:
  /// liger_kernel/ops/rms_norm.py, `rms_norm_forward`, `rms_norm_backward`; transformers/rms_norm.py, `in_place`;
  /// unsloth/kernels/rms_layernorm.py, `Fast_RMS_Layernorm`.
  func fusedNorm(_ tape: inout Tape, _ weight: Tensor, _ x: Tensor, _ name: String) -> Tensor {
    let isLast = name == "final_norm"
    let writesInPlace =
      policy.choices.norm == .unsloth
      ? !isLast && !spec.normalization.weightIsOffset : ![.gemma2, .gemma3].contains(spec.architecture)
    let rows = Shape(Array(x.shape.extents.dropLast()))
    let width = x.shape.extents.last ?? 1
    let output = tape.open(name, x.shape, x.format)
    let reciprocal = tape.open(name + ".reciprocal_rms", rows, .fp32)
    let results = tape.applyFunction(to: [x, weight], making: [output], saving: [x, weight, reciprocal]) {
      tape, arriving, edges in
      var gradient: Tensor?
      let partial =
        edges[1].isNeeded
        ? tape.openFlow(edges[1], [TorchModel.multiprocessors, width], .fp32) : Tensor.void
      if let arrived = arriving[0], writesInPlace, arrived.format == edges[0].format {
        tape.retain(arrived)
        gradient = arrived.viewed(as: edges[0].shape)
      } else {
        gradient = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      }
      var weightGradient: Tensor?
      if edges[1].isNeeded {
        let isWhole = edges[1].format == .fp32
        let sum = isWhole ? tape.open(edges[1]) : tape.openFlow(edges[1], [width], .fp32)
        weightGradient = isWhole ? sum : tape.open(edges[1])
        if !isWhole { tape.drop(sum) }
      }
      tape.drop(partial)
      return [gradient, weightGradient]
    }
    tape.drop(reciprocal)
    return results[0]
  }

  /// Rows of the partial sums of a norm's weight gradient: an A100's multiprocessors; an H100 has 132.
  private static var multiprocessors: Int { 108 }
}
