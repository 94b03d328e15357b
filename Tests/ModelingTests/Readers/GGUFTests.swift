import Bookkeeping
import Modeling
import Testing

@Suite struct `Reading GGUF headers` {
  /// The files that gguf-py wrote: the first layer of each recorded family.
  static let files = [
    "llama", "qwen2", "qwen3", "qwen3_moe", "mixtral", "gemma", "gemma2", "gemma3_text", "phi", "phi3", "gpt2",
    "gpt_neox",
  ]

  static func header(_ family: String) throws -> GGUFHeader {
    try GGUFHeader(path: Resources.path(family.split(separator: "_").joined(separator: "-") + ".gguf"))
  }

  @Test(arguments: files)
  func `a file of gguf-py describes the model it was made from`(family: String) throws {
    let recorded = try #require(Families.recorded.families.first { $0.name == family })
    let expected = try ConfigJSON(recorded.saved.value, file: family, name: family).spec
    let spec = try Self.header(family).spec(name: family)
    #expect(spec.architecture == expected.architecture)
    #expect(spec.layerCount == 1)
    #expect(spec.layerParameters(0) == expected.layerParameters(0))
    let outer = { (spec: ModelSpec) in spec.parameters.filter { $0.layer == nil } }
    #expect(outer(spec) == outer(expected))
    #expect(spec.feedForward == expected.feedForward)
    #expect(spec.normalization == expected.normalization)
    #expect(spec.positions == expected.positions)
    #expect(spec.maximumPositions == expected.maximumPositions)
    #expect(spec.finalLogitSoftcap == expected.finalLogitSoftcap)
    #expect(spec.attention.logitSoftcap == expected.attention.logitSoftcap)
  }

  @Test(arguments: files)
  func `the tensors of a file add up to its model`(family: String) throws {
    let header = try Self.header(family)
    let stored = header.tensors.reduce(0) { $0 + $1.shape.count }
    #expect(stored == (try header.spec(name: family).parameterCount))
  }

  @Test func `metadata stays at hand`() throws {
    let header = try Self.header("llama")
    #expect(header.version == 3 && header.alignment == 32)
    #expect(header.metadata["general.name"] == .string("llama"))
    #expect(
      header.metadata["tokenizer.ggml.tokens"]?.arrayValue?.prefix(3) == [
        .string("<s>"), .string("</s>"), .string("ä"),
      ])
    #expect(header.metadata["tokenizer.ggml.scores"]?.arrayValue?.count == 64)
    #expect(header.metadata["tokenizer.ggml.add_bos_token"] == .bool(true))
    #expect(header.metadata["llama.attention.layer_norm_rms_epsilon"] == .number(1e-6))
    let query = try #require(header.tensors.first { $0.name == "blk.0.attn_q.weight" })
    #expect(query.shape == [32, 32] && query.type.name == "Q4_0" && query.type.format == .q4_0)
    #expect(query.byteRange.count == 32 * 18)
  }

  @Test func `long arrays are passed over on request`() throws {
    let bytes = try Resources.bytes("llama.gguf")
    let whole = try GGUFHeader(bytes: bytes, name: "x")
    let short = try GGUFHeader(bytes: bytes, name: "x", longestArray: 63)
    #expect(short.metadata["tokenizer.ggml.tokens"] == .omitted(count: 64))
    #expect(short.metadata["tokenizer.ggml.scores"]?.arrayCount == 64)
    #expect(short.tensors == whole.tensors && short.metadata.count == whole.metadata.count)
    #expect(try short.spec(name: "x") == whole.spec(name: "x"))
    for length in stride(from: 0, to: bytes.count, by: 16) {
      #expect(throws: GGUFError.self) {
        try GGUFHeader(bytes: Array(bytes.prefix(length)), name: "x", longestArray: 63)
      }
    }
  }

  @Test func `every value type is read`() throws {
    var builder = GGUFBuilder.llama()
    builder.add("u8", type: 0, [200])
    builder.add("i8", type: 1, [0xFE])
    builder.add("u16", type: 2, [0, 0x80])
    builder.add("i16", type: 3, [0, 0x80])
    builder.add("i32", type: 5, [0xFF, 0xFF, 0xFF, 0xFF])
    builder.add("f32", type: 6, GGUFBuilder.little(Float(0.1).bitPattern))
    builder.add("yes", type: 7, [1])
    builder.add("u64", type: 10, GGUFBuilder.little(UInt64.max))
    builder.add("i64", type: 11, GGUFBuilder.little(Int64.min))
    builder.add("f64", type: 12, GGUFBuilder.little((0.1).bitPattern))
    let inner = GGUFBuilder.little(UInt32(0)) + GGUFBuilder.little(UInt64(2)) + [7, 8]
    builder.add("nested", type: 9, GGUFBuilder.little(UInt32(9)) + GGUFBuilder.little(UInt64(1)) + inner)
    for version in [2, 3] as [UInt32] {
      builder.version = version
      let metadata = try GGUFHeader(bytes: builder.bytes, name: "x.gguf").metadata
      #expect(metadata["u8"] == .integer(200) && metadata["i8"] == .integer(-2))
      #expect(metadata["u16"] == .integer(32768) && metadata["i16"] == .integer(-32768))
      #expect(metadata["i32"] == .integer(-1) && metadata["i64"] == .integer(.min))
      #expect(metadata["u64"] == .unsigned(.max) && metadata["yes"] == .bool(true))
      #expect(metadata["f32"] == .number(0.1) && metadata["f64"] == .number(0.1))
      #expect(metadata["nested"] == .array([.array([.integer(7), .integer(8)])]))
    }
  }

  @Test func `a head of its own or none decides tying`() throws {
    #expect(try !GGUFHeader(bytes: GGUFBuilder.llama().bytes, name: "x").spec(name: "x").tiesEmbeddings)
    #expect(try GGUFHeader(bytes: GGUFBuilder.llama(tied: true).bytes, name: "x").spec(name: "x").tiesEmbeddings)
  }

  @Test func `a file of metadata alone counts its tokens`() throws {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    for key in ["block_count", "embedding_length", "feed_forward_length", "attention.head_count", "context_length"] {
      builder.add("llama." + key, key == "embedding_length" ? 32 : 2)
    }
    #expect(Self.error(builder.bytes) == .config(.missing(field: "llama.vocab_size", file: "x.gguf")))
    let tokens = (0..<5).flatMap { GGUFBuilder.text("t\($0)") }
    let list = GGUFBuilder.little(UInt32(8)) + GGUFBuilder.little(UInt64(5)) + tokens
    builder.add("tokenizer.ggml.tokens", type: 9, list)
    let spec = try GGUFHeader(bytes: builder.bytes, name: "x", longestArray: 3).spec(name: "x")
    #expect(spec.vocabularySize == 5 && spec.attention.keyValueHeads == 2 && !spec.tiesEmbeddings)
  }

  // MARK: Refusals

  static func error(_ change: (inout GGUFBuilder) -> Void) -> GGUFError? {
    var builder = GGUFBuilder.llama()
    change(&builder)
    return error(builder.bytes)
  }

  static func error(_ bytes: [UInt8]) -> GGUFError? {
    do {
      _ = try GGUFHeader(bytes: bytes, name: "x.gguf").spec(name: "x")
      return nil
    } catch {
      return error
    }
  }

  @Test func `a header that breaks off says where, in what, and how much is missing`() {
    let bytes = GGUFBuilder.llama().bytes
    // 4 bytes of magic, 4 of version, 8 and 8 of counts: byte 6 lies in the version.
    #expect(Self.error(Array(bytes.prefix(6))) == .truncated(reading: "the version", offset: 6, missing: 2))
    #expect(Self.error([]) == .truncated(reading: "the magic number", offset: 0, missing: 4))
    let message = GGUFError.truncated(reading: "tensor name", offset: 812, missing: 4).description
    #expect(message == "the GGUF header ends inside tensor name at byte 812: 4 more bytes are needed")
  }

  @Test func `what the format forbids is refused by name`() {
    let bytes = GGUFBuilder.llama().bytes
    #expect(Self.error(Array("GGML".utf8) + bytes.dropFirst(4)) == .badMagic(found: Array("GGML".utf8), file: "x.gguf"))
    #expect(Self.error { $0.version = 1 } == .unsupportedVersion(1, file: "x.gguf"))
    #expect(Self.error { $0.version = UInt32(3).byteSwapped } == .byteSwapped(file: "x.gguf"))
    #expect(Self.error { $0.add("llama.block_count", 2) } == .duplicateKey("llama.block_count"))
    #expect(Self.error { $0.addTensor("output.weight", [1]) } == .duplicateTensor("output.weight"))
    #expect(Self.error { $0.add("general.alignment", 24) } == .invalidAlignment("24"))
    #expect(Self.error { $0.add("general.alignment", 0) } == .invalidAlignment("0"))
    #expect(Self.error { $0.addTensor("a", [32], type: 4) } == .unknownTensorType(4, tensor: "a"))
    #expect(Self.error { $0.addTensor("a", [33], type: 2) } == .raggedRow(tensor: "a", row: 33, block: 32))
    #expect(Self.error { $0.addTensor("a", [8], offset: 4) } == .misaligned(tensor: "a", offset: 4, alignment: 32))
    #expect(Self.error { $0.addTensor("a", [8], offset: 32) } == .overlap("token_embd.weight", "a"))
    #expect(Self.error { $0.addTensor("a", [1 << 40, 1 << 40]) } == .tooManyElements(tensor: "a"))
    #expect(Self.error { $0.addTensor("a", [.max]) } == .tooManyElements(tensor: "a"))
    guard case .tooMany = Self.error({ $0.addTensor("a", [UInt64](repeating: 1, count: 9)) }),
      case .outsideFile("a", _, _) = Self.error({ $0.addTensor("a", [8], offset: 1 << 40) }),
      case .outsideFile("a", .max, _) = Self.error({ $0.addTensor("a", [8], offset: UInt64.max - 31) }),
      case .unknownValueType(13, "a", _) = Self.error({ $0.add("a", type: 13, []) }),
      case .invalidBoolean(2, _) = Self.error({ $0.add("a", type: 7, [2]) })
    else {
      Issue.record("one of the refusals is another error")
      return
    }
  }

  @Test func `announced lengths are believed only as far as the file goes`() {
    let huge = GGUFBuilder.little(UInt64.max)
    guard case .truncated = Self.error({ $0.add("a", type: 8, huge) }),
      case .tooMany = Self.error({ $0.add("a", type: 9, GGUFBuilder.little(UInt32(0)) + huge) }),
      case .truncated = Self.error({
        $0.add("a", type: 9, GGUFBuilder.little(UInt32(8)) + GGUFBuilder.little(UInt64(1 << 20)))
      })
    else {
      Issue.record("an absurd length was not noticed")
      return
    }
    let nested = (0..<6).flatMap { _ in GGUFBuilder.little(UInt32(9)) + GGUFBuilder.little(UInt64(1)) }
    #expect(Self.error { $0.add("a", type: 9, nested) } == .nestedTooDeeply(key: "a", limit: 4))
  }

  @Test func `a missing or absurd hyperparameter is named by its GGUF key`() {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    #expect(Self.error(builder.bytes) == .config(.missing(field: "llama.embedding_length", file: "x.gguf")))
    builder.add("llama.embedding_length", 0)
    #expect(Self.error(builder.bytes)?.description.contains("llama.embedding_length is 0") == true)
    #expect(Self.error(GGUFBuilder().bytes) == .config(.missing(field: "general.architecture", file: "x.gguf")))
    var other = GGUFBuilder()
    other.add("general.architecture", "mamba")
    #expect(Self.error(other.bytes) == .unknownArchitecture("mamba", known: GGUFHeader.knownArchitectures))
    var wrong = GGUFBuilder()
    wrong.add("general.architecture", 3)
    #expect(Self.error(wrong.bytes)?.description.contains("general.architecture is 3") == true)
  }

  @Test(arguments: ["llama", "mixtral"])
  func `a file cut off at any place is refused`(family: String) throws {
    let bytes = try Resources.bytes(family + ".gguf")
    for length in stride(from: 0, to: bytes.count, by: 16) {
      #expect(Self.error(Array(bytes.prefix(length))) != nil, "cut after \(length) bytes")
    }
    #expect(Self.error(bytes) == nil)
  }

  @Test(arguments: ["llama", "gemma3-text", "gpt-neox"])
  func `flipped bytes are refused or read and never crash`(family: String) throws {
    var generator = SeededGenerator(seed: 11)
    let valid = try Resources.bytes(family + ".gguf")
    let headerEnd = min(2600, valid.count)
    for _ in 0..<3000 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: 0..<headerEnd, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      guard let header = try? GGUFHeader(bytes: bytes, name: "x"), let spec = try? header.spec(name: "x") else {
        continue
      }
      #expect(spec.parameterCount > 0)
    }
  }
}

@Suite struct `The types of ggml` {
  @Test(arguments: GGMLType.numbers)
  func `the books and ggml agree on the size of a block`(number: Int) throws {
    let type = try #require(GGMLType(number: number))
    guard let format = type.format else { return }
    #expect(format.blockElements == type.blockElements && format.blockBytes == type.blockBytes, "\(type)")
  }

  @Test func `every block format of the books is a type of ggml`() {
    let known = Set(GGMLType.numbers.compactMap { GGMLType(number: $0)?.format })
    #expect(ScalarFormat.allCases.filter { $0.rawValue.hasPrefix("q") }.allSatisfy(known.contains))
  }
}
