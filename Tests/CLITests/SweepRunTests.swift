import Foundation
import Testing

/// The losses of a run's summary to the last digit, which JSONSerialization does not always read.
private struct Losses: Decodable {
  struct Evaluation: Decodable {
    var loss: Double
  }

  var last_loss: Double
  var evaluations: [Evaluation]

  init(ofLastLineIn output: String) throws {
    let line = try #require(output.split(separator: "\n").last)
    self = try JSONDecoder().decode(Losses.self, from: Data(line.utf8))
  }
}

@Suite struct `plimsoll sweep --run` {
  @Test func `trains every point as run does`() throws {
    let tiny = try TinyCheckpoint()
    let flags = ["--data", tiny.data, "--steps", "3", "--threads", "1", "--seed", "2"]
    let sweep = try Program.run(
      ["sweep", tiny.model, "--run", "--over", "rank=2,4", "--archive", tiny["a.sqlite"], "--format", "csv"] + flags)
    #expect(sweep.status == 0, "\(sweep.errors)")
    let rows = csvRows(sweep.output)
    #expect(rows.map { $0["rank"] } == ["2", "4"])
    for row in rows {
      let run = try Program.run(
        [
          "run", tiny.model, "--rank", try #require(row["rank"]), "--output", tiny["r" + (row["rank"] ?? "")],
          "--format",
          "json",
        ] + flags)
      let summary = try #require(try run.lineObjects().last)
      // The same seed gives the same losses, to the last digit.
      let losses = try Losses(ofLastLineIn: run.output)
      #expect(row["last_loss"].flatMap(Double.init) == losses.last_loss)
      #expect(row["evaluation_loss"].flatMap(Double.init) == losses.evaluations.last?.loss)
      #expect(row["measured_peak_bytes"].flatMap(Int.init) == summary["peak_bytes"] as? Int)
      #expect(row["planned_peak_bytes"] == row["measured_peak_bytes"])
      #expect(row["balanced"] == "true")
      #expect((row["measured_tokens_per_second"].flatMap(Double.init) ?? 0) > 0)
    }
    // What was run is not run again.
    let again = try Program.run(
      ["sweep", tiny.model, "--run", "--over", "rank=2,4", "--archive", tiny["a.sqlite"], "--format", "csv"] + flags)
    #expect(again.output == sweep.output)
  }

  @Test func `without examples it checks every point's books`() throws {
    let tiny = try TinyCheckpoint()
    let sweep = try Program.run(
      "sweep", tiny.model, "--run", "--seq", "16", "--steps", "2", "--threads", "1", "--rank", "2", "--over",
      "method=full,lora,qlora", "--format", "csv")
    #expect(sweep.status == 0, "\(sweep.errors)")
    let rows = csvRows(sweep.output)
    #expect(rows.count == 3)
    for row in rows {
      #expect(row["status"] == "ran")
      #expect(row["balanced"] == "true")
      #expect(row["planned_peak_bytes"] == row["measured_peak_bytes"])
    }
  }

  @Test func `a run that fails is a row, and the others go on`() throws {
    let tiny = try TinyCheckpoint()
    let sweep = try Program.run(
      "sweep", tiny.model, "--run", "--data", tiny.data, "--steps", "4", "--threads", "1", "--rank", "2",
      "--max-grad-norm", "0", "--over", "learning-rate=1e30,0.001", "--format", "csv")
    #expect(sweep.status == 1, "\(sweep.errors)")
    let rows = csvRows(sweep.output)
    #expect(rows.map { $0["status"] } == ["failed", "ran"])
    #expect(rows[0]["reason"]?.hasPrefix("ended with 65: ") == true, "\(rows[0]["reason"] ?? "")")
  }

  #if os(Linux)
    @Test func `a run that is killed is a row`() throws {
      let tiny = try TinyCheckpoint()
      let output = tiny["out.csv"]
      let process = try Program.start([
        "sweep", tiny.model, "--run", "--data", tiny.data, "--steps", "100000", "--threads", "1", "--over", "rank=2",
        "--format", "csv", "--output", output,
      ])
      let pid = process.processIdentifier
      var child: pid_t?
      while process.isRunning, child == nil {
        let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        child = text?.split(separator: " ").first.flatMap { pid_t($0) }
        usleep(1000)
      }
      kill(try #require(child), SIGKILL)
      process.waitUntilExit()
      #expect(process.terminationStatus == 1)
      let row = try #require(csvRows(try String(contentsOfFile: output, encoding: .utf8)).first)
      #expect(row["status"] == "failed")
      #expect(row["reason"]?.hasPrefix("killed (signal 9)") == true)
    }
  #endif

  @Test func `examples for evaluation may have a file of their own`() throws {
    let tiny = try TinyCheckpoint()
    try tiny.write(TinyCheckpoint.lines(30).suffix(5).map(\.self), to: "eval.jsonl")
    let run = try tiny.run("--steps", "1", "--eval-data", tiny["eval.jsonl"], "--output", tiny["out"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("on 5 examples"))
    let both = try tiny.run(
      "--steps", "1", "--eval-data", tiny["eval.jsonl"], "--eval-fraction", "0.2", "--output", tiny["no"])
    #expect(both.status == 64)
  }
}
