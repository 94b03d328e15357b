import Bookkeeping
import Modeling

/// torchtune's YAML: what decides memory; data set, tokenizer's path and checkpointer are the user's.
struct TorchtuneWriter: DialectWriter {
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)] {
    let writing = TrainerWriting(recipe: recipe, spec: spec, dialect: .torchtune)
    guard let builder = TorchtuneModels.builder(ofPreset: spec.name) else {
      throw writing.cannotSay("MODEL", spec.name, "torchtune has no builder of this name")
    }
    var members: [(String, JSONValue)] = [("model", try self.model(builder, writing))]
    members.append(("tokenizer", ["max_seq_len": .integer(recipe.batch.sequence)]))
    members += [
      ("batch_size", .integer(recipe.batch.microBatch)),
      ("gradient_accumulation_steps", .integer(recipe.batch.accumulation)), ("optimizer", try optimizer(writing)),
    ]
    if recipe.choices.stepsInBackward { members.append(("optimizer_in_bwd", true)) }
    switch recipe.loss {
    case .chunked: members.append(("loss", ["_component_": "torchtune.modules.loss.CEWithChunkedOutputLoss"]))
    case .full: members.append(("loss", ["_component_": "torch.nn.CrossEntropyLoss"]))
    case .fused: break
    }
    members.append(("enable_activation_checkpointing", .bool(recipe.usesGradientCheckpointing)))
    members.append(("dtype", .string(recipe.weightFormat.rawValue)))
    if recipe.parallelism.settings.offload != .none { members.append(("fsdp_cpu_offload", true)) }
    if recipe.parallelism.settings.tensorParallelSize > 1 {
      members.append(("tensor_parallel_dim", .integer(recipe.parallelism.settings.tensorParallelSize)))
    }
    return members
  }

  private static func model(_ builder: String, _ writing: TrainerWriting) throws(EmissionError) -> JSONValue {
    let method = writing.recipe.method
    let family = builder.split(separator: "_")
    let module = "torchtune.models." + TorchtuneWriter.package(of: builder, family.map(String.init))
    if method == .full { return ["_component_": .string("\(module).\(builder)")] }
    guard let lora = method.adapter else {
      throw writing.cannotSay("--method", method.name.rawValue, "torchtune's builders have full, lora and qlora")
    }
    switch method.quantization {
    case nil, .nf4(double: true): break
    case .some(let other): throw writing.cannotSay("--quant", other.text, "torchtune quantizes with torchao's nf4")
    }
    let names = Set((writing.names(lora.targets).arrayValue ?? []).compactMap(\.stringValue))
    let attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    let mlp: Set = ["gate_proj", "up_proj", "down_proj"]
    guard names.subtracting(attention).isEmpty || names.subtracting(attention) == mlp else {
      throw writing.cannotSay(
        "--targets", lora.targets.text, "torchtune adapts feed-forward networks whole or not at all")
    }
    var members: [String: JSONValue] = [
      "_component_": .string("\(module).\(method.quantization == nil ? "lora" : "qlora")_\(builder)"),
      "lora_attn_modules": .array(
        attention.filter(names.contains).map { .string($0 == "o_proj" ? "output_proj" : $0) }),
      "apply_lora_to_mlp": .bool(names.isSuperset(of: mlp)), "lora_rank": .integer(lora.rank),
      "lora_alpha": TrainerWriting.number(lora.alpha), "lora_dropout": .number(lora.dropout),
    ]
    if lora.decomposesWeights { members["use_dora"] = true }
    return .object(members)
  }

  /// `llama3_1` of `llama3_1_8b`: all before the size.
  private static func package(of builder: String, _ parts: [String]) -> String {
    let packages = [
      "llama3_3", "llama3_2", "llama3_1", "llama3", "code_llama2", "llama2", "mistral", "phi3", "phi4", "gemma2",
      "gemma", "qwen2_5", "qwen2",
    ]
    return packages.first { builder.hasPrefix($0 + "_") } ?? parts[0]
  }

  private static func optimizer(_ writing: TrainerWriting) throws(EmissionError) -> JSONValue {
    let optimizer = writing.recipe.optimizer
    let kind: Optimizer.Kind = optimizer.kind == .sgdMomentum ? .sgd : optimizer.kind
    guard let component = TorchtuneModels.optimizers.first(where: { $0.kind == kind })?.component else {
      throw writing.cannotSay("--optimizer", optimizer.kind.rawValue, "no class is known for it")
    }
    var members: [String: JSONValue] = [
      "_component_": .string(component), "lr": .number(optimizer.learningRate),
      "weight_decay": .number(optimizer.weightDecay),
    ]
    if component == "torch.optim.AdamW" { members["fused"] = .bool(optimizer.implementation == .fused) }
    if optimizer.kind == .sgdMomentum { members["momentum"] = .number(optimizer.momentum) }
    return .object(members)
  }
}
