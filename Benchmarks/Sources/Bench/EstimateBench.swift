import Modeling
import Planning

/// One estimate in process: the walk of every operation and the allocator's replay of loading and two steps.
///
/// This is what a search does thousands of times, so that it decides what a search may ask.
struct EstimateBench {
  var runs = 200

  private struct Question {
    let model: String
    let stack: Stack
    let method: Method.Name
    var checkpoints: Bool? = nil
  }

  private let questions: [Question] = [
    Question(model: "llama-2-7b", stack: .trl, method: .full),
    Question(model: "llama-2-7b", stack: .trl, method: .lora),
    Question(model: "llama-2-7b", stack: .trl, method: .qlora),
    Question(model: "llama-2-7b", stack: .trl, method: .qlora, checkpoints: false),
    Question(model: "llama-2-7b", stack: .transformers, method: .lora),
    Question(model: "llama-2-7b", stack: .unsloth, method: .qlora),
    Question(model: "llama-2-7b", stack: .torchtune, method: .lora),
    Question(model: "mixtral-8x7b", stack: .trl, method: .qlora),
  ]

  func run() throws {
    print("\n## One estimate in process, \(runs) runs after 20 warm-ups\n")
    print("| model | stack | method | checkpoints | median ms | least | most |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: |")
    for question in questions {
      guard let preset = Presets.named(question.model) else { throw BenchError.unknownModel(question.model) }
      var request = RecipeRequest()
      request.stack = question.stack
      request.method = question.method
      request.sequence = 2048
      request.usesGradientCheckpointing = question.checkpoints
      if preset.spec.feedForward.experts != nil { request.targets = .attention }
      let recipe = try request.resolved(for: preset.spec).recipe
      var times: [Double] = []
      for run in 0..<runs + 20 {
        let start = ContinuousClock.now
        _ = try Planner.deviceBytes(preset.spec, recipe)
        let (whole, fraction) = (ContinuousClock.now - start).components
        if run >= 20 { times.append((Double(whole) + Double(fraction) * 1e-18) * 1e3) }
      }
      let checkpoints = recipe.usesGradientCheckpointing ? "on" : "off"
      print(
        "| \(question.model) | \(question.stack.rawValue) | \(question.method.rawValue) | \(checkpoints) "
          + "| \(Sample(times).cells(decimals: 2)) |")
    }
  }
}
