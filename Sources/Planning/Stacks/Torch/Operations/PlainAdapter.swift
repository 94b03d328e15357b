import Bookkeeping
import Modeling

extension TorchModel {
  /// A linear layer with a low-rank adapter in the model's own format, as torchtune and LitGPT write it:
  /// `base(x) + scale * (dropout(x) · Aᵀ · Bᵀ)`, without a cast of the input and without a copy of the result.
  ///
  /// Sources: torchtune modules/peft/lora.py, `LoRALinear.forward`; litgpt/lora.py, `LoRALinear.forward`.
  func plainLinear(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let base = baseProduct(&tape, linear, x, linear.isWrapped ? name + ".base" : name)
    guard linear.isWrapped else { return base }
    let scaled =
      linear.adapterParts.isEmpty
      ? delta(&tape, linear, x, name) : fusedDelta(&tape, linear, x, name)
    let result = tape.add(name, base, scaled)
    tape.drop(scaled)
    tape.drop(base)
    return result
  }

  /// `a + b` in the residual stream, whose name is whole.
  func streamSum(_ tape: inout Tape, _ name: String, _ a: Tensor, _ b: Tensor, account: Account) -> Tensor {
    let prefix = tape.prefix
    tape.prefix = ""
    let sum = tape.add(name, a, b, account: account)
    tape.prefix = prefix
    return sum
  }

  /// Part of a tensor's tokens, [b, c, N]: free for one sequence, a copy of several, which lie apart.
  ///
  /// `F.linear` of three dimensions folds the first two, and what can't be viewed is copied
  /// (aten/native/LinearAlgebra.cpp, `_matmul_impl`). Takes over the reference.
  func folded(_ tape: inout Tape, consuming x: Tensor, _ name: String) -> Tensor {
    guard microBatch > 1 else { return x }
    let copy = tape.copy(name, x, x.shape)
    tape.drop(x)
    return copy
  }

  /// Tokens of each chunk of a sequence.
  func chunkLengths(of length: Int) -> [Int] {
    stride(from: 0, to: sequence, by: max(1, length)).map { min(length, sequence - $0) }
  }

  /// `F.cross_entropy` of rows in the format that they come in: log-softmax, which keeps its result, then the negative
  /// log-likelihood, which keeps that, the labels and the sum of weights (torch derivatives.yaml, `_log_softmax`,
  /// `nll_loss_forward`).
  ///
  /// - Parameter rows: numbers that come out: 1 where the loss is reduced.
  func crossEntropyRows(
    _ tape: inout Tape, _ logits: Tensor, labels: Tensor, rows: Int, prefix: String
  ) -> Tensor {
    let logProbabilities = tape.apply(
      prefix + "log_probabilities", to: [logits], shape: logits.shape, format: logits.format, account: .logits,
      savesOutput: true, rule: Rules.fresh)
    let weight = tape.open(prefix + "loss.weight", [1], logits.format)
    let loss = tape.apply(
      prefix + "loss", to: [logProbabilities], shape: [rows], format: logits.format,
      saving: [logProbabilities, labels, weight], rule: Rules.fresh)
    tape.drop(weight)
    tape.drop(logProbabilities)
    return loss
  }
}

extension Tape {
  /// `a - b` of tensors of one shape: the second gradient is a negation of its own.
  mutating func subtract(_ name: String, _ a: Tensor, _ b: Tensor) -> Tensor {
    apply(name, to: [a, b], shape: a.shape, format: a.format) { tape, arriving, edges in
      var first: Tensor?
      if edges[0].isNeeded, let gradient = arriving[0] {
        tape.retain(gradient)
        first = gradient
      }
      return [first, edges[1].isNeeded ? tape.open(edges[1]) : nil]
    }
  }
}
