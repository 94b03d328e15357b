/// What the methods beyond low-rank adapters add.
extension TensorTable {
  /// Rules by how a word of a name begins, the first that fits: a method's tensors carry its name.
  ///
  /// Their shapes have no letters of the legend; they are printed in numbers.
  static let marks: [(word: String, rule: TensorRule)] = {
    func rule(_ reason: String, _ source: String) -> TensorRule { TensorRule(.workspace, reason, source) }
    let dora = "peft tuners/lora/dora.py, DoraLinearLayer.forward"
    let decomposed = rule("DoRA's part of a linear layer: magnitude, norm of the adapted weight, scaled results", dora)
    let mixture = rule("a mixture's routing and experts", "transformers integrations/moe.py and the family's router")
    let prompts = rule(
      "virtual tokens, and what they are put before", "peft peft_model.py, PeftModelForCausalLM.forward")
    return [
      ("dora", decomposed), ("identity", decomposed), ("lora_weight", decomposed), ("adapted_weight", decomposed),
      ("weight_norm", decomposed), ("lora_magnitude", decomposed), ("again", decomposed), ("unbiased", decomposed),
      (
        "boft",
        rule("BOFT's butterfly factors, and results turned by them", "peft tuners/boft/layer.py, Linear.forward")
      ),
      ("oft", rule("OFT's rotation, and inputs turned by it", "peft tuners/oft/layer.py, Linear.forward")),
      (
        "vera",
        rule("VeRA's shared projections, and results scaled by vectors", "peft tuners/vera/layer.py, Linear.forward")
      ),
      ("lora_E", rule("AdaLoRA's singular values", "peft tuners/adalora/layer.py, SVDLinear.forward")),
      ("lora_AE", rule("AdaLoRA's A times its singular values", "peft tuners/adalora/layer.py, SVDLinear.forward")),
      ("lora_divided", rule("AdaLoRA's result over its rank", "peft tuners/adalora/layer.py, SVDLinear.forward")),
      ("ranknum", rule("AdaLoRA's rank as a number", "peft tuners/adalora/layer.py, SVDLinear.forward")),
      ("hada", rule("LoHa's factors and their product", "peft tuners/loha/layer.py, HadaWeight")),
      ("loha", rule("LoHa's change of a weight", "peft tuners/loha/layer.py, HadaWeight")),
      (
        "lokr",
        rule("LoKr's factors and their Kronecker product", "peft tuners/lokr/layer.py, LoKrLayer.get_delta_weight")
      ),
      ("delta", rule("a whole change of a weight, made for each product", "peft tuners/lycoris_utils.py")),
      ("ia3", rule("(IA)³'s vector, and what it scales", "peft tuners/ia3/layer.py, Linear.forward")),
      ("scaled", rule("(IA)³'s scaled input or output", "peft tuners/ia3/layer.py, Linear.forward")),
      ("prompt", prompts), ("virtual", prompts), ("prefix", prompts), ("past", prompts), ("mlp_head", prompts),
      ("shared", mixture), ("router", mixture), ("mixture", mixture), ("expert", mixture), ("experts", mixture),
      ("lora", rule("a low-rank adapter's weight or result", "peft tuners/lora/layer.py, Linear.forward")),
    ]
  }()

  /// The rule of the first mark that a word of the key begins with.
  static func mark(of key: String) -> TensorRule? {
    let words = key.split(separator: ".")
    return marks.first { mark in words.contains { $0.hasPrefix(mark.word) } }?.rule
  }
}
