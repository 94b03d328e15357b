import Modeling
import Testing

@Suite struct `A request filled from another` {
  @Test func `keeps its own settings and takes the rest`() {
    var flags = RecipeRequest()
    flags.rank = 4
    var file = RecipeRequest()
    (file.method, file.rank, file.alpha, file.sequence) = (.lora, 8, 16, 512)
    let merged = flags.filled(from: file)
    #expect(merged.method == .lora && merged.rank == 4 && merged.alpha == 16 && merged.sequence == 512)
  }

  struct Merge: Sendable {
    let method: Method.Name
    let quantization: Quantization?
    let expected: Method.Name
  }

  @Test(arguments: [
    Merge(method: .lora, quantization: .int8, expected: .qlora),
    Merge(method: .qlora, quantization: nil, expected: .lora), Merge(method: .full, quantization: nil, expected: .full),
  ])
  func `is quantized as it says itself`(merge: Merge) {
    var flags = RecipeRequest()
    flags.quantization = .some(merge.quantization)
    var file = RecipeRequest()
    file.method = merge.method
    #expect(flags.filled(from: file).method == merge.expected)
  }

  @Test(arguments: Method.Name.allCases)
  func `under another method keeps nothing that it has no use for`(method: Method.Name) throws {
    var flags = RecipeRequest()
    flags.method = method
    flags.usesGradientCheckpointing = false
    var file = RecipeRequest()
    (file.method, file.rank, file.alpha, file.loraDropout) = (.qlora, 8, 16, 0.1)
    (file.targets, file.quantization, file.stabilizesRank) = (.allLinear, .some(.int8), true)
    (file.modulesToSave, file.decomposesWeights) = (["lm_head"], true)
    let spec = try #require(Presets.named(method == .bitfit ? "qwen2.5-0.5b" : "llama-2-7b")).spec
    if [.boft, .oft].contains(method) { flags.blockSize = 32 }
    #expect(try flags.filled(from: file).resolved(for: spec).recipe.method.name == method)
  }

  @Test func `an optimizer that is asked for walks as it does by itself`() {
    var flags = RecipeRequest()
    flags.optimizer = .sgd
    var file = RecipeRequest()
    (file.optimizer, file.optimizerImplementation) = (.adamw, .single)
    #expect(flags.filled(from: file).optimizerImplementation == nil)
  }
}
