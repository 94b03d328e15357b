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

  @Test(arguments: [
    (Method.Name.lora, Quantization?.some(.int8), Method.Name.qlora), (.qlora, nil, .lora), (.full, nil, .full),
  ])
  func `is quantized as it says itself`(method: Method.Name, quantization: Quantization?, expected: Method.Name) {
    var flags = RecipeRequest()
    flags.quantization = .some(quantization)
    var file = RecipeRequest()
    file.method = method
    #expect(flags.filled(from: file).method == expected)
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
