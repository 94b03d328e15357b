import ArgumentParser

@main
struct Plimsoll: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "plimsoll", abstract: "The load line for fine-tuning.")
}
