/// Why a command line cannot be followed, beyond what the parser and the recipe check.
enum UsageError: Error, Hashable, CustomStringConvertible {
  case noBudget(String)
  case noModel(config: String?)
  case unknownConfiguredModel(String, file: String)
  case twoBudgets
  case unknownDevice(String, flag: String = "gpu", nearest: [String])
  case noGPUs(Int)
  case doubleQuantization(of: String)
  case groupSizeWithoutQuantization(Int)
  case actOrder(of: String)
  case wholeOnLoad
  case presetWithoutWeights(String)
  case randomWeightsWithoutTokenizer
  case clippingInBackward(Double)
  case noHalfArithmetic
  case noHalfProducts
  case holdsAnotherRun(folder: String, state: String)
  case mergeOverBase(String)
  case outOfRange(flag: String, value: String, allowed: String)
  case oneMeasurement
  case gpusByName(String)
  case costWithoutDevices
  case engineOnDevices
  case nothingToMerge
  case severalExtents([String])
  case withoutData(flag: String)
  case methodOfComparison(String)
  case unknownMethod(String, nearest: [String])

  var description: String {
    switch self {
    case .noBudget("plan"):
      "plan needs a budget: say how much memory there is with --vram 8GB, on what with --gpu rtx-4060, or --gpus all"
    case .noBudget(let command):
      "\(command) needs a budget: say how much memory there is with --vram 8GB, or on what with --gpu rtx-4060"
    case .noModel(let config?): "\(config) names no model: name one before the flags, such as llama-2-7b"
    case .noModel(nil): "no model is named: name a preset such as llama-2-7b, or a file"
    case .unknownConfiguredModel(let name, let file):
      "\(file) names the model \"\(name)\", which is no preset and no path here: name the model before the flags"
    case .twoBudgets: "--vram and --gpu both name a budget: say one of them"
    case .unknownDevice(let name, let flag, let nearest):
      "--\(flag) \(name) is unknown: "
        + (nearest.isEmpty ? "plimsoll gpus lists them all" : "did you mean \(nearest.joined(separator: ", "))?")
    case .noGPUs(let count): "--gpus is \(count): it must be at least 1"
    case .doubleQuantization(let format):
      "--double-quant: the scales of \(format) are not quantized again, only those of nf4 and fp4 can be"
    case .groupSizeWithoutQuantization(let size):
      "--group-size \(size): scales are shared by groups only with --quant nf4, fp4, gptq, awq, hqq or int4wo"
    case .actOrder(let format): "--act-order: \(format) does not order by importance, only gptq can"
    case .wholeOnLoad:
      "--quant gguf: Transformers makes the weights of a GGUF file whole when it loads them, so plan --quant none with "
        + "the --dtype they are loaded in"
    case .presetWithoutWeights(let name):
      "\(name) is a preset, which has a shape and no weights: name a checkpoint folder or a .gguf file"
    case .randomWeightsWithoutTokenizer:
      "--random-weights takes nothing but the model's shape: say with --tokenizer where a tokenizer is"
    case .clippingInBackward(let norm):
      "--max-grad-norm is \(norm), but with --optimizer-in-backward the first gradients are consumed before the norm "
        + "of all is known: leave one of the two out"
    case .noHalfArithmetic:
      "--partial-sums fp16: this processor has no arithmetic in fp16 (AVX512-FP16); leave the flag out"
    case .noHalfProducts:
      "--partial-sums fp16 is about products of bf16 numbers: say --dtype bf16 or --precision autocast beside it"
    case .holdsAnotherRun(let folder, let state):
      "\(folder) holds the saved state \(state) of an earlier run: go on from it with --resume, or name another --output"
    case .mergeOverBase(let folder): "--output is \(folder), which is the base: name another folder"
    case .oneMeasurement:
      "validate needs something that was measured: say either --measurements FILE.csv or --probe FILE.json"
    case .gpusByName(let names):
      "--gpus \(names): this command takes the number of GPUs that share a step; plimsoll plan compares devices by name"
    case .costWithoutDevices: "--prices and --hours are of a run on devices: name them with --gpus all"
    case .engineOnDevices: "--gpus: the plimsoll stack runs on this machine's CPU; name another --stack"
    case .nothingToMerge:
      "sweep merge needs the archive to write and those of the shards: plimsoll sweep merge whole.sqlite part-1.sqlite part-2.sqlite"
    case .severalExtents(let flags): "\(flags.joined(separator: " and ")) exclude each other: say one of them"
    case .withoutData(let flag):
      "--\(flag) is about data: name it with --data\(flag == "epochs" ? ", --tokens or --samples" : "")"
    case .methodOfComparison(let name):
      "--method \(name): compare goes through several; list them with --methods \(name),…"
    case .unknownMethod(let name, let nearest):
      "--methods \(name) is unknown: "
        + (nearest.isEmpty
          ? "full, freeze, lora, dora, int8 and qlora are the usual ones"
          : "did you mean \(nearest.joined(separator: ", "))?")
    case .outOfRange(let flag, let value, let allowed): "--\(flag) is \(value): it must be \(allowed)"
    }
  }
}
