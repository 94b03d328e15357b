import Kernels
import Modeling
import Training

/// The settings on which a run's losses depend, by the flags that set them: what has to be the same to resume.
enum RunFingerprint {
  static func of(
    _ spec: ModelSpec, _ recipe: Recipe, _ schedule: LearningRateSchedule, data: String, _ options: RunOptions,
    clippingNorm: Double?
  ) -> [String: String] {
    let method = recipe.method
    let optimizer = recipe.optimizer
    var settings = [
      "model": "\(spec.name) of \(spec.parameterCount) parameters", "--method": method.name.rawValue,
      "--quant": method.quantization?.text ?? "none",
      "--optimizer": optimizer.kind.rawValue, "--learning-rate": "\(optimizer.learningRate)",
      "--weight-decay": "\(optimizer.weightDecay)",
      "betas": "\(optimizer.beta1) and \(optimizer.beta2)", "epsilon": "\(optimizer.epsilon)",
      "momentum": "\(optimizer.momentum)",
      "--batch": "\(recipe.batch.microBatch)", "--seq": "\(recipe.batch.sequence)",
      "--grad-accum": "\(recipe.batch.accumulation)",
      "--schedule": schedule.kind.rawValue, "--warmup-steps": "\(schedule.warmUpSteps)",
      "--steps": "\(schedule.totalSteps)", "--max-grad-norm": "\(clippingNorm ?? 0)",
      "--group": options.group.isEmpty ? "none" : options.group.joined(separator: " "),
      "data fingerprint": data, "--eval-fraction": "\(options.evalFraction ?? 0.1)",
      "--packing": options.packing ? "on" : "off", "--seed": "\(options.seed ?? 0)",
    ]
    // What is usual is left out, as in states of before there was a choice.
    if options.sums.partialSums == .fp16 { settings["--partial-sums"] = PartialSums.fp16.rawValue }
    guard let adapter = method.adapter else { return settings }
    settings["--rank"] = "\(adapter.rank)"
    settings["--alpha"] = "\(adapter.alpha)"
    settings["--lora-dropout"] = "\(adapter.dropout)"
    settings["--targets"] = adapter.targets.text
    return settings
  }
}
