import Bookkeeping
import Configurations
import Modeling
import Testing

@Suite struct `Configurations that people have` {
  @Test func `axolotl's YAML is a recipe, and every field has its fate`() throws {
    let configuration = try Example.read("axolotl-qlora.yml")
    #expect(configuration.dialects == [.axolotl])
    #expect(configuration.model == "meta-llama/Llama-2-7b-hf")
    let recipe = try configuration.recipe()
    #expect(recipe.stack == .axolotl)
    #expect(recipe.method.quantization == .nf4(double: true))
    #expect(recipe.method.adapter?.rank == 32)
    #expect(recipe.method.adapter?.alpha == 16)
    #expect(recipe.method.adapter?.dropout == 0.05)
    #expect(recipe.method.adapter?.targets == .allLinear)
    #expect(recipe.batch.microBatch == 2 && recipe.batch.accumulation == 4 && recipe.batch.sequence == 4096)
    #expect(recipe.optimizer.kind == .pagedAdamw)
    #expect(recipe.optimizer.learningRate == 2e-4)
    #expect(recipe.precision == .autocast && recipe.weightFormat == .bf16)
    #expect(recipe.attention == .flash && recipe.loss == .full)
    #expect(recipe.usesGradientCheckpointing && recipe.choices.reentersCheckpoints)
    #expect(recipe.choices.adapters == .axolotl)
    #expect(configuration.fields(.notModeled) == ["relora"])
    #expect(configuration.fields(.unknown) == ["made_up_key"])
    #expect(configuration.fields(.data).contains("datasets"))
    #expect(configuration.fields(.logging) == ["logging_steps"])
    #expect(configuration.fields(.evaluation) == ["val_set_size"])
    #expect(configuration.taken.contains { $0.field == "lora_r" && $0.value == "32" })
  }

  @Test func `LLaMA-Factory's file finds DeepSpeed's beside it, and auto follows from the hidden size`() throws {
    let configuration = try Example.read("llama-factory-zero3.yaml")
    #expect(configuration.dialects == [.llamaFactory, .deepspeed])
    var flags = RecipeRequest()
    flags.devices = 4
    let recipe = try configuration.recipe(under: flags)
    #expect(recipe.method == .full)
    #expect(recipe.stack == .llamaFactory)
    #expect(recipe.batch.sequence == 3000 && recipe.batch.microBatch == 1)
    #expect(recipe.usesGradientCheckpointing)
    #expect(recipe.parallelism.sharding == .zero3 && recipe.parallelism.devices == 4)
    let settings = recipe.parallelism.settings
    // trainer_config_finalize: hidden², 0.9 hidden² cut to a whole number, 10 hidden; hidden is 4096.
    #expect(settings.reduceBucketElements == 16_777_216)
    #expect(settings.prefetchBucketElements == 15_099_494)
    #expect(settings.persistenceThreshold == 40_960)
    #expect(settings.maximumLiveParameters == 500_000_000)
    #expect(settings.maximumReuseDistance == 1_000_000_000)
    #expect(settings.overlapsCommunication == false)
    #expect(settings.offload == .optimizer)
  }

  @Test func `TRL's YAML and Accelerate's add up to one run`() throws {
    let configuration = try Example.read("accelerate-fsdp.yaml", "trl-sft.yaml")
    #expect(configuration.dialects == [.trl, .accelerate])
    #expect(configuration.model == "Qwen/Qwen2.5-7B")
    let recipe = try configuration.recipe(for: "qwen2.5-7b")
    #expect(recipe.stack == .trl)
    #expect(recipe.method.name == .lora)
    #expect(recipe.method.adapter?.targets == .modules(["q_proj", "k_proj"]))
    #expect(recipe.method.adapter?.dropout == 0.05)
    #expect(recipe.optimizer.kind == .adamw8bit)
    #expect(recipe.weightFormat == .bf16 && recipe.attention == .flash && recipe.loss == .fused)
    #expect(recipe.usesGradientCheckpointing)
    #expect(recipe.parallelism.sharding == .fsdp && recipe.parallelism.devices == 4)
    #expect(recipe.parallelism.settings.offload == .all)
    #expect(recipe.parallelism.settings.prefetchesBackward)
    #expect(!recipe.parallelism.settings.usesOriginalParameters)
  }

  @Test func `torchtune's components name model, method and optimizer`() throws {
    let configuration = try Example.read("torchtune-qlora.yaml")
    #expect(configuration.model == "llama-3.1-8b")
    let recipe = try configuration.recipe(for: "llama-3.1-8b")
    #expect(recipe.stack == .torchtune)
    #expect(recipe.method.name == .qlora)
    // `${rank_of_adapters}` is a value elsewhere in the file.
    #expect(recipe.method.adapter?.rank == 16)
    #expect(
      recipe.method.adapter?.targets
        == .modules(["q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    #expect(recipe.batch.microBatch == 4 && recipe.batch.accumulation == 8 && recipe.batch.sequence == 2048)
    #expect(recipe.optimizer.implementation == .fused)
    #expect(recipe.loss == .chunked && recipe.precision == .pure && recipe.weightFormat == .bf16)
    #expect(!recipe.choices.stepsInBackward)
    #expect(configuration.fields(.notModeled) == ["enable_activation_offloading"])
    var flags = RecipeRequest()
    flags.devices = 2
    #expect(try configuration.recipe(for: "llama-3.1-8b", under: flags).parallelism.sharding == .fsdp2)
  }

  @Test func `an adapter_config.json is an adapter and leaves the step open`() throws {
    let configuration = try Example.read("adapter_config.json")
    #expect(configuration.model == "mistralai/Mistral-7B-v0.1")
    let spec = try ModelSpec.preset("mistral-7b-v0.1")
    let request = try configuration.request(for: spec)
    #expect(request.method == .lora && request.rank == 8 && request.alpha == 16 && request.loraDropout == 0.1)
    #expect(request.stabilizesRank == true && request.decomposesWeights == false)
    #expect(request.targets == .modules(["v_proj", "q_proj"]))
    #expect(request.stack == nil && request.microBatch == nil)
  }

  @Test func `Unsloth's keyword arguments are a recipe of its stack`() throws {
    let recipe = try Example.read("unsloth.json").recipe(for: "llama-3.1-8b")
    #expect(recipe.stack == .unsloth && recipe.method.name == .qlora)
    #expect(recipe.method.adapter?.rank == 32 && recipe.method.adapter?.alpha == 64)
    #expect(recipe.batch.sequence == 4096 && recipe.batch.microBatch == 2)
    // unsloth/models/rl.py: 2 micro-batches where nobody says.
    #expect(recipe.batch.accumulation == 2)
    #expect(recipe.runtime.emptyCacheSteps == 250 && recipe.optimizer.weightDecay == 0.001)
    #expect(recipe.choices.checkpoints == .host && recipe.optimizer.kind == .adamw8bit)
  }

  @Test func `a command line says launcher, script and flags`() throws {
    let configuration = try Example.read("launch.sh")
    #expect(configuration.dialects == [.trl, .accelerate])
    let recipe = try configuration.recipe()
    #expect(recipe.method.name == .qlora)
    // trl/trainer/model_config.py: scales are not quantized again unless `use_bnb_nested_quant`.
    #expect(recipe.method.quantization == .nf4(double: false))
    #expect(recipe.method.adapter?.targets == .modules(["q_proj", "v_proj"]))
    #expect(recipe.batch.sequence == 512 && recipe.batch.microBatch == 4)
    #expect(recipe.parallelism.sharding == .zero2 && recipe.parallelism.devices == 2)
    #expect(configuration.fields(.unknown) == ["no_such_flag"])
  }
}
