import Modeling
import Testing

@Suite struct `The presets` {
  @Test(arguments: Presets.all)
  func `a preset has the published number of parameters`(preset: Preset) {
    let count = preset.spec.parameterCount
    let published = preset.publishedCount
    // Exact figures agree to the parameter; rounded ones within half a step of the last printed digit.
    #expect(
      published.agrees(withDecoder: count),
      "\(preset.name): \(count) here, \(published.count) published, \(published.outsideDecoder) outside the decoder")
  }

  @Test(arguments: Presets.all)
  func `a preset's list of parameters adds up to its count`(preset: Preset) {
    let parameters = preset.spec.parameters
    #expect(parameters.reduce(0) { $0 + $1.count } == preset.spec.parameterCount)
    #expect(Set(parameters.map(\.name)).count == parameters.count, "a name comes twice")
  }

  @Test func `there are at least 55 presets, nearly all with an exact count`() {
    #expect(Presets.all.count >= 55)
    #expect(Presets.all.filter(\.publishedCount.isExact).count >= 50)
  }

  @Test func `names are unique and lower case`() {
    let names = Presets.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0 == $0.lowercased() })
    let ids = Presets.all.flatMap { [$0.huggingFaceID] + $0.aliases }.map { $0.lowercased() }
    #expect(Set(ids).count == ids.count)
  }

  @Test(arguments: Presets.all)
  func `a preset is found by name, by id and by the last part of its id`(preset: Preset) {
    #expect(Presets.named(preset.name.uppercased()) == preset)
    for id in [preset.huggingFaceID] + preset.aliases { #expect(Presets.named(id) == preset) }
    let repository = preset.huggingFaceID.split(separator: "/").last.map(String.init) ?? ""
    #expect(Presets.named(repository) == preset)
    #expect(preset.source == "https://huggingface.co/\(preset.huggingFaceID)")
  }

  @Test(arguments: [
    ("7b", "llama-2-7b"), ("7B", "llama-2-7b"), ("0.5b", "qwen2.5-0.5b"), ("70b", "llama-2-70b"),
    ("8b", "llama-3.1-8b"), ("135m", "smollm2-135m"), ("405B", "llama-3.1-405b"),
  ])
  func `a size stands for one preset`(size: String, name: String) {
    #expect(Presets.standing(forSize: size)?.name == name)
  }

  /// Every size that the table could have, checked against the parameters of the model it leads to.
  @Test func `a size leads to a model of about that size`() {
    let sizes = (1...1000).flatMap { ["\($0)m", "\($0)b"] } + (1...200).map { "\($0 / 10).\($0 % 10)b" }
    let found = sizes.compactMap { size in Presets.standing(forSize: size).map { (size, $0) } }
    #expect(found.count >= 40)
    for (size, preset) in found {
      let figure = (Double(size.dropLast()) ?? 0) * (size.hasSuffix("b") ? 1e9 : 1e6)
      // Names round generously: Gemma 2's 2B has 2.6 billion.
      #expect((0.8...1.35).contains(Double(preset.spec.parameterCount) / figure), "\(size) → \(preset.name)")
    }
  }

  @Test(arguments: [
    (7_455_000_000, true), (7_464_000_000, true), (7_466_000_000, false), (7_454_000_000, false),
  ])
  func `a rounded figure agrees within half a step`(count: Int, agrees: Bool) {
    #expect(PublishedCount.rounded(7_460_000_000, toNearest: 10_000_000).agrees(withDecoder: count) == agrees)
  }

  @Test func `an exact figure agrees with itself only`() {
    let figure = PublishedCount.exact(1000, outsideDecoder: 100)
    #expect(figure.agrees(withDecoder: 900))
    #expect(!figure.agrees(withDecoder: 901))
    #expect(!figure.agrees(withDecoder: 1000))
  }

  @Test func `details that no count shows are as published`() throws {
    let llama = try #require(Presets.named("meta-llama/Llama-3.2-1B")).spec
    #expect(llama.attention.headDimension == 64)
    #expect(llama.tiesEmbeddings)
    let scaling = RotarySpec.Scaling.llama3(
      factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192)
    #expect(llama.positions == .rotary(RotarySpec(theta: 500000, scaling: scaling)))
    let gemma = try #require(Presets.named("gemma-2-9b")).spec
    #expect(gemma.attention.logitSoftcap == 50 && gemma.finalLogitSoftcap == 30)
    #expect(gemma.attention.slidingWindow == 4096 && gemma.feedForward.activation == .geluTanh)
    let nemo = try #require(Presets.named("mistral-nemo-12b")).spec
    #expect(nemo.attention.queryWidth == 4096 && nemo.hiddenSize == 5120)
    let phi = try #require(Presets.named("phi-2")).spec
    #expect(phi.positions == .rotary(RotarySpec(theta: 10000, rotatedShare: 0.4)))
    #expect(phi.headHasBias && phi.normalization.sharesParallelNorm && !phi.feedForward.isGated)
  }
}
