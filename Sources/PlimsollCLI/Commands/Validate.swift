import ArgumentParser
import Planning
import Reporting

/// Holds plans against what was measured elsewhere.
struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds a plan against what was measured on a GPU.",
    discussion: """
      With --probe, the result of a script that plimsoll probe has written: phase by phase, what the plan is off by, \
      what one layer takes and what is there but once, and what the whole model takes on that machine.

        plimsoll validate --probe probe.json
        plimsoll validate --probe probe.json --format csv
      """)

  @Option(help: ArgumentHelp("The result of a probe's script.", valueName: "file"))
  var probe: String

  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws { try output.write(ProbeReport(reading: probe)) }
}
