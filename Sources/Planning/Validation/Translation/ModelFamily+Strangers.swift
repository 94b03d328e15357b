// Models that no decoder of the planner's can stand for.

extension ModelFamily {
  /// Why a model of this name is no decoder that has rules; `nil` where nothing speaks against it.
  static func objection(to name: String) -> String? {
    let words = FreeText(name.replacing("_", with: " "))
    return strangers.first { parts, _ in parts.contains { $0.count <= 4 ? words.says($0) : words.has($0) } }?.reason
  }

  /// Names that are no decoders, or decoders with a part that has no rule.
  private static let strangers: [(parts: [String], reason: String)] = [
    (["t5", "ul2", "bart", "mbart", "pegasus", "flan t5", "mt0", "nllb", "whisper"], "it has an encoder"),
    (["bert", "roberta", "deberta", "electra", "modernbert"], "it is an encoder"),
    (["mamba", "rwkv", "jamba", "zamba", "retnet", "falcon h1"], "its layers are recurrent"),
    (
      [
        "llava", "qwen vl", "qwen2 vl", "qwen2.5 vl", "qwen3 vl", "cogvlm", "cogagent", "internvl", "glm 4v", "vision",
        "yi vl", "deepseek vl", "minicpm v", "xcomposer", "phi 3.5 v", "pixtral", "paligemma", "qwen audio", "idefics",
      ], "it sees or hears, and its towers have no rule"
    ),
    (["deepseek v2", "deepseek v3", "deepseek r1 0528", "kimi k2"], "its latent attention has no rule"),
    (["stable diffusion", "flux", "sdxl"], "it is no language model"),
  ]
}
