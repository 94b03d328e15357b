import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Recordings of probes` {
  @Test func `say what was run`() throws {
    let recording = try Recordings.named("trl-qlora")
    let recipe = recording.settings.recipe
    #expect(recipe.stack == .trl)
    #expect(recipe.method.quantization == .nf4(double: true))
    #expect(recipe.method.adapter?.rank == 16)
    #expect(recipe.batch.tokens == 128)
    #expect(recording.settings.spec.layerCount == 30)
    #expect(recording.depths.map(\.layers) == [1, 2, 3])
    #expect(recording.packages.contains { $0.name == "trl" && $0.version == "1.16.0" })
    #expect(!recording.machine.isGPU)
  }

  /// r·(in + out) of the seven linear layers: 16·(2·(576+576) + 2·(576+192) + 3·(576+1536)) = 162 816 a layer.
  @Test func `count the parameters that train`() throws {
    #expect(try Recordings.named("trl-lora").depths.map(\.trainable) == [162_816, 325_632, 488_448])
  }

  @Test(arguments: 1..<16)
  func `cut short are no JSON`(sixteenth: Int) throws {
    let bytes = try JSONValue.bytes(ofFile: Recordings.path("full"))
    #expect {
      try ProbeRecording(Array(bytes[..<(bytes.count * sixteenth / 16)]), file: "probe.json")
    } throws: { error in
      guard case ProbeError.notJSON(_, file: "probe.json") = error else { return false }
      return "\(error)".contains("perhaps cut short")
    }
  }

  @Test(arguments: ["{}", "[]", "null", "{\"format\": \"plimsoll-probe\", \"version\": 2}"])
  func `of others are refused`(text: String) {
    #expect(throws: ProbeError.foreign(file: "probe.json")) {
      try ProbeRecording(Array(text.utf8), file: "probe.json")
    }
  }

  /// Whatever single value is taken out or replaced, the answer is a recording or a typed error that names a field.
  @Test(arguments: ["full", "trl-qlora"])
  func `with one value wrong are read or refused`(name: String) throws {
    let value = try Recordings.value(name)
    for wrong in [nil, .null, -1, "x", .array([]), 1e300, .bool(true)] as [JSONValue?] {
      for damaged in value.damaged(with: wrong) {
        do {
          _ = try Recordings.reading(damaged)
        } catch {
          #expect("\(error)".contains("probe.json"), "\(error)")
        }
      }
    }
  }

  @Test func `without a second step measured nothing`() throws {
    let value = try Recordings.value("full").mapping { members, _ in
      var members = members
      if members["steps"] != nil {
        members["steps"] = .array([])
        members["error"] = ["kind": "out_of_memory", "message": "CUDA out of memory"]
      }
      return members
    }
    #expect(throws: ProbeError.nothingMeasured(file: "probe.json", reason: "CUDA out of memory")) {
      try Recordings.reading(value)
    }
  }

  @Test func `keep what was measured when a deeper model failed`() throws {
    let value = try Recordings.value("full").mapping { members, _ in
      var members = members
      if members["layers"] == 3 {
        members["steps"] = .array([])
        members["error"] = ["kind": "out_of_memory", "message": "CUDA out of memory"]
      }
      return members
    }
    let comparison = try ProbeComparison(Recordings.reading(value))
    #expect(comparison.lines.allSatisfy { $0.pairs.map(\.layers) == [1, 2] })
    #expect(comparison.recording.depths.last?.failure == "CUDA out of memory")
  }
}

@Suite struct `Settings of probes` {
  private func settings(
    _ change: (inout RecipeRequest) -> Void
  ) throws -> Result<ProbeSettings, ProbeError> {
    let spec = try Models.llama2Seven()
    var request = RecipeRequest()
    request.method = .lora
    change(&request)
    let recipe = try request.resolved(for: spec).recipe
    return Result { () throws(ProbeError) in try ProbeSettings(spec: spec, configuration: [:], recipe: recipe) }
  }

  @Test func `refuse what a stack has no switch for`() throws {
    #expect(throws: ProbeError.self) { try settings { $0.stack = .plimsoll }.get() }
    #expect(throws: ProbeError.self) { try settings { $0.loss = .full }.get() }
    #expect(throws: ProbeError.self) {
      try settings {
        $0.stack = .transformers
        $0.loss = .chunked
      }.get()
    }
    #expect(throws: ProbeError.self) { try settings { $0.optimizerImplementation = .single }.get() }
  }

  @Test func `run two micro-batches at most`() throws {
    #expect(try settings { $0.accumulation = 1 }.get().microBatches == 1)
    #expect(try settings { $0.accumulation = 16 }.get().microBatches == 2)
  }

  @Test func `name target modules as PEFT does`() throws {
    #expect(try settings { _ in }.get().targetModules.isEmpty)
    #expect(
      try settings { $0.targets = .attention }.get().targetModules
        == ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"])
    #expect(try settings { $0.targets = .modules(["q_proj"]) }.get().targetModules == ["q_proj"])
  }
}

extension JSONValue {
  /// Every document that differs from this one in one member of one object.
  fileprivate func damaged(with wrong: JSONValue?) -> [JSONValue] {
    switch self {
    case .array(let elements):
      return elements.indices.flatMap { index in
        elements[index].damaged(with: wrong).map { damaged in
          var copy = elements
          copy[index] = damaged
          return .array(copy)
        }
      }
    case .object(let members):
      return members.flatMap { key, value -> [JSONValue] in
        var without = members
        without[key] = wrong
        return [.object(without)] + value.damaged(with: wrong).map { .object(members.merging([key: $0]) { $1 }) }
      }
    default: return []
    }
  }
}
