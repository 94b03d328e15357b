import Testing

/// The third witness: what the operating system says that the process took.
@Suite(.serialized) struct `The process beside the books` {
  @Test(arguments: ["full", "lora", "qlora"])
  func `its memory is within 3 percent of the plan at SmolLM2-135M's shape`(method: String) throws {
    let outcome = try Program.run(
      "check", "smollm2-135m", "--method", method, "--batch", "1", "--seq", "512", "--steps", "2", "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.object()
    #expect(object["balanced"] as? Bool == true)
    let resident = try #require(object["rss"] as? [String: Int])
    let planned = try #require(object["planned"] as? [String: Any])
    let peak = try #require((planned["peak"] as? [String: Any])?["bytes"] as? Int)
    let growth = try #require(resident["peak_bytes"]) - #require(resident["baseline_bytes"])
    // What the books don't hold: the journal itself, page rounding, a heap's slack. 0.1 to 0.6 percent when this was
    // written; the promise is 3.
    let share = Double(growth - peak) / Double(peak)
    #expect(abs(share) < 0.03, "\(growth) bytes resident, \(peak) planned: \(share * 100) percent")
  }

  @Test(arguments: [
    ["check", "llama-2-70b", "--method", "full"], ["check", "llama-3.1-405b", "--method", "lora", "--seq", "64"],
  ])
  func `a run that cannot fit is refused with the figures before it starts`(arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 69)
    #expect(outcome.output.isEmpty)
    let line = try #require(outcome.errors.split(separator: "\n").last.map(String.init))
    #expect(line.hasPrefix("plimsoll: the run needs ") && line.contains("this machine can give"), "\(outcome.errors)")
  }
}
