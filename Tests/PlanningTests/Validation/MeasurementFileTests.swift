import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `A file of measurements` {
  @Test func `becomes typed rows`() throws {
    let row = try MeasurementExamples.row(["alt_metric": "process (reserved + context)", "alt_gib": "1.5"])
    #expect(row.id == "T1" && row.line == 2)
    #expect(row.setting.rank == 8 && row.setting.usesGradientCheckpointing == true)
    #expect(row.setting.isDoublyQuantized == nil)
    #expect(row.reading.metric == .allocated && row.reading.bytes == Bytes(1 << 30))
    #expect(row.reading.alternative?.metric == .device)
    #expect(row.reading.alternative?.bytes == Bytes(3 << 29))
    #expect(row.confidence == .a && row.reading.outcome == .finished)
  }

  @Test(arguments: [
    ("seq_len", "long"), ("micro_batch", "-1"), ("measured_gib", ""), ("measured_gib", "0"), ("measured_gib", "1e9"),
    ("metric", "watts"), ("outcome", "fine"), ("confidence", "D"), ("grad_ckpt", "perhaps"), ("mlp", "round"),
  ])
  func `names line and column of what cannot be read, and reads on`(column: String, value: String) throws {
    let file = try MeasurementExamples.file([["id": "T1", column: value], ["id": "T2"]])
    #expect(file.measurements.map(\.id) == ["T2"])
    #expect(file.problems.map(\.line) == [2])
    #expect(file.problems.map(\.column) == [column])
  }

  @Test(arguments: [
    ["seq_len": "512 tokens"], ["micro_batch": "1 (per GPU)"], ["grad_ckpt": "yes (selective)"], ["grad_ckpt": "on"],
  ])
  func `is read past what explains a value`(change: [String: String]) throws {
    let setting = try MeasurementExamples.row(change).setting
    #expect(setting == (try MeasurementExamples.row().setting))
  }

  @Test func `has every id once`() throws {
    let file = try MeasurementExamples.file([[:], [:]])
    #expect(file.measurements.count == 1)
    #expect(file.problems.map(\.column) == ["id"])
  }

  @Test func `has no figure for a run that ended out of memory`() throws {
    let row = try MeasurementExamples.row(["measured_gib": "", "outcome": "oom"])
    #expect(row.reading.bytes == nil && row.reading.outcome == .outOfMemory)
  }

  @Test func `needs its first columns`() {
    #expect(throws: CSVError.missingColumns(["method", "metric", "measured_gib"], path: "t.csv")) {
      try MeasurementFile(text: "id,hf_model\n", path: "t.csv")
    }
  }
}
