extension TensorTable {
  /// Between the projections of a feed-forward network.
  static let feedForward: [String: TensorRule] = {
    let gated = "transformers models/llama/modeling_llama.py, LlamaMLP.forward"
    let written = "transformers activations.py, NewGELUActivation.forward"
    var rules: [String: TensorRule] = [
      "activation": TensorRule(
        .tokens(.I), "the activation's result: kept as a factor of the product, or by a trained projection after it",
        gated),
      "product": TensorRule(
        .tokens(.I), "gate times up, the input of the projection back: kept where that trains", gated),
    ]
    for step in ["half", "cube", "cube.scaled", "sum", "argument", "tanh", "shifted"] {
      rules["activation." + step] = TensorRule(
        .tokens(.I), "a step of a GELU that is written out: kept where its backward reads it", written)
    }
    return rules
  }()

  /// A mixture of experts.
  static let mixture: [String: TensorRule] = {
    let router = "transformers models/mixtral/modeling_mixtral.py, MixtralTopKRouter.forward"
    let experts = "transformers integrations/moe.py, grouped_mm_experts_forward"
    let scores: TensorRule.Form = .fixed([[.b, .s, .E], [.T, .E]])
    func perToken(_ reason: String) -> TensorRule {
      TensorRule(.fixed([[.T, .a], [.T, .one]]), reason, router)
    }
    var rules: [String: TensorRule] = [
      "router.logits": TensorRule(scores, "each token's scores of all experts", router),
      "router.logits.fp32": TensorRule(scores, "scores in fp32, before softmax", router),
      "router.logits.input.autocast": TensorRule(.tokens(.H), "the router's input in autocast's format", router),
      "router.probabilities": TensorRule(scores, "each token's probabilities of all experts: kept by softmax", router),
      "router.indices": perToken("the experts that each token goes to: kept for the way back"),
      "router.best": perToken("probabilities of those experts: kept by the division"),
      "router.total": perToken("their sums: kept by the division"),
      "router.scores": perToken("normalized probabilities: kept by the weighting"),
      "mixture.order": TensorRule(.R, because: "rows sorted by expert: kept by each gathering", experts),
      "mixture.scores.sorted": TensorRule(
        .R, .one, because: "scores in the order of experts: kept by the weighting", experts),
      "mixture.sum": TensorRule(.tokens(.H), "the experts' results added up for each token", experts),
      "mixture.output": TensorRule(.tokens(.H), "the sum in the stream's format", experts),
      "mixture.activation": TensorRule(
        .R, .F, because: "the activation's result: kept as a factor of the product", experts),
      "mixture.product": TensorRule(.R, .F, because: "gate times up of every row", experts),
      "mixture.gate_up": TensorRule(
        .fixed([[.R, .twice(.F)], [.R, .F]]), "gate and up of every row: kept by activation and product", experts),
    ]
    for (name, reason) in [
      ("selected", "rows in the order of experts: kept for the experts' gradient"),
      ("down", "every row's result, before it is weighted: kept by the weighting"),
      ("weighted", "weighted results"), ("restored", "weighted results in the order of tokens"),
      ("gate_up.input", "rows in the experts' format"),
    ] {
      rules["mixture." + name] = TensorRule(.R, .H, because: reason, experts)
    }
    rules["mixture.down.input"] = TensorRule(.R, .F, because: "rows in the experts' format", experts)
    return rules
  }()
}
