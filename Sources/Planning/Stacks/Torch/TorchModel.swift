import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, H hidden, q query width, k key/value width.

/// A decoder as transformers runs it: what each line of its Python makes, keeps and lets go.
///
/// A `drop` stands where the program's last reference goes: at the end of an expression, when a name is bound anew, or
/// when a function returns.
struct TorchModel {
  let spec: ModelSpec
  let policy: TorchPolicy
  let weights: TorchWeights
  let microBatch: Int
  /// Tokens of a sequence that run through the layers, virtual ones included.
  let sequence: Int
  /// What brings checkpoints back from the host, where they wait there.
  var staging: Tensor?
  /// What stands for the gradients of linear weights that were added where they add up, by shape (Megatron).
  var dummyGradients: [Shape: Tensor] = [:]

  /// Virtual tokens that queries look back on and that run through no layer.
  var prefixLength: Int { policy.method.virtualTokens?.tokensInKeys ?? 0 }
  /// Positions that a query looks back on, itself included.
  var keyLength: Int { sequence + prefixLength }
  var tokens: Int { microBatch * sequence }
  var hiddenShape: Shape { [microBatch, sequence, spec.hiddenSize] }

  // MARK: A micro-batch

  /// Forward, loss and backward of one micro-batch.
  func run(_ tape: inout Tape) {
    let result = forward(&tape)
    tape.endAutocast()
    let outputs = result.outputs + tape.cachedKeysAndValues
    tape.cachedKeysAndValues = []
    if !policy.keepsOutputs { for output in outputs { tape.drop(output) } }
    tape.backward(from: result.loss)
    tape.drop(result.loss)
    if policy.keepsOutputs { for output in outputs { tape.drop(output) } }
    tape.releaseGraph()
  }

  /// Everything up to the loss; what lives on is what backward needs, and the outputs.
  func forward(_ tape: inout Tape) -> HeadResult {
    switch policy.choices.modelCode {
    case .transformers: transformersForward(&tape)
    case .torchtune, .torchtune2024: torchtuneForward(&tape)
    case .litgpt, .litgpt2023: litGPTForward(&tape)
    case .megatron: megatronForward(&tape)
    }
  }

  /// The forward pass as Transformers' model classes write it.
  private func transformersForward(_ tape: inout Tape) -> HeadResult {
    tape.prefix = ""
    tape.enter(.embedding)
    tape.enter(unit: tape.sharding.root, .void)
    let embedded = embed(&tape)
    // `inputs_embeds` stays a local of the model's forward to its end.
    var hidden = embedded.hidden
    let prefix = prefixKeys(&tape)
    let positions = tape.openNamed("batch.positions", [1, sequence], .int64, .batch)
    let mask = attentionMask(&tape, format: hidden.format)
    let windowMask = slidingWindowMask(&tape, like: mask)
    let tables = rotaryTables(&tape, streamFormat: hidden.format)
    for layer in 0..<spec.layerCount {
      let layerMask = isWindowed(layer) ? windowMask ?? mask : mask
      let context = [tables?.cosine, tables?.sine, layerMask, positions].compactMap { $0 }
      let run: (inout Tape, Tensor) -> Tensor = { tape, input in
        tape.prefix = "layers.\(layer)."
        return self.layer(&tape, layer, input, tables, layerMask, prefix)
      }
      // The last layer's input is wanted again at once and stays.
      let kept = layer + 1 < spec.layerCount ? staging : nil
      let output: Tensor
      if policy.reentersWrappedLayers {
        output = tape.reentrantCheckpoint(hidden, kept: kept, context: context) { tape, input in
          self.inUnit(&tape, layer, input, run)
        }
      } else {
        output = inUnit(&tape, layer, hidden) { tape, input in
          guard policy.usesGradientCheckpointing else { return run(&tape, input) }
          return policy.choices.reentersCheckpoints
            ? tape.reentrantCheckpoint(input, kept: kept, context: context, run)
            : tape.checkpoint(layer: layer, input, kept: kept, context: context, run)
        }
      }
      tape.drop(hidden)
      hidden = output
    }
    tape.prefix = ""
    tape.enter(.finalNorm)
    if let finalNorm = weights.finalNorm {
      let normed = norm(&tape, finalNorm, hidden, "final_norm")
      tape.drop(hidden)
      hidden = normed
    }
    if let tables {
      tape.drop(tables.sine)
      tape.drop(tables.cosine)
    }
    if let windowMask { tape.drop(windowMask) }
    if let mask { tape.drop(mask) }
    tape.drop(positions)
    tape.drop(embedded.tokens)
    let result = headAndLoss(&tape, hidden)
    let penalized = penalized(&tape, result)
    for tensor in tape.cached { tape.drop(tensor) }
    tape.cached = []
    tape.leave(unit: tape.sharding.root, penalized.loss)
    return penalized
  }

  /// Runs a layer as a unit of its own, where weights are divided among GPUs.
  func inUnit(
    _ tape: inout Tape, _ layer: Int, _ input: Tensor, _ run: (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor {
    guard let unit = tape.sharding.layers[layer] else { return run(&tape, input) }
    tape.enter(.layer(layer, .attentionNorm))
    tape.enter(unit: unit, input)
    let output = run(&tape, input)
    tape.leave(unit: unit, output)
    return output
  }

  // MARK: Around the layers

  /// Token embedding, with what a family does to it; a leaf that asks for its gradient under gradient checkpointing
  /// (transformers modeling_utils.py, `_activation_checkpointing_enable`, `enable_input_require_grads`).
  private func embed(_ tape: inout Tape) -> (tokens: Tensor, hidden: Tensor) {
    let name = streamName(after: -1)
    let account = streamAccount(after: -1)
    let isPlain = weights.positionEmbedding == nil && !scalesEmbedding && spec.architecture != .gpt2
    var hidden = lookUp(&tape, isPlain ? name : "embedding", weights.embedding, isPlain ? account : .activations)
    if scalesEmbedding {
      let scaled = tape.apply(
        name, to: [hidden], shape: hidden.shape, format: hidden.format, account: account, rule: Rules.fresh)
      tape.drop(hidden)
      hidden = scaled
    }
    if policy.usesGradientCheckpointing { hidden = tape.requireGradient(hidden) }
    if let tokens = policy.method.virtualTokens, tokens.tokensInStream > 0 {
      hidden = prepend(&tape, tokens, consuming: hidden)
    }
    let tokens = hidden
    tape.retain(tokens)
    if let table = weights.positionEmbedding {
      let positions = tape.apply(
        "position_embedding", to: [table], shape: [1, sequence, spec.hiddenSize], format: table.format,
        rule: Rules.fresh)
      let sum = tape.apply(
        dropsOut ? "embedding.sum" : name, to: [hidden, positions], shape: hidden.shape, format: hidden.format,
        account: dropsOut ? .activations : account, rule: Rules.passing)
      tape.drop(positions)
      tape.drop(hidden)
      hidden = sum
    }
    guard dropsOut else { return (tokens, hidden) }
    let dropped = tape.dropout(name, maskName: "embedding.dropout.mask", hidden)
    tape.drop(hidden)
    return (tokens, dropped)
  }

  /// `nn.Embedding`.
  func lookUp(_ tape: inout Tape, _ name: String, _ table: Tensor, _ account: Account) -> Tensor {
    if policy.tensorParallelSize > 1, policy.choices.modelCode == .transformers {
      return dividedLookUp(&tape, name, table, account)
    }
    return tape.inUnit(of: table, .void) { tape in
      tape.apply(
        name, to: [table], shape: [microBatch, sequence - virtualTokens, spec.hiddenSize], format: table.format,
        account: account, rule: Rules.fresh)
    }
  }

  /// Virtual tokens of the stream.
  private var virtualTokens: Int { policy.method.virtualTokens?.tokensInStream ?? 0 }

  /// Whether embeddings are multiplied by √H (Gemma's `GemmaTextScaledWordEmbedding`).
  var scalesEmbedding: Bool { [.gemma, .gemma2, .gemma3].contains(spec.architecture) }

  /// Whether the family's published configuration drops out activations in training: GPT-2 does, with probability 0.1.
  var dropsOut: Bool { spec.architecture == .gpt2 }

  /// The mask of a micro-batch, [b, 1, s, s]: a number a pair for eager attention, a truth value a pair for fused
  /// kernels of padded batches, none otherwise (transformers masking_utils.py, `eager_mask`, `sdpa_mask`).
  private func attentionMask(_ tape: inout Tape, format: ScalarFormat) -> Tensor? {
    // A prefix makes more keys than queries, for which fused kernels need the mask too.
    let isNeeded = policy.isPadded || prefixLength > 0
    guard policy.attention == .eager || (policy.attention == .sdpa && isNeeded) else { return nil }
    let shape: Shape = [microBatch, 1, sequence, keyLength]
    let allowed = tape.openNamed("attention_mask.allowed", shape, .bool, .batch)
    guard policy.attention == .eager else { return allowed }
    let mask = tape.openNamed("attention_mask", shape, format, .batch)
    tape.drop(allowed)
    return mask
  }

  /// The second mask of families whose layers alternate between whole and windowed attention
  /// (models/gemma2/modeling_gemma2.py, `Gemma2Model.forward`, `causal_mask_mapping`).
  private func slidingWindowMask(_ tape: inout Tape, like mask: Tensor?) -> Tensor? {
    guard let mask, [.gemma2, .gemma3].contains(spec.architecture) else { return nil }
    return tape.openNamed(mask.name + ".sliding_window", mask.shape, mask.format, .batch)
  }

  /// Whether a layer of such a family is a windowed one (configuration_gemma2.py and configuration_gemma3.py,
  /// `layer_types`).
  private func isWindowed(_ layer: Int) -> Bool {
    switch spec.architecture {
    case .gemma2: layer.isMultiple(of: 2)
    case .gemma3: !(layer + 1).isMultiple(of: 6)
    default: false
    }
  }

  /// What the residual stream is called after a layer; −1 stands for the embedding.
  func streamName(after layer: Int) -> String {
    guard policy.usesGradientCheckpointing, layer + 1 < spec.layerCount else {
      return layer < 0 ? TensorName.hidden : TensorName.layer(layer, .output)
    }
    return TensorName.layer(layer + 1, .checkpoint)
  }

  /// With checkpointing, what leaves one layer is what is kept as the next one's input, here or on the host.
  func streamAccount(after layer: Int) -> Account {
    policy.usesGradientCheckpointing && layer + 1 < spec.layerCount ? .checkpoints : .activations
  }
}
