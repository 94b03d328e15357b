import ArgumentParser

/// Parses, runs, and ends with the code that the contract gives each outcome.
@main
enum Main {
  static func main() {
    do {
      var command = try Plimsoll.parseAsRoot()
      try command.run()
    } catch {
      Failure.end(with: error)
    }
  }
}
