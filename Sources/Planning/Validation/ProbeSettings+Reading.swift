import Bookkeeping
import Modeling

extension ProbeSettings {
  /// Reads what a script was told, as it has written it into its result.
  init(_ fields: ProbeFields) throws(ProbeError) {
    let model = try fields.required(object: "model")
    guard let configuration = model.value("config") else { throw model.missing("config") }
    let spec = try ProbeSettings.spec(configuration, name: model.text("name"), file: fields.file)
    let request = try ProbeSettings.request(fields.required(object: "recipe"))
    let recipe = try ProbeSettings.recipe(request, spec, file: fields.file)
    try self.init(spec: spec, configuration: configuration, recipe: recipe)
  }

  private static func spec(_ configuration: JSONValue, name: String?, file: String) throws(ProbeError) -> ModelSpec {
    do { return try ConfigJSON(configuration, file: "\(file), model.config", name: name).spec } catch {
      throw .config(error)
    }
  }

  private static func recipe(
    _ request: RecipeRequest, _ spec: ModelSpec, file: String
  ) throws(ProbeError) -> Recipe {
    do { return try request.resolved(for: spec).recipe } catch { throw .recipe(error, file: file) }
  }

  private static func request(_ fields: ProbeFields) throws(ProbeError) -> RecipeRequest {
    var request = RecipeRequest()
    request.stack = try fields.choice("stack", Stack.self)
    guard request.stack != nil else { throw fields.missing("stack") }
    request.method = try fields.choice("method", Method.Name.self)
    guard let method = request.method else { throw fields.missing("method") }
    if method != .full {
      request.rank = try fields.count("rank")
      request.alpha = try fields.number("alpha")
      request.loraDropout = try fields.number("lora_dropout")
      request.targets = try fields.text("targets").map(ProbeSettings.targets)
      request.adapterFormat = try fields.choice("adapter_dtype", ScalarFormat.self)
    }
    request.quantization = try quantization(fields)
    request.weightFormat = try fields.choice("dtype", ScalarFormat.self)
    request.precision = try fields.choice("precision", Precision.self)
    request.optimizer = try fields.choice("optimizer", Optimizer.Kind.self)
    request.optimizerImplementation = try fields.choice("optimizer_implementation", Optimizer.Implementation.self)
    request.learningRate = try fields.number("learning_rate")
    request.weightDecay = try fields.number("weight_decay")
    request.microBatch = try fields.count("batch")
    request.sequence = try fields.count("seq")
    request.accumulation = try fields.count("grad_accum")
    request.usesGradientCheckpointing = try fields.flag("checkpointing")
    request.attention = try fields.choice("attention", AttentionImplementation.self)
    request.loss = try fields.choice("loss", LossImplementation.self)
    return request
  }

  private static func targets(_ text: String) -> LoRA.Targets {
    switch text {
    case LoRA.Targets.allLinear.text: .allLinear
    case LoRA.Targets.attention.text: .attention
    default: .modules(text.split(separator: ",").map(String.init))
    }
  }

  private static func quantization(_ fields: ProbeFields) throws(ProbeError) -> Quantization?? {
    guard let text = try fields.text("quant"), text != "none" else { return nil }
    let known: [Quantization] = [
      .nf4(double: true), .nf4(double: false), .fp4(double: true), .fp4(double: false), .int8,
    ]
    guard let quantization = known.first(where: { $0.text == text }) else {
      throw fields.wrong("quant", "one of none, " + known.map(\.text).joined(separator: ", "))
    }
    return .some(quantization)
  }
}
