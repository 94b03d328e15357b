import ArgumentParser

/// The root of every command.
struct Plimsoll: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plimsoll",
    abstract: "Says whether a fine-tuning run fits in memory, and shows the receipt for every byte.",
    discussion: """
      Name a model, how you want to train it, and the memory you have:

        plimsoll fit llama-2-7b --method qlora --vram 8GB
        plimsoll fit qwen2.5-0.5b --method full --gpu rtx-4060
        plimsoll fit path/to/config.json --seq 4096 --vram 24GB --format json

      Exit codes: 0 it fits, 1 it does not fit, 64 wrong usage, 65 unreadable input, \
      66 no such input, 69 something of this machine is missing, 70 a bug of ours.
      """,
    version: Version.text,
    subcommands: [
      Fit.self, Compare.self, Check.self, Run.self, Merge.self, Probe.self, Validate.self, ReportCommand.self,
      Demo.self, Models.self, GPUs.self, Stacks.self, MachineCommand.self,
    ])
}
