import Modeling
import Testing

@Suite struct `Naming a model` {
  static func error(_ argument: String) -> ModelReferenceError? {
    do {
      _ = try ModelReference(resolving: argument)
      return nil
    } catch {
      return error
    }
  }

  static let config = """
    {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 64,
     "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128}
    """

  @Test(arguments: ["llama-2-7b", "Llama-2-7B", "meta-llama/Llama-2-7b-hf", "META-LLAMA/llama-2-7b-HF"])
  func `a preset is named in any case, by itself or by its repository`(argument: String) throws {
    let reference = try ModelReference(resolving: argument)
    #expect(reference.spec.parameterCount == 6_738_415_616)
    #expect(reference.note == nil)
    guard case .preset(let preset) = reference.origin else {
      Issue.record("\(reference.origin)")
      return
    }
    #expect(preset.name == "llama-2-7b")
  }

  @Test func `a size alone says what it stands for`() throws {
    let reference = try ModelReference(resolving: "7B")
    #expect(reference.spec.name == "llama-2-7b")
    #expect(reference.note == "7B alone stands for llama-2-7b (meta-llama/Llama-2-7b-hf)")
  }

  @Test func `a relative of a preset says as what it is planned`() throws {
    let reference = try ModelReference(resolving: "Qwen/Qwen2.5-7B-Instruct")
    #expect(reference.note == "Qwen/Qwen2.5-7B-Instruct is planned as qwen2.5-7b")
  }

  @Test(arguments: [
    ("lama-2-7b", "llama-2-7b"), ("llama2-7b", "llama-2-7b"), ("mistral-7b-v0.4", "mistral-7b-v0.3"),
    ("meta-llama/Llama-2-7b-hg", "llama-2-7b"), ("6.5b", "6b"),
  ])
  func `an unknown name is a usage error with the nearest ones`(name: String, nearest: String) {
    let error = Self.error(name)
    guard case .unknownName(_, let suggestions) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(suggestions.contains(nearest), "\(suggestions)")
    #expect(error?.category == .usage)
    #expect(error?.description.contains(nearest) == true)
  }

  @Test func `a name that is like nothing gets no suggestion`() {
    #expect(Self.error("zzzzzzzzzzzzzzzz") == .unknownName("zzzzzzzzzzzzzzzz", suggestions: []))
    #expect(Self.error("")?.category == .usage)
  }

  @Test(arguments: ["/no/such/config.json", "./nothing", "../nothing/", "model.safetensors", "model.gguf", "~/x"])
  func `a path to nothing is a missing input`(path: String) {
    #expect(Self.error(path)?.category == .noInput)
    #expect(Self.error(path)?.description.contains(path) == true)
  }

  @Test func `a config.json is read where it lies, and by its folder`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.config, to: "config.json")
    for argument in [path, folder.path, folder.path + "/"] {
      let reference = try ModelReference(resolving: argument)
      #expect(reference.spec.layerCount == 2)
      guard case .config = reference.origin else {
        Issue.record("\(reference.origin)")
        return
      }
      #expect(reference.note == nil)
    }
  }

  @Test func `defaults that decide the size are said`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      #"{"model_type": "gpt2", "quantization_config": {"quant_method": "awq"}}"#, to: "config.json")
    let note = try ModelReference(resolving: path).note ?? ""
    #expect(note.contains("n_embd") && note.contains("awq"), "\(note)")
  }

  @Test func `a folder without config.json is read by its weights`() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Resources.bytes("qwen3.safetensors"), to: "model.safetensors")
    let reference = try ModelReference(resolving: folder.path)
    #expect(reference.spec.architecture == .qwen3)
    #expect(reference.origin == .safetensors(path: folder.path + "/model.safetensors"))
    #expect(reference.note?.contains("rope_theta") == true)
    let other = try TemporaryFolder()
    try other.write(try Resources.bytes("gemma2.gguf"), to: "some.gguf")
    let second = try ModelReference(resolving: other.path)
    #expect(second.origin == .gguf(path: other.path + "/some.gguf"))
    #expect(second.spec.name == "some" && second.note == nil)
  }

  @Test func `weights take the config.json beside them`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try Resources.bytes("llama.safetensors"), to: "weights.safetensors")
    #expect(Self.error(path)?.category == .data)
    try folder.write(Self.config, to: "config.json")
    let reference = try ModelReference(resolving: path)
    #expect(reference.spec.attention.heads == 4)
    #expect(reference.note == "the architecture is that of \(folder.path)/config.json")
  }

  @Test func `weights of other shapes than config.json's are noticed`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(try Resources.bytes("llama.safetensors"), to: "weights.safetensors")
    let wider = Self.config.split(separator: "48").joined(separator: "80")
    try folder.write(wider, to: "config.json")
    #expect(try ModelReference(resolving: path).note?.contains("6 tensors have other shapes") == true)
  }

  @Test func `a GGUF file of fewer tensors than its metadata calls for is noticed`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(GGUFBuilder.llama().bytes, to: "x.gguf")
    #expect(try ModelReference(resolving: path).note?.contains("4096 parameters") == true)
  }

  @Test func `unreadable contents are data errors`() throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "x.safetensors", "y.gguf", "model.safetensors.index.json"] {
      let path = try folder.write("{broken", to: name)
      #expect(Self.error(path)?.category == .data, "\(name)")
    }
    #expect(Self.error(folder.path)?.category == .data)
    #expect(Self.error(try folder.write("hello", to: "notes.txt"))?.category == .usage)
  }

  @Test func `an empty folder has nothing to read`() throws {
    let folder = try TemporaryFolder()
    #expect(Self.error(folder.path) == .emptyFolder(path: folder.path))
    #expect(Self.error(folder.path)?.category == .noInput)
  }

  @Test func `an index without its shards is a missing input`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(#"{"weight_map": {"a": "b.safetensors"}}"#, to: SafetensorsCheckpoint.indexName)
    #expect(Self.error(path) == .safetensors(.missingShard("b.safetensors", index: path)))
    #expect(Self.error(path)?.category == .noInput)
  }

  @Test func `devices and names with a zero byte are refused`() {
    #expect(Self.error("/dev/null") != nil)
    #expect(Self.error("./x\0.json")?.category == .noInput)
  }
}
