import Bookkeeping
import Modeling

// Shape letters here: N rows, K columns of a matrix, H hidden, A heads.

/// Adam-mini: a first moment, and one second moment a head of queries and keys, a row of other matrices, a norm.
///
/// Method: Zhang, Chen et al. 2024, <https://arxiv.org/abs/2406.16793>.
/// Source: adam_mini/adam_mini.py 1.1.1, `Adam_mini.step`, which tells blocks by their names. A head is H²/A elements.
struct AdamMini: OptimizerRule {
  /// Elements of what the optimizer takes for a head: H²/A.
  let headElements: Int

  private static let heads = ["k_proj", "q_proj", "wq", "wk", "query", "key"]
  private static let rows = [
    "embed", "embd", "wte", "lm_head", "output", "final_layer", "v_proj", "wv", "value", "feed_forward", "linear",
    "mlp",
    "o_proj", "wo", "attn.proj",
  ]

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    states.open("\(parameter.name).m", parameter.shape, parameter.format, &tape)
    states.open("\(parameter.name).v", [blocks(of: parameter)], parameter.format, &tape)
  }

  /// Second moments of a parameter.
  private func blocks(of parameter: TrainedParameter) -> Int {
    func isOne(of names: [String]) -> Bool { names.contains(where: parameter.name.contains) }
    if parameter.name.holds("bias") { return parameter.count }
    if isOne(of: AdamMini.heads) { return max(1, parameter.count / headElements) }
    return isOne(of: AdamMini.rows) ? parameter.rows : 1
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    for parameter in group {
      tape.layer = parameter.layer
      let blocks = blocks(of: parameter)
      let squares = tape.temporary("grad.squares", of: parameter)
      if blocks > 1 {
        let means = tape.temporary("grad.means", of: parameter, shape: [blocks])
        tape.drop(squares)
        locals.bind("tmp_lr", means, &tape)
        locals.bind("h", tape.temporary("h", of: parameter, shape: [blocks]), &tape)
        locals.bind("stepsize", tape.temporary("stepsize", of: parameter, shape: [blocks]), &tape)
      } else {
        tape.drop(squares)
      }
      locals.bind("update", tape.temporary("update", of: parameter), &tape)
      let negated = tape.temporary("update.negated", of: parameter)
      tape.drop(negated)
    }
  }
}
