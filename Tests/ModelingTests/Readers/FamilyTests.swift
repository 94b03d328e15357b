import Bookkeeping
import Modeling
import Testing

@Suite struct `The families` {
  @Test(arguments: Families.recorded.families)
  func `parameters have the names and shapes of the checkpoint that Transformers saves`(
    family: Families.Family
  ) throws {
    let spec = try ConfigJSON(family.config.value, file: family.name).spec
    let listed = Dictionary(uniqueKeysWithValues: spec.parameters.map { ($0.name, $0.shape.extents) })
    #expect(listed == family.tensors)
  }

  @Test(arguments: Families.recorded.families)
  func `Transformers 5's own config.json describes the same model`(family: Families.Family) throws {
    let written = try ConfigJSON(family.config.value, file: family.name, name: "tiny").spec
    let saved = try ConfigJSON(family.saved.value, file: family.name, name: "tiny").spec
    #expect(saved.parameters == written.parameters)
    #expect(saved.attention == written.attention)
    #expect(saved.feedForward == written.feedForward)
    #expect(saved.normalization == written.normalization)
    #expect(saved.positions == written.positions)
    #expect(saved.finalLogitSoftcap == written.finalLogitSoftcap)
    #expect(saved.checkpointFormat == .fp32)
  }

  @Test(arguments: Families.recorded.defaults.keys.sorted())
  func `an empty configuration is what Transformers' class makes of it`(type: String) throws {
    let defaults = try #require(Families.recorded.defaults[type])
    let config = try ConfigJSON(["model_type": .string(type)], file: "config.json")
    #expect(config.spec.parameterCount == defaults.parameters)
    #expect(config.spec.maximumPositions == defaults.positions)
    #expect(config.spec.attention.heads == defaults.heads)
    #expect(config.spec.layerCount == defaults.layers)
    #expect(config.spec.normalization.epsilon == defaults.epsilon)
    #expect(config.spec.tiesEmbeddings == defaults.tied)
    #expect(config.defaulted.contains("vocab_size"))
    #expect(config.defaulted.count >= 4)
  }

  @Test func `every known type is recorded`() {
    let recorded = Set(Families.recorded.defaults.keys)
    #expect(recorded == Set(ConfigJSON.knownTypes).subtracting(["gemma3"]))
  }

  @Test(arguments: Families.recorded.families)
  func `the modules that adapters see are the linear weights of the list`(family: Families.Family) throws {
    let spec = try ConfigJSON(family.config.value, file: family.name).spec
    for layer in 0..<spec.layerCount {
      let listed = spec.layerParameters(layer).compactMap { parameter in
        if case .linear = parameter.role { parameter.name } else { nil }
      }
      #expect(spec.linearModules(layer).map { $0.name + ".weight" } == listed)
    }
  }
}
