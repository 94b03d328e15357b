import Bookkeeping
import Modeling

/// What kernels of other people don't run, so that nothing is planned which nobody can do.
enum StackSupport {
  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let choices = recipe.choices
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
}
