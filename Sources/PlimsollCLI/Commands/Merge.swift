public import ArgumentParser
import Bookkeeping
import Modeling
import Training

extension SafetensorsWriter.Format: ExpressibleByArgument {}

/// Writes a base model and an adapter as one checkpoint.
struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model with its adapter merged in, W + alpha/rank · B·A, as one checkpoint.",
    discussion: """
      Goes tensor by tensor, so that a model larger than memory can be merged. What comes out is a \
      folder that Transformers loads.

        plimsoll merge path/to/checkpoint --adapter plimsoll-run --output merged --dtype bf16
      """)

  @Argument(help: ArgumentHelp("A checkpoint folder, a .safetensors or a .gguf file.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The adapter, as PEFT or plimsoll run saves it.", valueName: "folder"))
  var adapter: String

  @Option(help: ArgumentHelp("Folder that the checkpoint is written into.", valueName: "folder"))
  var output: String

  @Option(help: "Format of the weights that are written.")
  var dtype: SafetensorsWriter.Format = .fp32

  func run() throws {
    let reference = try ModelReference(resolving: model)
    if case .preset = reference.origin { throw UsageError.presetWithoutWeights(model) }
    guard !OutputFile.isSameFolder(output, as: model) else { throw UsageError.mergeOverBase(output) }
    StandardError.write(
      "merging \(adapter) into \(model): \(Fixed.grouped(reference.spec.parameterCount)) parameters")
    var told = ContinuousClock.now
    try MergedCheckpoint.write(
      reference.spec, weights: CheckpointWeights.open(model, for: reference.spec),
      adapter: AdapterFile(folder: adapter), to: output, format: dtype, base: model,
      progress: { written, count in
        // A line a second is enough; a small model gets none.
        guard ContinuousClock.now - told >= .seconds(1) else { return }
        told = .now
        StandardError.write("\(written) of \(count) tensors")
      })
    try StandardOutput.write("\(output)/model.safetensors\n\(output)/config.json\n")
  }
}
