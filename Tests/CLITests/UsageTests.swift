import Foundation
import Testing

@Suite struct `Wrong usage` {
  /// Every refusal ends with 64, says one line that names what was wrong, and prints nothing on standard output.
  @Test(arguments: [
    (["--rank", "0"], "--rank is 0: it must be between 1 and 65536"),
    (["--rank", "-3"], "--rank is -3"),
    (["--rank", "eight"], "The value 'eight' is invalid for '--rank <rank>': it must be a whole number"),
    (["--rank", "1e3"], "The value '1e3' is invalid for '--rank <rank>'"),
    (["--rank", "99999999999999999999"], "The value '99999999999999999999' is invalid for '--rank <rank>'"),
    (["--alpha", "nan"], "The value 'nan' is invalid for '--alpha <alpha>': it must be a number"),
    (["--alpha", "-1"], "--alpha is -1.0: it must be a positive number"),
    (["--alpha", "inf"], "--alpha is inf"),
    (["--lora-dropout", "1"], "--lora-dropout is 1.0: it must be at least 0 and below 1"),
    (["--batch", "0"], "--batch is 0"),
    (["--seq", "0"], "--seq is 0"),
    (["--seq", "-1"], "--seq is -1"),
    (["--seq", "9223372036854775807"], "--seq is 9223372036854775807"),
    (["--seq", "5000"], "--seq is 5000, but llama-2-7b has positions for 4096 tokens"),
    (["--grad-accum", "0"], "--grad-accum is 0"),
    (["--learning-rate", "-1"], "--learning-rate is -1.0"),
    (["--weight-decay", "inf"], "--weight-decay is inf"),
    (["--method", "magic"], "The value 'magic' is invalid for '--method <method>'"),
    (["--stack", "magic"], "The value 'magic' is invalid for '--stack <stack>'"),
    (["--optimizer", "magic"], "The value 'magic' is invalid for '--optimizer <optimizer>'"),
    (["--dtype", "int4"], "The value 'int4' is invalid for '--dtype <dtype>'"),
    (["--targets", "no_proj"], "--targets names no_proj, which is no linear layer of llama-2-7b"),
    (["--targets", ","], "--targets is empty"),
    (["--method", "full", "--rank", "8"], "--rank 8: full fine-tuning has no adapters"),
    (["--method", "lora", "--quant", "nf4"], "--quant nf4+dq: lora trains on unquantized weights"),
    (["--method", "qlora", "--quant", "none"], "--quant none: qlora needs a quantized base"),
    (["--quant", "gptq4", "--group-size", "100"], "--group-size is 100: it must be one of 16, 32, 64, 128"),
    (["--quant", "gptq4", "--double-quant"], "--double-quant: the scales of gptq4 are not quantized again"),
    (["--quant", "hqq4", "--act-order"], "--act-order: hqq4 does not order by importance"),
    (["--quant", "int8", "--group-size", "64"], "--group-size 64: scales are shared by groups only"),
    (["--quant", "gguf"], "--quant gguf: Transformers makes the weights of a GGUF file whole"),
    (["--quant", "int4wo"], "training on torchao's int4 weights"),
    (["--optimizer", "galore_adamw"], "galore-adamw on adapters"),
    (["--optimizer-rank", "0"], "--optimizer-rank is 0: it must be between 1 and 65536"),
    (["--quant", "int8", "--double-quant"], "--double-quant: the scales of int8 are not quantized again"),
    (["--gpus", "1", "--sharding", "fsdp"], "--sharding fsdp: one GPU has nobody to share with"),
    (["--gpus", "2", "--sharding", "ddp", "--offload", "all"], "--offload all: ddp moves no such thing to the host"),
    (["--gpus", "0"], "--gpus is 0"),
    (["--sharding", "magic"], "The value 'magic' is invalid for '--sharding <sharding>'"),
    (["--threads", "0"], "--threads is 0"),
    (["--format", "xml"], "The value 'xml' is invalid for '--format <format>'"),
    (["--no-such-flag"], "Unknown option '--no-such-flag'"),
    (["--gpu", "rtx-4090"], "--vram and --gpu both name a budget"),
  ])
  func `is told in one line that names the flag`(flags: [String], line: String) throws {
    let outcome = try Program.run(["fit", "llama-2-7b", "--vram", "8GB"] + flags)
    #expect(outcome.status == 64)
    #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [
    ([], "fit needs a budget"),
    (["--vram", "8"], "The value '8' is invalid for '--vram <size>': \"8\" has no unit: write 8GB"),
    (["--vram", "8 parsecs"], "The value '8 parsecs' is invalid for '--vram <size>'"),
    (["--vram", "-8GB"], "The value '-8GB' is invalid for '--vram <size>': \"-8GB\" is not a positive size"),
    (["--vram", "0GB"], "The value '0GB' is invalid for '--vram <size>'"),
    (["--vram", "nanGB"], "The value 'nanGB' is invalid for '--vram <size>'"),
    (["--vram", "99999999999TB"], "The value '99999999999TB' is invalid for '--vram <size>'"),
    (["--vram", ""], "The value '' is invalid for '--vram <size>'"),
    (["--vram"], "Missing value for '--vram <size>'"),
    (["--gpu", "rtx-4061"], "--gpu rtx-4061 is unknown: did you mean rtx-4060"),
    (["--gpu", "abacus"], "--gpu abacus is unknown: plimsoll gpus lists them all"),
  ])
  func `a budget that is none is told so`(flags: [String], line: String) throws {
    let outcome = try Program.run(["fit", "llama-2-7b"] + flags)
    #expect(outcome.status == 64)
    #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [["fit"], ["nonsense"], ["models", "extra"], ["gpus", "--format"], ["--nonsense"]])
  func `the parser's own errors are one line and a hint`(arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    let lines = outcome.errors.split(separator: "\n")
    #expect(outcome.status == 64)
    #expect(lines.count == 2)
    #expect(lines.first?.hasPrefix("plimsoll: ") == true)
    #expect(lines.last?.hasPrefix("See 'plimsoll") == true)
    #expect(outcome.output.isEmpty)
  }
}
