import ArgumentParser
import Bookkeeping
import Configurations
import Foundation
import Modeling
import Reporting

/// Plans or runs every combination of some settings.
struct Sweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plans or runs every combination of the settings that you name, and can be stopped and gone on with.",
    usage: """
      plimsoll sweep MODEL [flags] --over NAME=VALUES ... [--archive FILE] [--output FILE]
      plimsoll sweep --file sweep.yaml [flags] [--shard 1/4]
      plimsoll sweep MODEL [flags] --over NAME=VALUES ... --run [--data FILE.jsonl] [--steps N]
      plimsoll sweep merge OUT.sqlite SHARD.sqlite ...
      """,
    discussion: """
      Every flag of `plimsoll fit` can stand after the model or after --over, by its name: rank, seq, batch, method, \
      quant, optimizer, checkpointing, stack, gpu, vram and all others; so can model itself. With --run they are \
      those of `plimsoll run`, or of `plimsoll check` where there is no --data.

        --over rank=4,8,16              a list
        --over rank=1..512*2            doubling, from 1 to 512
        --over seq=512..4096+512        in steps
        --over checkpointing=on,off     a flag; default leaves any flag out
        --over rank+alpha=8+16,16+32    two flags that move together; one value goes to both
        --over "targets=all-linear;q_proj,v_proj"   values with commas, separated by semicolons

      The last axis moves fastest. Combinations that cannot be are rows with the reason; a setting that a method has no \
      use for (rank with full) is left out there, and what then comes to the same is one row.

      A file has the same words:

        model: llama-2-7b
        settings: {seq: 1024, checkpointing: true}
        over:
          method: [full, lora, qlora]
          rank: 1..512*2

      An archive is an SQLite file that holds every result as soon as it is there, whatever ends the process: the same \
      command again computes what is missing, and an axis may grow. Machines share a sweep by shards, each with an \
      archive of its own; in a Slurm array the shard is the task's:

        sbatch --array=1-8 --wrap 'plimsoll sweep --file sweep.yaml --archive part-$SLURM_ARRAY_TASK_ID.sqlite'
        parallel plimsoll sweep --file sweep.yaml --shard {}/8 --archive part-{}.sqlite ::: 1 2 3 4 5 6 7 8
        plimsoll sweep merge whole.sqlite part-*.sqlite --format csv

      Ends with 0, and with 1 if a run failed or a merged sweep is not complete.
      """)

  @Option(help: ArgumentHelp("A flag and its values; again for another axis.", valueName: "name=values"))
  var over: [String] = []

  @Option(
    help: ArgumentHelp("A sweep as YAML or JSON; --over adds axes or replaces those of the file.", valueName: "file"))
  var file: String?

  @Flag(
    name: .customLong("run"), help: "Run the points with the engine, one after the other, each in a process of its own."
  )
  var runs = false

  @Option(help: ArgumentHelp("Where results are kept, and found again.", valueName: "file"))
  var archive: String?

  @Flag(help: "Say how far the memory of planned points may go, as fit does: in about twice the time.")
  var intervals = false

  @Flag(help: "Try runs again that failed.")
  var retryFailed = false

  @Option(
    name: .long, parsing: .unconditional, help: "Threads that plan. (default: as many as this machine allows)",
    transform: Number.whole)
  var jobs: Int?

  @Option(
    help: ArgumentHelp("Which share of the points: 1/4 to 4/4. (default: the task of a Slurm array)", valueName: "i/n"))
  var shard: String?

  @Option(help: ArgumentHelp("Write the result to a file instead of standard output.", valueName: "file"))
  var output: String?

  @OptionGroup(title: "Output") var form: OutputOptions

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("The model and flags of fit, check or run that all points share.", valueName: "model and flags"))
  var words: [String] = []

  func run() throws {
    if words.first == "merge" { return try merge() }
    let grid = try grid()
    let names = Set(grid.settings.map(\.name) + grid.axes.flatMap(\.names))
    let mode: SweepMode = !runs ? .planned : names.contains("data") ? .trained : .checked
    if let jobs, !(1...4096).contains(jobs) {
      throw UsageError.outOfRange(flag: "jobs", value: "\(jobs)", allowed: "between 1 and 4096")
    }
    let session = SweepSession(
      grid: grid, mode: mode, shard: try chosenShard(), jobs: try jobs ?? EngineOptions.threads(nil),
      archivePath: archive, retriesFailures: retryFailed, hasIntervals: intervals)
    let report = try session.run()
    try write(report)
    if report.hasFailures { throw ExitCode(ExitStatus.negative.rawValue) }
  }

  /// The grid of the file and the flags together: flags win.
  private func grid() throws -> SweepGrid {
    let file = try file.map { try SweepFile(reading: $0) }
    let isModel = words.first.map { !$0.hasPrefix("-") } ?? false
    let said = try SweepSetting.reading(isModel ? words.dropFirst() : words[...])
    let axes = try over.map { text throws(SweepError) in try SweepAxis(parsing: text) }
    let names = Set(said.map(\.name) + axes.flatMap(\.names))
    let kept = (file?.axes ?? []).filter { names.isDisjoint(with: $0.names) }
    let settings = (file?.settings ?? []).filter { !names.contains($0.name) } + said
    let grid = try SweepGrid(
      model: isModel ? words[0] : file?.model, settings: settings, axes: kept + axes)
    let namesModel =
      grid.model != nil
      || (grid.axes.flatMap(\.names) + grid.settings.map(\.name))
        .contains { $0 == "model" || $0 == "config" }
    guard namesModel else { throw UsageError.noModel(config: nil) }
    return grid
  }

  private func chosenShard() throws -> SweepShard {
    if let shard { return try SweepShard(parsing: shard) }
    guard let shard = try SweepShard(slurm: ProcessInfo.processInfo.environment), shard != .whole else { return .whole }
    StandardError.write("shard \(shard.number) of \(shard.count), the task of the Slurm array")
    return shard
  }

  private func merge() throws {
    guard words.count >= 3, !words.contains(where: { $0.hasPrefix("-") }) else { throw UsageError.nothingToMerge }
    let merged = try SweepMerge(target: words[1], sources: Array(words.dropFirst(2))).run()
    try write(merged.report)
    guard merged.missing > 0 else { return }
    StandardError.write("\(Fixed.grouped(merged.missing)) points of the grid have no result in these archives")
    throw ExitCode(ExitStatus.negative.rawValue)
  }

  private func write(_ report: SweepReport) throws {
    guard let output else { return try form.write(report) }
    let slash = output.lastIndex(of: "/")
    try OutputFile.write(
      report.rendered(as: form.format), to: slash.map { String(output[...$0]) } ?? ".",
      named: slash.map { String(output[output.index(after: $0)...]) } ?? output)
  }
}
