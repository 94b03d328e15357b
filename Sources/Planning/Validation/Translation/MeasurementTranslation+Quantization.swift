import Bookkeeping
import Modeling

// How the frozen base is stored.

extension MeasurementTranslation {
  /// The quantization that the row's column says, or its method's words where the column is empty.
  mutating func readQuantization(_ method: FreeText) throws(Refusal) -> Quantization? {
    let column = FreeText(row.setting.quantization)
    let plain = [
      ["none"], ["no"], ["n", "a"], ["unquantized"], ["16"], ["16", "bit"], ["16bit"], ["bf16"], ["fp16"], ["fp32"],
    ]
    if plain.contains(column.words) || column.words.first == "none" { return nil }
    guard column.isEmpty else { return try quantization(column) }
    if let named = MeasurementTranslation.quantizedMethods.first(where: { method.hasAny($0.part) }) {
      assume("quantization: \(named.means), as the method's name says")
      return try quantization(FreeText(named.means))
    }
    guard method.has("qlora") || method.says("qdora") else { return nil }
    assume("quantization: nf4, as QLoRA has it (bitsandbytes)")
    return .nf4(double: isDoublyQuantized())
  }

  /// Parts of methods' names that say how the base is stored: `qlora-8bit`, `int8 lora`, `gptq-lora`.
  private static let quantizedMethods: [(part: String, means: String)] = [
    ("8bit", "int8"), ("8 bit", "int8"), ("int8", "int8"), ("gptq8", "gptq8"), ("gptq", "gptq4"), ("awq", "awq"),
    ("hqq", "hqq4"), ("aqlm", "aqlm"), ("eetq", "eetq"), ("fp4", "fp4"), ("nf4", "nf4"),
  ]

  private mutating func quantization(_ words: FreeText) throws(Refusal) -> Quantization {
    let bits = MeasurementTranslation.bits(words)
    do {
      if words.hasAny("gptq") {
        let size = MeasurementTranslation.groupSize(words)
        if size == nil { assume("gptq: groups of 128 weights, as published checkpoints have them") }
        return try .gptq(bits: bits ?? 4, groupSize: size ?? 128, isActOrdered: words.hasAny("act order", "desc act"))
      }
      if words.has("awq") { return try .awq(groupSize: MeasurementTranslation.groupSize(words) ?? 128) }
      if words.has("hqq") {
        return try .hqq(bits: bits ?? 4, groupSize: MeasurementTranslation.groupSize(words) ?? 64)
      }
      if let stranger = ["aqlm", "eetq", "quip", "mxfp4", "nvfp4", "fp8", "own", "chatglm"].first(where: words.has) {
        throw Refusal(.quantization, "\(row.setting.quantization ?? stranger) has no rule")
      }
      if words.hasAny("torchao", "int8wo", "int4wo"), !words.has("nf4") {
        return bits == 4 ? try .torchaoInt4() : .torchaoInt8
      }
    } catch let error as RecipeError {
      throw Refusal(.quantization, "\(error)")
    } catch let error as Refusal {
      throw error
    } catch { throw Refusal(.quantization, "\(error)") }
    if words.has("fp4"), !words.has("nf4") { return .fp4(double: isDoublyQuantized(words)) }
    if words.has("nf4") || bits == 4 {
      if !words.has("nf4") { assume("quantization: bitsandbytes' nf4 for \(row.setting.quantization ?? "4 bits")") }
      return .nf4(double: isDoublyQuantized(words))
    }
    if bits == 8 { return .int8 }
    throw Refusal(.quantization, "\(row.setting.quantization ?? "") has no rule")
  }

  /// Whether scales are quantized too: what the row says, or its program's own way.
  private mutating func isDoublyQuantized(_ words: FreeText = FreeText(nil)) -> Bool {
    if let stated = row.setting.isDoublyQuantized { return stated }
    if words.saysAny("dq", "double", "double quant") { return true }
    let usual = defaults.isDoublyQuantized
    assume("double quantization: \(usual.value ? "on" : "off"), \(usual.origin)")
    return usual.value
  }

  /// `gptq4`, `int8`, `4bit`, `4 bit`, `q4`.
  private static func bits(_ words: FreeText) -> Int? {
    for (place, word) in words.words.enumerated() {
      for prefix in ["gptq", "hqq", "awq", "int", "uint", "qint", "q", "w", "bnb", "llm.int", ""]
      where word.hasPrefix(prefix) {
        let rest = word.dropFirst(prefix.count)
        let digits = rest.prefix { $0.isNumber }
        guard let bits = Int(digits), [1, 2, 3, 4, 8].contains(bits) else { continue }
        let tail = rest.dropFirst(digits.count)
        let next = words.words.indices.contains(place + 1) ? words.words[place + 1] : ""
        // A bare number counts bits only where the word `bit` stands behind it.
        if !prefix.isEmpty || tail.hasPrefix("bit") || next.hasPrefix("bit") { return bits }
      }
    }
    return nil
  }

  /// `g128`, `group 64`, `groups of 128`.
  private static func groupSize(_ words: FreeText) -> Int? {
    let list = words.words
    for (place, word) in list.enumerated() {
      if word.hasPrefix("g"), let size = Int(word.dropFirst()), size >= 16 { return size }
      guard word.hasPrefix("group") else { continue }
      for next in list.dropFirst(place + 1).prefix(2) { if let size = Int(next), size >= 16 { return size } }
    }
    return nil
  }
}
