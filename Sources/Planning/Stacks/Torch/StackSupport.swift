import Bookkeeping
import Modeling

/// What kernels of other people don't run, so that nothing is planned which nobody can do.
enum StackSupport {
  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let choices = recipe.choices
    if choices.stepsInBackward, recipe.batch.accumulation > 1 {
      throw .notModeled(
        what: "accumulated gradients that an optimizer consumes in backward", stack: recipe.stack,
        advice: "torchtune asks for gradient_accumulation_steps=1: drop --grad-accum")
    }
    try checkModelCode(spec, recipe)
    if recipe.loss == .fused, choices.fusedHead != .trl {
      try checkFusedHead(spec, recipe)
    }
    if choices.adapters != .peft, recipe.method.quantization == .int8 {
      throw .notModeled(
        what: "an int8 base under fused adapters", stack: recipe.stack,
        advice: "their kernels read 4-bit and unquantized weights: use --quant nf4")
    }
    guard recipe.stack == .unsloth else { return }
    if recipe.method == .full {
      throw .notModeled(
        what: "full fine-tuning", stack: recipe.stack,
        advice: "Unsloth compiles another model for it; plan --stack transformers, or --method lora")
    }
    guard [.lora, .qlora, .dora].contains(recipe.method.name) else {
      throw .notModeled(
        what: recipe.method.name.rawValue, stack: recipe.stack,
        advice: "Unsloth puts low-rank adapters on a model: use --method lora, qlora or dora, or --stack trl")
    }
    guard [.llama, .mistral, .qwen2, .qwen3, .gemma].contains(spec.architecture) else {
      throw .notModeled(
        what: "\(spec.name), a \(spec.architecture.rawValue) model", stack: recipe.stack,
        advice: "Unsloth compiles families it has no kernels for; plan --stack trl")
    }
  }

  private static func checkFusedHead(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    if [.gpt2, .gptNeoX, .phi].contains(spec.architecture) {
      throw .notModeled(
        what: "a fused head of \(spec.name)", stack: recipe.stack,
        advice: "its family has no kernels and runs without them: use --loss full")
    }
  }

  /// What torchtune's and LitGPT's own models don't have, or the walk has not derived.
  private static func checkModelCode(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let code = recipe.choices.modelCode
    guard code != .transformers else { return }
    guard code != .megatron else { return try MegatronSupport.check(spec, recipe) }
    func refuse(_ what: String, _ advice: String) -> PlanError {
      .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    if recipe.parallelism.devices > 1 {
      guard recipe.parallelism.sharding == .fsdp else {
        throw refuse("\(recipe.parallelism.sharding.rawValue)", "its programs divide everything: use --sharding fsdp")
      }
      if recipe.method.quantization != nil {
        throw refuse("a quantized base in shards", "plan one GPU, or --stack trl")
      }
    }
    switch recipe.method {
    case .full: break
    case .lora(let lora), .qlora(let lora, _):
      if lora.decomposesWeights || !lora.modulesToSave.isEmpty {
        throw refuse("DoRA or trained copies of modules", "use --method lora, or --stack trl")
      }
    case .partial, .wrapped, .prompted: throw refuse("the method \(recipe.method.name.rawValue)", "use --method lora")
    }
    if recipe.attention == .eager || spec.attention.logitSoftcap != nil {
      throw refuse("eager attention", "its models call torch's fused attention: use --attention sdpa")
    }
    if spec.feedForward.experts != nil || spec.normalization.normalizesOutputs || spec.normalization.weightIsOffset
      || spec.attention.normalizesQueryAndKey || spec.finalLogitSoftcap != nil || spec.feedForward.fusesGateAndUp
    {
      throw refuse("\(spec.name), a \(spec.architecture.rawValue) model", "plan --stack trl")
    }
    guard case .rotary = spec.positions else { throw refuse("learned positions", "plan --stack trl") }
    if recipe.loss == .fused { throw refuse("a fused head", "use --loss chunked") }
    guard code.isTorchtune else {
      if recipe.method.quantization != nil, recipe.precision == .autocast {
        throw refuse("a quantized base under mixed precision", "LitGPT refuses both together: use --precision pure")
      }
      return
    }
    guard spec.feedForward.isGated, spec.normalization.kind == .rms, !spec.normalization.isParallel,
      !spec.attention.fusesProjections
    else { throw refuse("\(spec.name), a \(spec.architecture.rawValue) model", "plan --stack litgpt") }
    if recipe.precision == .autocast { throw refuse("autocast", "its recipes run in one format: use --precision pure") }
    switch recipe.method.quantization {
    case nil, .nf4(double: true): break
    default:
      throw refuse(
        "\(recipe.method.quantization?.text ?? "")", "torchao's NF4 is doubly quantized: use --quant nf4 --double-quant"
      )
    }
    if recipe.method.quantization != nil,
      let module = spec.linearModules(0).first(where: { !TorchaoNF4.takes($0.input * $0.output) })
    {
      throw refuse(
        "a \(module.shortName) of \(module.input * module.output) elements in NF4",
        "torchao asks for whole blocks of \(TorchaoNF4.blockSize * TorchaoNF4.scalerBlockSize)")
    }
  }
}
