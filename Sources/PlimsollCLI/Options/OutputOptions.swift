import ArgumentParser
import Reporting

/// The form in which a command prints its result.
struct OutputOptions: ParsableArguments {
  @Option(help: "The form of the result: json and csv have bytes as integers and keys that stay.")
  var format: OutputFormat = .text

  /// Prints the whole of `report` on standard output.
  func write(_ report: some Report) throws(OutputError) {
    // A wider terminal makes a page no easier to read; a narrower one gets what it can show.
    let width = min(TextFormat.defaultWidth, max(60, StandardOutput.terminalWidth ?? TextFormat.defaultWidth))
    try StandardOutput.write(report.rendered(as: format, width: width))
  }
}
