extension Optimizer {
  /// The optimizers that are modeled, under names of our own; ``Optimizer/named(_:)`` knows those of
  /// `TrainingArguments.optim` too.
  public enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
    // torch.optim
    case adamw
    case sgd
    case sgdMomentum = "sgd-momentum"
    case rmsprop
    case adagrad
    case adafactorTorch = "adafactor-torch"
    case muon
    // DeepSpeed and Apex
    case fusedAdam = "fused-adam"
    // transformers
    case adafactor
    // bitsandbytes
    case adamw32bit = "adamw-32bit"
    case adamw8bit = "adamw-8bit"
    case pagedAdamw = "paged-adamw"
    case pagedAdamw8bit = "paged-adamw-8bit"
    case ademamix
    case ademamix8bit = "ademamix-8bit"
    case pagedAdemamix = "paged-ademamix"
    case pagedAdemamix8bit = "paged-ademamix-8bit"
    case lion
    case lion8bit = "lion-8bit"
    case pagedLion = "paged-lion"
    case pagedLion8bit = "paged-lion-8bit"
    case rmsprop32bit = "rmsprop-32bit"
    case rmsprop8bit = "rmsprop-8bit"
    // torchao
    case adamwTorch8bit = "adamw-torch-8bit"
    case adamwTorch4bit = "adamw-torch-4bit"
    case adamwTorchFP8 = "adamw-torch-fp8"
    // galore_torch
    case galoreAdamw = "galore-adamw"
    case galoreAdamw8bit = "galore-adamw-8bit"
    case galoreAdafactor = "galore-adafactor"
    case galoreAdamwLayerwise = "galore-adamw-layerwise"
    case galoreAdamw8bitLayerwise = "galore-adamw-8bit-layerwise"
    case galoreAdafactorLayerwise = "galore-adafactor-layerwise"
    // apollo_torch
    case apolloAdamw = "apollo-adamw"
    case apolloAdamwLayerwise = "apollo-adamw-layerwise"
    // lomo_optim
    case lomo
    case adalomo
    // schedulefree
    case scheduleFreeAdamw = "schedule-free-adamw"
    case scheduleFreeRadam = "schedule-free-radam"
    case scheduleFreeSGD = "schedule-free-sgd"
    // adam_mini
    case adamMini = "adam-mini"
  }

  /// Whose code an optimizer is, with what tells its members apart.
  public enum Family: Hashable, Sendable {
    /// torch.optim's AdamW.
    case torchAdamW
    /// Two moments and no counter on the device: DeepSpeed's and Apex's `FusedAdam`.
    case fusedAdam
    case torchSGD(hasMomentum: Bool)
    case torchRMSprop
    case torchAdagrad
    case torchAdafactor
    case muon
    case transformersAdafactor
    case bitsandbytes(BitsAndBytesStates)
    /// torchao's AdamW with states in subclasses of tensors.
    case torchao(TorchAOStates)
    case galore(GaloreUpdate, isLayerwise: Bool)
    case apollo(isLayerwise: Bool)
    case lomo(isAdaptive: Bool)
    case scheduleFree(ScheduleFreeBase)
    case adamMini
  }

  /// What bitsandbytes keeps of a parameter.
  public struct BitsAndBytesStates: Hashable, Sendable {
    public enum Update: Hashable, Sendable {
      case adam
      /// Two averages of the gradient and one of its square.
      case ademamix
      case lion, rmsprop
    }

    public let update: Update
    /// Whether states of 4096 elements and more are 8-bit codes.
    public let isQuantized: Bool
    /// Whether large states are in managed memory, outside torch's allocator.
    public let isPaged: Bool
  }

  public enum TorchAOStates: Hashable, Sendable { case codes8, codes4, fp8 }
  public enum GaloreUpdate: Hashable, Sendable { case adamw, adamw8bit, adafactor }
  public enum ScheduleFreeBase: Hashable, Sendable { case adamw, radam, sgd }
}

extension Optimizer.Kind {
  public var family: Optimizer.Family {
    switch self {
    case .adamw: .torchAdamW
    case .fusedAdam: .fusedAdam
    case .sgd: .torchSGD(hasMomentum: false)
    case .sgdMomentum: .torchSGD(hasMomentum: true)
    case .rmsprop: .torchRMSprop
    case .adagrad: .torchAdagrad
    case .adafactorTorch: .torchAdafactor
    case .muon: .muon
    case .adafactor: .transformersAdafactor
    case .adamw32bit: bitsandbytes(.adam)
    case .adamw8bit: bitsandbytes(.adam, isQuantized: true)
    case .pagedAdamw: bitsandbytes(.adam, isPaged: true)
    case .pagedAdamw8bit: bitsandbytes(.adam, isQuantized: true, isPaged: true)
    case .ademamix: bitsandbytes(.ademamix)
    case .ademamix8bit: bitsandbytes(.ademamix, isQuantized: true)
    case .pagedAdemamix: bitsandbytes(.ademamix, isPaged: true)
    case .pagedAdemamix8bit: bitsandbytes(.ademamix, isQuantized: true, isPaged: true)
    case .lion: bitsandbytes(.lion)
    case .lion8bit: bitsandbytes(.lion, isQuantized: true)
    case .pagedLion: bitsandbytes(.lion, isPaged: true)
    case .pagedLion8bit: bitsandbytes(.lion, isQuantized: true, isPaged: true)
    case .rmsprop32bit: bitsandbytes(.rmsprop)
    case .rmsprop8bit: bitsandbytes(.rmsprop, isQuantized: true)
    case .adamwTorch8bit: .torchao(.codes8)
    case .adamwTorch4bit: .torchao(.codes4)
    case .adamwTorchFP8: .torchao(.fp8)
    case .galoreAdamw: .galore(.adamw, isLayerwise: false)
    case .galoreAdamw8bit: .galore(.adamw8bit, isLayerwise: false)
    case .galoreAdafactor: .galore(.adafactor, isLayerwise: false)
    case .galoreAdamwLayerwise: .galore(.adamw, isLayerwise: true)
    case .galoreAdamw8bitLayerwise: .galore(.adamw8bit, isLayerwise: true)
    case .galoreAdafactorLayerwise: .galore(.adafactor, isLayerwise: true)
    case .apolloAdamw: .apollo(isLayerwise: false)
    case .apolloAdamwLayerwise: .apollo(isLayerwise: true)
    case .lomo: .lomo(isAdaptive: false)
    case .adalomo: .lomo(isAdaptive: true)
    case .scheduleFreeAdamw: .scheduleFree(.adamw)
    case .scheduleFreeRadam: .scheduleFree(.radam)
    case .scheduleFreeSGD: .scheduleFree(.sgd)
    case .adamMini: .adamMini
    }
  }

  private func bitsandbytes(
    _ update: Optimizer.BitsAndBytesStates.Update, isQuantized: Bool = false, isPaged: Bool = false
  ) -> Optimizer.Family {
    .bitsandbytes(Optimizer.BitsAndBytesStates(update: update, isQuantized: isQuantized, isPaged: isPaged))
  }

  /// Whether ``Optimizer/Implementation`` makes a difference: it does where torch.optim or schedulefree walk over
  /// parameters.
  public var hasImplementations: Bool {
    switch family {
    case .torchAdamW, .torchSGD, .torchRMSprop, .torchAdagrad, .torchAdafactor, .muon, .scheduleFree: true
    case .fusedAdam, .transformersAdafactor, .bitsandbytes, .torchao, .galore, .apollo, .lomo, .adamMini: false
    }
  }

  /// How the optimizer walks over parameters where nobody says.
  ///
  /// Stacks ask for a fused AdamW and for nothing else: torch.optim's others and schedulefree go by `foreach` on a GPU
  /// (torch/optim/optimizer.py, `_default_to_fused_or_foreach`), its Adafactor one by one (torch/optim/\_adafactor.py,
  /// `adafactor`).
  func implementation(where stack: Stack, _ choices: StackChoices) -> Optimizer.Implementation {
    guard stack.isTorch else { return choices.optimizerImplementation }
    switch family {
    case .torchSGD, .torchRMSprop, .torchAdagrad, .scheduleFree:
      return choices.optimizerImplementation == .single ? .single : .foreach
    case .torchAdafactor: return .single
    case .torchAdamW, .fusedAdam, .muon, .transformersAdafactor, .bitsandbytes, .torchao, .galore, .apollo, .lomo,
      .adamMini:
      return choices.optimizerImplementation
    }
  }

  /// Whether a parameter is updated as soon as its gradient is there, within the backward pass.
  public var updatesInBackward: Bool {
    switch family {
    case .galore(_, isLayerwise: true), .apollo(isLayerwise: true), .lomo: true
    default: false
    }
  }

  /// Whether the settings' ``Optimizer/rank`` matters.
  public var hasRank: Bool {
    switch family {
    case .galore, .apollo: true
    default: false
    }
  }
}
