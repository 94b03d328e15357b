import Modeling

// Families by the names that their models go by, from transformers 5.23 models/<type>/configuration_<type>.py and
// modeling_<type>.py; of classes that come with their checkpoints (Qwen 1, ChatGLM, Baichuan, InternLM), from those.

extension ModelFamily {
  static let known: [(parts: [String], family: ModelFamily)] = mixtures + llamaLike + eleuther + chinese + others

  private static let mixtures: [(parts: [String], family: ModelFamily)] = [
    (["mixtral", "8x7b", "8x22b"], ModelFamily("a Mixtral") { $0.architecture = .mixtral }),
    (
      ["qwen3 30b", "qwen3 235b", "qwen3 coder 30b"],
      ModelFamily("a Qwen3 MoE") {
        ($0.architecture, $0.normalizesQueryAndKey, $0.activeExperts) = (.qwen3MoE, true, 8)
      }
    ),
    (
      // models/qwen2_moe; shared_expert_intermediate_size is 4 times moe_intermediate_size in A2.7B, 8 times in 57B.
      ["qwen1.5 moe", "qwen1half moe"],
      ModelFamily("a Qwen2 MoE") {
        ($0.architecture, $0.hasProjectionBias, $0.activeExperts, $0.sharedExperts) = (.qwen2MoE, true, 4, 4)
      }
    ),
    (
      ["qwen2 57b"],
      ModelFamily("a Qwen2 MoE") {
        ($0.architecture, $0.hasProjectionBias, $0.activeExperts, $0.sharedExperts) = (.qwen2MoE, true, 8, 8)
      }
    ),
    (
      // modeling_deepseek.py of DeepSeek-MoE: six of the experts and two shared ones a token.
      ["deepseek moe"],
      ModelFamily("a DeepSeek MoE, planned as a Qwen2 MoE all of whose layers are mixtures") {
        ($0.architecture, $0.activeExperts, $0.sharedExperts) = (.qwen2MoE, 6, 2)
      }
    ),
    (
      ["olmoe"],
      ModelFamily("an OLMoE, planned as a Qwen3 MoE without norms of queries and keys") {
        ($0.architecture, $0.activeExperts) = (.qwen3MoE, 8)
      }
    ),
    (
      // transformers models/granitemoe; the checkpoints' num_experts_per_tok is 8.
      ["granite 3.0 1b a400m", "granite 3.0 3b a800m", "granite 3.1 1b a400m", "granite 3.1 3b a800m", "powermoe"],
      ModelFamily("a Granite MoE, planned as a Mixtral") {
        ($0.architecture, $0.activeExperts, $0.tiesEmbeddings) = (.mixtral, 8, true)
      }
    ),
    (
      ["phi 3.5 moe", "phi moe", "phimoe"],
      ModelFamily("a Phi-MoE, planned as a Mixtral with layer norms") {
        ($0.architecture, $0.norm, $0.hasProjectionBias, $0.hasOutputBias) = (.mixtral, .layer, true, true)
      }
    ),
    (
      ["gpt oss"],
      ModelFamily("a gpt-oss, planned as a Mixtral without biases of its experts") {
        ($0.architecture, $0.activeExperts, $0.hasProjectionBias, $0.hasOutputBias) = (.mixtral, 4, true, true)
      }
    ),
    (
      ["dbrx"],
      ModelFamily("a DBRX, planned as a Mixtral with layer norms") {
        ($0.architecture, $0.norm, $0.activeExperts) = (.mixtral, .layer, 4)
      }
    ),
  ]

  private static let llamaLike: [(parts: [String], family: ModelFamily)] = [
    (
      [
        "mistral", "ministral", "codestral", "zephyr 7b", "mathstral", "openhermes 2", "starling", "neural chat",
        "openchat", "h2o danube", "devstral", "magistral",
      ], ModelFamily("a Mistral") { $0.architecture = .mistral }
    ),
    (["qwen3"], ModelFamily("a Qwen3") { ($0.architecture, $0.normalizesQueryAndKey) = (.qwen3, true) }),
    (
      ["qwen2", "qwen1.5", "qwen1half", "qwq", "codeqwen", "distill qwen", "qvq"],
      ModelFamily("a Qwen2") { ($0.architecture, $0.hasProjectionBias) = (.qwen2, true) }
    ),
    (
      ["qwen"],
      ModelFamily("a Qwen of the first generation, with one product for queries, keys and values") {
        ($0.architecture, $0.hasProjectionBias, $0.fusesProjections) = (.qwen, true, true)
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
      plain("a Phi", .geluTanh).with("a Phi") {
        ($0.isParallel, $0.sharesParallelNorm, $0.rotatedShare, $0.headHasBias) = (true, true, 0.5, true)
      }
    ),
    (
      // models/stablelm: layer norms around a gated network, a quarter of each head rotated.
      ["stablelm 2", "stablelm 3b 4e1t", "stablelm zephyr", "stable code", "stablelm2"],
      ModelFamily("a StableLM, planned as a Llama with layer norms") {
        ($0.norm, $0.rotatedShare) = (.layer, 0.25)
      }
    ),
    (
      ["command r", "c4ai", "aya 23", "aya expanse", "cohere"],
      ModelFamily("a Cohere, planned as a Llama with branches side by side") {
        ($0.norm, $0.isParallel, $0.sharesParallelNorm, $0.tiesEmbeddings) = (.layer, true, true, true)
      }
    ),
    (
      ["starcoder2"],
      plain("a StarCoder2", .geluTanh).with("a StarCoder2, planned as a Phi with branches one after the other") {
        $0.tiesEmbeddings = true
      }
    ),
    (
      ["minicpm", "granite 3.0", "granite 3.1", "granite 3.2", "granite 3.3", "smollm3"],
      llama.with("a Llama with a tied head") { $0.tiesEmbeddings = true }
    ),
  ]

  private static let eleuther: [(parts: [String], family: ModelFamily)] = [
    (["redpajama incite"], neoX("a GPT-NeoX with its branches one after the other", parallel: false)),
    (
      ["pythia", "neox", "stablelm base alpha", "stablelm tuned alpha", "dolly v2", "polyglot", "oasst sft"],
      neoX("a GPT-NeoX")
    ),
    (
      ["gpt j", "gptj", "codegen"],
      plain("a GPT-J", .geluTanh).with("a GPT-J, planned as a Phi") {
        ($0.isParallel, $0.sharesParallelNorm, $0.rotatedShare, $0.headHasBias) = (true, true, 0.25, true)
        ($0.hasProjectionBias, $0.hasOutputBias, $0.isAlwaysEager) = (false, false, true)
      }
    ),
    (
      ["gpt neo"],
      plain("a GPT-Neo", .geluTanh).with("a GPT-Neo, planned as a Phi with learned positions") {
        ($0.learnedPositions, $0.tiesEmbeddings, $0.hasProjectionBias, $0.isAlwaysEager) = (2048, true, false, true)
      }
    ),
    (
      ["gpt2", "gpt 2", "distilgpt2", "cerebras gpt", "nanogpt", "dialogpt"],
      ModelFamily("a GPT-2") {
        ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gpt2, .layer, .geluTanh, false)
        ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
        ($0.fusesProjections, $0.tiesEmbeddings, $0.learnedPositions) = (true, true, 1024)
      }
    ),
    (
      ["starcoder", "santacoder", "granite 20b code", "granite 34b code", "bigcode", "granite 13b"],
      neoX("a GPTBigCode", parallel: false).with(
        "a GPTBigCode, planned as a GPT-NeoX with learned positions and without dropout"
      ) {
        ($0.activation, $0.learnedPositions, $0.tiesEmbeddings, $0.keyValueHeads) = (.geluTanh, 8192, true, 1)
      }
    ),
  ]

  private static let chinese: [(parts: [String], family: ModelFamily)] = [
    (
      ["chatglm2", "chatglm3", "glm 4", "glm4", "codegeex"],
      ModelFamily("a ChatGLM, planned as a Llama with fused projections") {
        ($0.architecture, $0.fusesProjections, $0.fusesGateAndUp) = (.chatGLM, true, true)
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
      // modeling_internlm.py: `bias=config.bias`, true in the first generation's checkpoints.
      ["internlm 7b", "internlm 20b", "internlm chat 7b", "internlm chat 20b"],
      llama.with("an InternLM, planned as a Llama with biases") {
        ($0.hasProjectionBias, $0.hasOutputBias) = (true, true)
      }
    ),
  ]

  private static let others: [(parts: [String], family: ModelFamily)] = [
    (["falcon3"], llama),
    (
      // models/falcon: Falcon 7B's branches share a norm; the others have one each (`num_ln_in_parallel_attn`).
      ["falcon 7b", "falcon rw"],
      falcon.with("a Falcon, planned as a GPT-NeoX without biases and with one norm") { $0.sharesParallelNorm = true }
    ),
    (["falcon"], falcon),
    (
      [
        "opt 125m", "opt 350m", "opt 1.3b", "opt 2.7b", "opt 6.7b", "opt 13b", "opt 30b", "opt 66b", "facebook opt",
        "galactica",
      ],
      // models/opt/modeling_opt.py, `OPTLearnedPositionalEmbedding`: two rows more than positions.
      plain("an OPT", .relu).with("an OPT, planned as a Phi with learned positions and without dropout") {
        ($0.learnedPositions, $0.tiesEmbeddings) = (2050, true)
      }
    ),
    (
      ["bloom"],
      neoX("a Bloom", parallel: false).with(
        "a Bloom, planned as a GPT-NeoX with rotary positions in place of biased scores"
      ) { ($0.activation, $0.tiesEmbeddings, $0.isAlwaysEager) = (.geluTanh, true, true) }
    ),
    (
      ["mpt 1b", "mpt 7b", "mpt 30b", "mpt"],
      falcon.with("an MPT, planned as a GPT-NeoX without biases, with rotary positions in place of biased scores") {
        ($0.isParallel, $0.isAlwaysEager) = (false, true)
      }
    ),
    (
      [
        "llama", "vicuna", "alpaca", "wizardlm", "wizardcoder", "wizardmath", "yi", "deepseek", "smollm", "solar",
        "internlm", "orca", "guanaco", "codellama", "stablelm", "stablebeluga", "granite", "olmo", "hermes", "tulu",
        "skywork", "xwin", "airoboros", "koala", "baize", "belle", "ziya", "phind", "aquila", "xverse", "xgen",
        "amber", "open llama", "exaone", "cerebras btlm", "nous", "platypus", "openbuddy", "sus chat", "seallm",
        "bluelm", "telechat", "megrez", "ernie 4.5", "hunyuan", "apertus", "helium", "seed",
      ], llama
    ),
  ]

  private static let falcon = ModelFamily("a Falcon, planned as a GPT-NeoX without biases") {
    ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gptNeoX, .layer, .gelu, false)
    ($0.fusesProjections, $0.isParallel, $0.tiesEmbeddings) = (true, true, true)
  }
}
