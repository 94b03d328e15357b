import Bookkeeping
import Modeling

extension TorchModel {
  /// PEFT's LoRA around an unquantized linear layer: `result + lora_B(lora_A(dropout(x))) * scaling`.
  ///
  /// The input is always cast to the adapter's format, so that fp32 adapters on a bf16 stream own a copy of it. Source:
  /// peft/tuners/lora/layer.py, `Linear.forward`. Takes over the reference to `base`.
  ///
  /// - Parameter castsInput: whether the module casts rather than leaving it to autocast.
  func adapt(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ base: Tensor, _ name: String,
    castsInput: Bool = true
  ) -> Tensor {
    let input = tape.cast(name + ".lora_input", x, to: castsInput ? policy.adapterInputFormat : x.format)
    let scaled = change(&tape, linear, input, base, name)
    let sum = tape.add(name + ".sum", base, scaled)
    tape.drop(scaled)
    tape.drop(base)
    let result = tape.cast(name, sum, to: base.format)
    tape.drop(sum)
    tape.drop(input)
    return result
  }

  /// PEFT's LoRA around a layer of bitsandbytes or AWQ, which casts only where autocast won't.
  ///
  /// 4-bit results are cloned first, against writes to a view. Source: peft/tuners/lora/bnb.py, `Linear4bit.forward`
  /// and `Linear8bitLt.forward`; awq.py, `AwqLoraLinear.forward`. Takes over the reference to `base`.
  func adaptQuantized(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ base: Tensor, _ name: String
  ) -> Tensor {
    var result = base
    if policy.quantization?.blocks != nil {
      result = tape.copy(name + ".clone", base, base.shape)
      tape.drop(base)
    }
    let input: Tensor
    if policy.autocast == nil {
      input = tape.cast(name + ".lora_input", x, to: policy.adapterInputFormat)
    } else {
      input = x
      tape.retain(x)
    }
    var scaled = change(&tape, linear, input, result, name)
    if policy.autocast == nil, policy.lora?.decomposesWeights != true {
      let converted = tape.cast(name + ".lora_output", scaled, to: base.format)
      tape.drop(scaled)
      scaled = converted
    }
    let sum = tape.add(name, result, scaled)
    tape.drop(result)
    tape.drop(scaled)
    let converted = policy.autocast == nil ? tape.cast(name, sum, to: base.format) : sum
    if policy.autocast == nil { tape.drop(sum) }
    tape.drop(input)
    return converted
  }

  /// What is added to the base's result.
  private func change(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ base: Tensor, _ name: String
  ) -> Tensor {
    guard let lora = policy.lora, lora.decomposesWeights else { return delta(&tape, linear, x, name) }
    guard lora.dropout > 0 else { return decomposed(&tape, linear, x, base: base, name) }
    // The base's result no longer belongs to what the adapter sees, so the product is made again.
    let dropped = tape.dropout(name + ".lora_dropout.output", maskName: name + ".lora_dropout.mask", x)
    let result = decomposed(&tape, linear, dropped, base: nil, name)
    tape.drop(dropped)
    return result
  }

  /// `lora_B(lora_A(dropout(x))) * scaling`.
  func delta(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    guard let lora = policy.lora else { return .void }
    let (loraA, loraB) = (linear.added(0), linear.added(1))
    var input = x
    if lora.dropout > 0 {
      input = tape.dropout(name + ".lora_dropout.output", maskName: name + ".lora_dropout.mask", x)
    } else {
      tape.retain(x)
    }
    let down = product(&tape, name + ".lora_A.output", input, loraA, width: lora.rank)
    tape.drop(input)
    let up = product(&tape, name + ".lora_B.output", down, loraB, width: linear.module.output)
    tape.drop(down)
    let scaled = tape.scale(name + ".lora_scaled", up)
    tape.drop(up)
    return scaled
  }
}
