import Configurations
import Testing

@Suite struct `A sweep's axes` {
  @Test(arguments: [
    ("rank=4,8,16", ["4", "8", "16"]), ("rank=1..512*2", ["1", "2", "4", "8", "16", "32", "64", "128", "256", "512"]),
    ("seq=512..2048+512", ["512", "1024", "1536", "2048"]), ("seq=512..1100+512", ["512", "1024"]),
    ("train-layers=-2..1", ["-2", "-1", "0", "1"]), ("rank=4,8..16*2", ["4", "8", "16"]), ("rank=8,8,4", ["8", "4"]),
    ("targets=all-linear;q_proj,v_proj", ["all-linear", "q_proj,v_proj"]), ("model=../a.json,b", ["../a.json", "b"]),
  ])
  func `are lists and ranges`(text: String, values: [String]) throws {
    #expect(try SweepAxis(parsing: text).values == values.map { [$0] })
  }

  @Test func `may hold several flags that move together`() throws {
    let pairs = try SweepAxis(parsing: "rank+alpha=8+16,16+32,64")
    #expect(pairs.names == ["rank", "alpha"])
    #expect(pairs.values == [["8", "16"], ["16", "32"], ["64", "64"]])
    #expect(throws: SweepError.self) { try SweepAxis(parsing: "rank+alpha=8+16+3") }
  }

  @Test(arguments: [
    "rank", "=4", "rank=", "ra nk=4", "--rank=4", "rank=8..4", "rank=0..8*2", "rank=1..8*1", "rank=1..8+0",
    "rank=1..", "rank=1..b", "rank+rank=4", "seq=1..10000000",
  ])
  func `that cannot be are refused`(text: String) {
    #expect(throws: SweepError.self) { try SweepAxis(parsing: text) }
  }
}

@Suite struct `A sweep's grid` {
  @Test func `has every combination, the last axis fastest`() throws {
    let grid = try SweepGrid(
      model: "m", settings: [SweepSetting("batch", "2"), SweepSetting("rank", "1")],
      axes: [SweepAxis(parsing: "rank=4,8"), SweepAxis(parsing: "seq=1,2,3")])
    #expect(grid.count == 6)
    #expect(
      (0..<6).map { grid.values(at: $0).flatMap(\.self).joined(separator: " ") } == [
        "4 1", "4 2", "4 3", "8 1", "8 2", "8 3",
      ])
    // What varies is not fixed.
    #expect(grid.settings == [SweepSetting("batch", "2")])
    #expect(grid.point(at: 5).settings.map(\.value) == ["2", "8", "3"])
  }

  @Test func `names each flag once, and something varies`() throws {
    #expect(throws: SweepError.noAxes) { try SweepGrid(model: "m", settings: [], axes: []) }
    let axis = try SweepAxis(parsing: "rank=4")
    #expect(throws: SweepError.twice("rank")) { try SweepGrid(model: "m", settings: [], axes: [axis, axis]) }
    let wide = try ["a", "b"].map { try SweepAxis(parsing: "\($0)=1..2000") }
    #expect(throws: SweepError.tooManyPoints(4_000_000)) { try SweepGrid(model: "m", settings: [], axes: wide) }
  }

  @Test(arguments: 1...5)
  func `falls into shards that share nothing and lack nothing`(count: Int) throws {
    let shards = try (1...count).map { try SweepShard(number: $0, count: count) }
    for place in 0..<37 { #expect(shards.filter { $0.contains(place) }.count == 1) }
  }

  @Test(arguments: ["0/4", "5/4", "1", "a/b", "1/2/3", "-1/2"])
  func `has no other shards`(text: String) {
    #expect(throws: SweepError.badShard(text)) { try SweepShard(parsing: text) }
  }

  @Test func `takes its shard from a Slurm array however that is numbered`() throws {
    func shard(_ task: Int, first: Int, step: Int) throws -> SweepShard? {
      try SweepShard(slurm: [
        "SLURM_ARRAY_TASK_ID": "\(task)", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "\(first)",
        "SLURM_ARRAY_TASK_STEP": "\(step)",
      ])
    }
    #expect(try shard(1, first: 1, step: 1) == SweepShard(number: 1, count: 4))
    #expect(try shard(3, first: 0, step: 1) == SweepShard(number: 4, count: 4))
    #expect(try shard(14, first: 10, step: 2) == SweepShard(number: 3, count: 4))
    #expect(throws: SweepError.self) { try shard(9, first: 1, step: 1) }
    #expect(try SweepShard(slurm: [:]) == nil)
  }
}

@Suite struct `A sweep's file` {
  private static let text = """
    model: llama-2-7b
    settings:
      seq: 1024
      checkpointing: no
      learning-rate: 2e-4
      targets: [q_proj, v_proj]
    over:
      rank: 1..4*2
      method: [full, lora]
      targets2: [all-linear, [q_proj, v_proj]]
      alpha: 8
    """

  @Test func `says what flags say, axes in their order`() throws {
    let file = try SweepFile(parsing: Self.text, file: "sweep.yaml")
    #expect(file.model == "llama-2-7b")
    #expect(
      file.settings == [
        SweepSetting("seq", "1024"), SweepSetting("checkpointing", "off"), SweepSetting("learning-rate", "0.0002"),
        SweepSetting("targets", "q_proj,v_proj"),
      ])
    #expect(file.axes.map(\.title) == ["rank", "method", "targets2", "alpha"])
    #expect(
      file.axes.map(\.values) == [
        [["1"], ["2"], ["4"]], [["full"], ["lora"]], [["all-linear"], ["q_proj,v_proj"]], [["8"]],
      ])
  }

  @Test func `may be JSON`() throws {
    let file = try SweepFile(parsing: #"{"model": "7b", "over": {"seq": [1, 2], "rank": "1..2"}}"#, file: "sweep.json")
    #expect(file.axes.map(\.title) == ["seq", "rank"])
  }

  @Test(arguments: ["modle: x", "over: [1]", "settings: 4", "model: [a]", "over:\n  rank: {a: 1}"])
  func `with what it does not have is refused`(text: String) {
    #expect(throws: SweepError.self) { try SweepFile(parsing: text, file: "sweep.yaml") }
  }

  @Test func `that is no YAML is refused`() {
    #expect(throws: ConfigurationError.self) { try SweepFile(parsing: "a: [", file: "sweep.yaml") }
  }
}

@Suite struct `Settings of a command line` {
  @Test func `are flags with their values`() throws {
    #expect(
      try SweepSetting.reading(["--seq", "512", "--no-checkpointing", "--batch=2", "--rslora", "--train-layers", "-2"])
        == [
          SweepSetting("seq", "512"), SweepSetting("checkpointing", "off"), SweepSetting("batch", "2"),
          SweepSetting("rslora", "on"), SweepSetting("train-layers", "-2"),
        ])
    #expect(throws: SweepError.strayWord("x")) { try SweepSetting.reading(["--a=1", "x"]) }
  }
}
