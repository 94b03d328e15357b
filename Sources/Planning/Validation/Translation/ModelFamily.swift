import Modeling

/// What a model's name tells about its architecture beyond its sizes.
///
/// Each is what the family's `config.json` and model class say (transformers `models/<type>`); models that carry their
/// own code (Qwen 1, ChatGLM, Baichuan) are planned as the class that they are closest to.
struct ModelFamily: Hashable {
  /// As a sentence calls it.
  var name: String
  var architecture = Architecture.llama
  var norm = Normalization.Kind.rms
  var activation = FeedForwardSpec.Activation.silu
  var isGated = true
  var hasProjectionBias = false
  var hasOutputBias = false
  var hasFeedForwardBias = false
  var fusesProjections = false
  var fusesGateAndUp = false
  var normalizesQueryAndKey = false
  var normalizesOutputs = false
  var isParallel = false
  var sharesParallelNorm = false
  var rotatedShare = 1.0
  var tiesEmbeddings = false
  var headHasBias = false
  var logitSoftcap: Double?
  var finalLogitSoftcap: Double?
  var learnsPositions = false
  /// Experts that one token visits, where the model is a mixture.
  var activeExperts = 2

  private init(_ name: String, _ change: (inout ModelFamily) -> Void = { _ in }) {
    self.name = name
    change(&self)
  }

  /// The family that a name points to; `nil` where it points to none that is known.
  static func guess(_ name: String) -> ModelFamily? {
    let words = FreeText(name.replacing("_", with: " "))
    // The longer names first: Mixtral is a Mistral, and Qwen3 no Qwen.
    return known.first { parts, _ in parts.contains { $0.count <= 3 ? words.says($0) : words.has($0) } }?.family
  }

  /// The family by the shape of its feed-forward network alone.
  static func typical(isGated: Bool) -> ModelFamily { isGated ? llama : neoX("a GPT-NeoX") }

  private static let llama = ModelFamily("a Llama")

  private static func neoX(_ name: String, parallel: Bool = true) -> ModelFamily {
    ModelFamily(name) {
      ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gptNeoX, .layer, .gelu, false)
      ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
      ($0.fusesProjections, $0.isParallel, $0.rotatedShare) = (true, parallel, 0.25)
    }
  }

  private static func gemma(_ name: String, _ architecture: Architecture) -> ModelFamily {
    ModelFamily(name) {
      ($0.architecture, $0.activation, $0.tiesEmbeddings) = (architecture, .geluTanh, true)
      $0.normalizesOutputs = architecture != .gemma
      $0.normalizesQueryAndKey = architecture == .gemma3
      if architecture == .gemma2 { ($0.logitSoftcap, $0.finalLogitSoftcap) = (50, 30) }
    }
  }

  private static let known: [(parts: [String], family: ModelFamily)] = [
    (["mixtral"], ModelFamily("a Mixtral") { $0.architecture = .mixtral }),
    (
      ["mistral", "ministral", "codestral", "zephyr", "mathstral"],
      ModelFamily("a Mistral") { $0.architecture = .mistral }
    ),
    (
      ["qwen3 30b", "qwen3 235b", "qwen3 coder 30b"],
      ModelFamily("a Qwen3 MoE") {
        ($0.architecture, $0.normalizesQueryAndKey, $0.activeExperts) = (.qwen3MoE, true, 8)
      }
    ),
    (["qwen3"], ModelFamily("a Qwen3") { ($0.architecture, $0.normalizesQueryAndKey) = (.qwen3, true) }),
    (
      ["qwen2", "qwen1.5", "qwq", "codeqwen", "distill qwen"],
      ModelFamily("a Qwen2") { ($0.architecture, $0.hasProjectionBias) = (.qwen2, true) }
    ),
    (
      ["qwen"],
      ModelFamily("a Qwen of the first generation, planned as Qwen2 with one product for queries, keys and values") {
        ($0.architecture, $0.hasProjectionBias, $0.fusesProjections) = (.qwen2, true, true)
      }
    ),
    (["gemma 3", "gemma3"], gemma("a Gemma 3", .gemma3)),
    (["gemma 2 2b", "gemma 2 9b", "gemma 2 27b", "gemma2"], gemma("a Gemma 2", .gemma2)),
    (["gemma"], gemma("a Gemma", .gemma)),
    (
      ["phi 3", "phi3", "phi 4", "phi4"],
      ModelFamily("a Phi-3") { ($0.architecture, $0.fusesProjections, $0.fusesGateAndUp) = (.phi3, true, true) }
    ),
    (
      ["phi 1", "phi 2", "phi1", "phi2", "phi 1.5"],
      ModelFamily("a Phi") {
        ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.phi, .layer, .geluTanh, false)
        ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
        ($0.isParallel, $0.sharesParallelNorm, $0.rotatedShare, $0.headHasBias) = (true, true, 0.5, true)
      }
    ),
    (["redpajama incite"], neoX("a GPT-NeoX with its branches one after the other", parallel: false)),
    (["pythia", "neox", "stablelm base alpha", "stablelm tuned alpha", "dolly v2", "polyglot"], neoX("a GPT-NeoX")),
    (
      ["gpt2", "distilgpt2", "cerebras gpt"],
      ModelFamily("a GPT-2") {
        ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gpt2, .layer, .geluTanh, false)
        ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
        ($0.fusesProjections, $0.tiesEmbeddings, $0.learnsPositions) = (true, true, true)
      }
    ),
    (["falcon3"], llama),
    (
      ["falcon"],
      ModelFamily("a Falcon, planned as a GPT-NeoX without biases") {
        ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gptNeoX, .layer, .gelu, false)
        ($0.fusesProjections, $0.isParallel, $0.tiesEmbeddings) = (true, true, true)
      }
    ),
    (
      ["chatglm2", "chatglm3", "glm 4", "glm4", "codegeex"],
      ModelFamily("a ChatGLM, planned as a Llama with fused projections") {
        ($0.architecture, $0.fusesProjections, $0.fusesGateAndUp) = (.phi3, true, true)
        ($0.hasProjectionBias, $0.rotatedShare) = (true, 0.5)
      }
    ),
    (
      ["chatglm"],
      neoX(
        "a ChatGLM of the first generation, planned as a GPT-NeoX with its branches one after the other",
        parallel: false)
    ),
    (
      ["baichuan", "internlm2"],
      ModelFamily("a Llama with one product for queries, keys and values") { $0.fusesProjections = true }
    ),
    (
      [
        "llama", "vicuna", "alpaca", "wizardlm", "yi", "deepseek", "smollm", "solar", "internlm", "orca 2", "guanaco",
        "codellama", "stablelm", "granite", "olmo", "minicpm", "hermes", "tulu", "skywork", "danube", "xwin",
        "airoboros",
      ], llama
    ),
  ]
}
