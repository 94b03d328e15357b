import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct `Validate` {
  private static let header = """
    id,hf_model,method,target_modules,rank,quant,weight_dtype,compute_dtype,optimizer,micro_batch,seq_len,grad_accum,\
    grad_ckpt,attention,loss_impl,gpus,sharding,gpu_kind,library,metric,measured_gib,confidence,outcome,source_key,tokens_per_s

    """
  private static let settings =
    "q v,8,none,bf16,\"bf16, no autocast\",torch AdamW,1,256,1,yes,sdpa,full logits,1,none,A100 80GB,"
    + "\"torch 2.6.0, transformers 5.0.0, peft 0.19.1\",max_allocated,0.6,A,ok,small,1000"

  private static func text(_ names: [String]) -> Data {
    let rows = names.enumerated().map { "R\($0.offset),\($0.element),lora,\(settings)\n" }
    return Data((header + rows.joined()).utf8)
  }

  @Test func `prints rows, summary and groups as JSON`() throws {
    try Scratch.with("m.csv", Self.text(["HuggingFaceTB/SmolLM2-135M", "nobody/knows"])) { path in
      let outcome = try Program.run("validate", "--measurements", path, "--format", "json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let object = try outcome.object()
      let rows = try #require(object["rows"] as? [[String: Any]])
      #expect(rows.compactMap { $0["id"] as? String } == ["R0", "R1"])
      let predicted = try #require(rows[0]["predicted_bytes"] as? Int)
      #expect(predicted > 270_000_000)
      #expect(rows[0]["measured_bytes"] as? Int == Int((0.6 * Double(1 << 30)).rounded()))
      let error = try #require(rows[0]["error"] as? Double)
      #expect(abs(error - (Double(predicted) / (0.6 * Double(1 << 30)) - 1)) < 1e-6)
      #expect(rows[1]["refused"] as? String == "model")
      let summary = try #require(object["summary"] as? [String: Any])
      for key in ["count", "median", "mean", "p90", "worst", "bias", "grouped_mean", "inside", "refused"] {
        #expect(summary[key] != nil, "\(key)")
      }
      for key in ["per_source", "per_method", "per_stack", "per_model", "per_metric", "per_sharding"] {
        #expect((object[key] as? [[String: Any]])?.count == 1, "\(key)")
      }
    }
  }

  @Test(arguments: ["text", "markdown", "csv"])
  func `prints every row in every format`(format: String) throws {
    try Scratch.with("m.csv", Self.text(["HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-360M"])) { path in
      let outcome = try Program.run("validate", "--measurements", path, "--format", format)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("R0") && outcome.output.contains("R1"))
    }
  }

  @Test func `writes a folder with a picture`() throws {
    try Scratch.with("m.csv", Self.text(["HuggingFaceTB/SmolLM2-135M"])) { path in
      let folder = path + ".out"
      let outcome = try Program.run("validate", "--measurements", path, "--output", folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      for name in ["validation.md", "validation.csv", "validation.json", "validation.svg"] {
        let size = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)).count
        #expect(size > 100, "\(name)")
      }
      let picture = try Data(contentsOf: URL(fileURLWithPath: folder + "/validation.svg"))
      #expect(XMLParser(data: picture).parse())
    }
  }

  @Test func `shows one row in full`() throws {
    try Scratch.with("m.csv", Self.text(["HuggingFaceTB/SmolLM2-135M"])) { path in
      let outcome = try Program.run("validate", "--measurements", path, "--row", "R0")
      #expect(outcome.status == 0, "\(outcome.errors)")
      for part in ["As it was read", "As it was planned", "At the peak", "Assumed", "weights"] {
        #expect(outcome.output.contains(part), "\(part)")
      }
      #expect(try Program.run("validate", "--measurements", path, "--row", "R9").status == 64)
    }
  }

  @Test func `goes on behind rows that cannot be read`() throws {
    var data = Self.text(["HuggingFaceTB/SmolLM2-135M"])
    let broken = Self.settings.replacingOccurrences(of: ",256,", with: ",long,")
    data.append(Data("R7,HuggingFaceTB/SmolLM2-135M,lora,\(broken)\n".utf8))
    try Scratch.with("m.csv", data) { path in
      let outcome = try Program.run("validate", "--measurements", path)
      #expect(outcome.status == 0)
      #expect(outcome.firstError.contains("line 3") && outcome.firstError.contains("seq_len"))
    }
  }

  @Test func `ends with the contract's codes`() throws {
    #expect(try Program.run("validate").status == 64)
    #expect(try Program.run("validate", "--measurements", "/nowhere/at-all.csv").status == 66)
    try Scratch.with("m.csv", Data("a,b\n1,2\n".utf8)) { path throws in
      #expect(try Program.run("validate", "--measurements", path).status == 65)
    }
    try Scratch.with("m.csv", Data()) { path throws in
      #expect(try Program.run("validate", "--measurements", path).status == 65)
    }
    try Scratch.with("m.csv", Data([0xff, 0xfe, 0x00])) { path throws in
      #expect(try Program.run("validate", "--measurements", path).status == 65)
    }
    try Scratch.with("m.csv", Self.text(["HuggingFaceTB/SmolLM2-135M"])) { path throws in
      #expect(try Program.run("validate", "--measurements", path, "--source", "other").status == 64)
      #expect(try Program.run("validate", "--measurements", path, "--confidence", "Z").status == 64)
      #expect(try Program.run("validate", "--measurements", path, "--confidence", "a", "--source", "small").status == 0)
    }
  }
}
