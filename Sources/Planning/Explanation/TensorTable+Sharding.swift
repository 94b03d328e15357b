extension TensorTable {
  private static let fsdp = "torch distributed/fsdp/_flat_param.py, FlatParamHandle"
  private static let deepSpeed = "deepspeed runtime/zero/stage_1_and_2.py and stage3.py"

  /// What a step that is spread over GPUs makes besides; sizes are padded shares of many parameters together.
  static let sharding: [String: TensorRule] = [
    "flat_parameter": TensorRule(.workspace, "this GPU's share of a unit's parameters in one tensor", fsdp),
    "zero.bucket": TensorRule(.workspace, "gradients gathered until they are reduced together", deepSpeed),
    "zero.bucket.*": TensorRule(.workspace, "gradients gathered until they are reduced together", deepSpeed),
    "zero.bucket.flattened": TensorRule(
      .workspace, "a bucket's gradients in one tensor, while it is reduced", deepSpeed),
    "zero.gathered.*": TensorRule(.workspace, "the whole weights of some modules, gathered for their turn", deepSpeed),
    "zero.gradient.fp32": TensorRule(.workspace, "a gradient in fp32, to be added to this GPU's share", deepSpeed),
    "zero.gradient.fp64": TensorRule(.workspace, "a gradient in fp64, for the norm of all", deepSpeed),
    "zero.gradients": TensorRule(.workspace, "this GPU's share of all gradients", deepSpeed),
    "zero.gradients.flat": TensorRule(.workspace, "this GPU's share of all gradients in one tensor", deepSpeed),
    "zero.gradients.fp32": TensorRule(.workspace, "this GPU's share of all gradients in fp32", deepSpeed),
    "zero.weights": TensorRule(.workspace, "all trained weights in one tensor", deepSpeed),
    "zero.transfer": TensorRule(.workspace, "a buffer to and from the host", deepSpeed),
    "zero.master_weights": TensorRule(.workspace, "this GPU's share of the weights in fp32", deepSpeed),
    "zero.master_weights.*": TensorRule(.workspace, "this GPU's share of the weights in fp32", deepSpeed),
    "ddp.bucket.*": TensorRule(
      .workspace, "gradients gathered until they are reduced together",
      "torch nn/parallel/distributed.py, bucket_cap_mb"),
  ]

  /// Rules by the last word of a name, for whatever a name is made of besides.
  static let endings: [String: TensorRule] = {
    let states = "the optimizer's class, where it makes its states"
    let leaving = "torch utils/checkpoint.py and the stack's offloading"
    func buffer(_ reason: String, _ source: String) -> TensorRule { TensorRule(.workspace, reason, source) }
    return [
      "partition": buffer("this GPU's share of a parameter", deepSpeed),
      "gathered": buffer("a unit's or a parameter's whole elements, gathered for their turn", fsdp),
      "transferred": buffer("a share brought from the host", fsdp),
      "padded": buffer("a gradient padded to whole shares", fsdp),
      "reduced": buffer("this GPU's share of a gradient in the format of the reduction", fsdp),
      "whole": buffer("the gradient of a whole unit, before it is reduced", fsdp),
      "cast": buffer("a copy in another format", fsdp),
      "grad": buffer("a gradient: from its layer's backward pass to zero_grad", fsdp),
      "brought_back": buffer("what was kept on the host, brought back for backward", leaving),
      "exp_avg": buffer("a first moment: from the optimizer's first step on", states),
      "exp_avg_sq": buffer("a second moment: from the optimizer's first step on", states),
      "momentum_buffer": buffer("momentum: from the optimizer's first step on", states),
      "gathered_tokens": buffer(
        "the tokens of all GPUs, gathered for a divided product",
        "transformer_engine pytorch/distributed.py, gather_along_first_dim"),
      "own": buffer(
        "this GPU's rows of a gradient that is whole, cut out for an operation on divided ones",
        "torch distributed/tensor/_redistribute.py, redistribute_local_tensor"),
      "step": buffer("the optimizer's step counter", states),
      "absmax": buffer("scales of codes", states),
      "flat_parameter": buffer("this GPU's share of an adapter's factor", fsdp),
      "autocast": buffer(
        "a copy in autocast's format: kept until autocast ends", "torch aten/src/ATen/autocast_mode.cpp, cached_cast"),
    ]
  }()

  /// The rule for a key: its own, that of its last word, what an optimizer makes of a share of the weights, or that of a
  /// method's mark.
  static func rule(for key: String) -> TensorRule? {
    if let rule = rules[key] { return rule }
    let words = key.split(separator: ".")
    if let rule = endings[String(words.last ?? "")] { return rule }
    for count in [2, 1] where words.first == "zero" || words.contains("flat_parameter") {
      if let rule = optimizers["{parameter}." + words.suffix(count).joined(separator: ".")] { return rule }
    }
    return mark(of: key)
  }
}
