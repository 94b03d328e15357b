import Bookkeeping
import Modeling

/// How something came to be there before the step.
enum ResidentRole: Equatable {
  /// Loaded as it is.
  case plain
  /// Added to the base after it was loaded.
  case adapter
  /// Codes made of a source of so many bytes, with buffers borrowed while they are made.
  case quantized(source: Int, borrowed: [Loan])
  /// Scales and tables of the codes before it.
  case constant
  /// Loaded in so many bytes, then cast.
  case upcast(source: Int)
  /// Made by the first step: by its optimizer, or gradients that it leaves.
  case state
  /// Fetched anew for every step.
  case batch
  /// A library's, from its first call on: in forward, or on autograd's thread.
  case workspace(isAutograd: Bool)
}

/// A buffer that quantizing a weight borrows.
struct Loan: Equatable {
  /// What stands behind the weight's name.
  let name: String
  let count: Int
  let format: ScalarFormat

  var bytes: Int { format.storage(of: count).count }
}

/// How the tensors of a model get onto the device.
///
/// Weights come one after the other in the order of the forward pass. The source and what quantization makes of it
/// stand side by side (transformers integrations/bitsandbytes.py, `Bnb4bitQuantize.convert`; bitsandbytes
/// functional.py, `quantize_4bit`); then `prepare_model_for_kbit_training` casts what is left, one by one, and empties
/// the cache (peft/utils/other.py).
struct LoadRules: Equatable {
  /// The format in which weights arrive.
  let source: ScalarFormat
  let isQuantized: Bool
  let isPrepared: Bool
  /// Whether one block of the whole model's size is taken and given back first, so that weights are cut from it.
  ///
  /// Source: transformers modeling_utils.py, `caching_allocator_warmup`, for every model with a device map: quantized
  /// ones get one where none is given (quantizers/quantizer_bnb_4bit.py, `update_device_map`), and TRL asks for
  /// `auto` (trainer/utils.py, `create_model_from_path`).
  let warmsUp: Bool
  /// How the base is quantized, where it is.
  var quantization: Quantization?
  /// Whether NF4 is torchao's.
  var usesTorchao = false
  /// Whether torchao takes all elements of a weight at once.
  var quantizesWhole = false

  /// Everything is filled where it stays.
  static let plain = LoadRules(source: .bf16, isQuantized: false, isPrepared: false, warmsUp: false)

  init(source: ScalarFormat, isQuantized: Bool, isPrepared: Bool, warmsUp: Bool) {
    self.source = source
    self.isQuantized = isQuantized
    self.isPrepared = isPrepared
    self.warmsUp = warmsUp
  }

  init(_ policy: TorchPolicy) {
    self.init(
      source: policy.weightFormat, isQuantized: policy.quantization != nil, isPrepared: policy.isPrepared,
      warmsUp: policy.quantization != nil || [.trl, .trlFullLogits].contains(policy.stack))
    quantization = policy.quantization
    usesTorchao = policy.choices.nf4Layout == .torchao
    quantizesWhole = policy.choices.modelCode == .torchtune2024
  }

  func role(of entry: Entry) -> ResidentRole {
    switch entry.account {
    case .optimizerState: return entry.isMadeByFirstStep ? .state : .plain
    case .batch: return .batch
    case .adapters: return .adapter
    case .quantizationConstants: return .constant
    case .runtime, .workspace: return .workspace(isAutograd: entry.name.holds("autograd"))
    case .weights: break
    case .gradients: return .state
    case .activations, .checkpoints, .logits: return .plain
    }
    let arriving = source.storage(of: entry.shape.count).count
    if isQuantized, entry.format != .fp32, entry.format != .bf16, entry.format != .fp16 {
      return quantizedRole(of: entry)
    }
    return isPrepared && entry.format == .fp32 && source != .fp32 ? .upcast(source: arriving) : .plain
  }

  /// What codes are made of: the source, and what making them borrows.
  ///
  /// GPTQ's and AWQ's come in codes.
  private func quantizedRole(of entry: Entry) -> ResidentRole {
    func whole(_ perElement: Int) -> Int { source.storage(of: entry.shape.count * perElement).count }
    switch quantization {
    case .gptq, .awq: return .plain
    // hqq/core/quantize.py, `Quantizer.quantize`: an fp32 copy of the weight, and its codes in fp32 before they are
    // packed; the search for better zeros works on parts of a weight and is not counted.
    case .hqq(let groups):
      let count = entry.shape.count * (groups.bits == 3 ? 10 : 8 / groups.bits)
      return .quantized(
        source: source.storage(of: count).count,
        borrowed: ["quantization.whole", "quantization.codes"].map { Loan(name: $0, count: count, format: .fp32) })
    case .torchaoInt4: return .quantized(source: whole(2), borrowed: [])
    case .torchaoNF4: return .quantized(source: whole(2), borrowed: torchaoBorrowed(2 * entry.shape.count))
    case .nf4 where usesTorchao:
      return .quantized(source: whole(2), borrowed: torchaoBorrowed(2 * entry.shape.count))
    case .int8, .torchaoInt8: return .quantized(source: whole(1), borrowed: [])
    case .nf4, .fp4, .blockwise, nil:
      // fp32 absmax of every block, and the same less its mean.
      let block = quantization?.blocks?.blockSize ?? 64
      let blocks = (entry.shape.count + block - 1) / block
      let borrows = entry.format == .nf4 || entry.format == .fp4
      let scales = ["absmax.source", "absmax.source.shifted"].map { Loan(name: $0, count: blocks, format: .fp32) }
      return .quantized(source: whole(1), borrowed: borrows ? scales : [])
    }
  }

  /// torchao's NF4: every element scaled; then its difference to each of 16 values, and the size of that, for a million
  /// elements at once, or, in torchao 0.1, for all.
  ///
  /// torchtune of 2024 clones a layer for each of the others, which makes its weights whole and quantizes them anew on
  /// the device. Sources: torchao/dtypes/nf4tensor.py, `quantize_tensor_nearest`, `CHUNK_SIZE`; torchtune 0.1
  /// utils/_register_nf4_dispatch_ops.py, `clone`.
  private func torchaoBorrowed(_ count: Int) -> [Loan] {
    let atOnce = quantizesWhole ? count : min(count, 1 << 20)
    return [
      Loan(name: "quantization.scaled", count: count, format: source),
      Loan(name: "quantization.differences", count: 16 * atOnce, format: source),
      Loan(name: "quantization.distances", count: 16 * atOnce, format: source),
    ]
  }
}

extension Entry {
  /// Whether the optimizer makes it at the end of its first step; DeepSpeed's fp32 weights are there before.
  var isMadeByFirstStep: Bool {
    guard account == .optimizerState else { return false }
    if name == "megatron.main_parameters" || name.hasSuffix(".main") { return false }
    guard name.hasPrefix("zero.master_weights") else { return true }
    let words = name.split(separator: ".")
    return !(words.starts(with: ["zero", "master_weights"]) && words.dropFirst(2).allSatisfy { Int($0) != nil })
  }
}
