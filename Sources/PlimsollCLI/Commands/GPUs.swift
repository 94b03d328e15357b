import ArgumentParser
import Planning
import Reporting

/// Lists the devices that are known by name.
struct GPUs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gpus",
    abstract: "Lists the GPUs that --gpu knows.",
    discussion: """
      Usable memory is what the driver reports, which is less than what is printed on the box. \
      The formats json and csv say where every figure comes from.

        plimsoll gpus
        plimsoll gpus --format csv
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.write(GPUsReport(devices: DeviceCatalog.all))
  }
}
