import Archive
import Bookkeeping
import Configurations
import Machine
import Modeling
import Planning
import Texts
import Training

/// What the process ends with: sysexits.h where it has a name for it.
enum ExitStatus: Int32, CaseIterable {
  /// It fits, or the command did what it was for.
  case success = 0
  /// It does not fit, or a check failed.
  case negative = 1
  /// The command line asks for what cannot be (EX_USAGE).
  case usage = 64
  /// A file was read and cannot be (EX_DATAERR).
  case badData = 65
  /// A file, folder or preset is not there (EX_NOINPUT).
  case noInput = 66
  /// Memory or a library that is needed is missing (EX_UNAVAILABLE).
  case unavailable = 69
  /// A bug of ours (EX_SOFTWARE).
  case internalError = 70
}

extension ExitStatus {
  /// The one place in which every typed error gets its code; what has none here is a bug.
  init(for error: any Error) {
    self =
      switch error {
      case let error as ModelReferenceError: ExitStatus(error.category)
      case is UsageError, is BytesParsingError, is RecipeError, is PlanError, is AllocatorSettingsError: .usage
      case let error as ConfigurationError: ExitStatus(error)
      case let error as EmissionError: ExitStatus(error)
      case let error as PriceListError: error.isMissingFile ? .noInput : .badData
      case let error as LengthError: ExitStatus(error)
      case is ModelSpecError: .badData
      case let error as SweepError: ExitStatus(error)
      case let error as ArchiveError: ExitStatus(error)
      case is MachineError, is MachineTooSmall, is ArenaError, is OutputFileError: .unavailable
      case let error as ProbeError: ExitStatus(error)
      case let error as TrainingError: ExitStatus(error)
      case let error as WeightFileError: ExitStatus(error)
      case let error as AdapterError: ExitStatus(error)
      case let error as TokenizerError: ExitStatus(error)
      case let error as DataError: ExitStatus(error)
      case is RunStateError, is BadDataLine: .badData
      case let error as CSVError: ExitStatus(error)
      case let error as MeasurementError: ExitStatus(error)
      case is Refusal: .negative
      default: .internalError
      }
  }
}

extension ExitStatus {
  private init(_ error: WeightFileError) {
    self =
      switch error {
      case .file, .cannotMap, .noWeights: .noInput
      case .cannotWrite: .unavailable
      default: .badData
      }
  }

  private init(_ error: ConfigurationError) { self = error.isMissingFile ? .noInput : .badData }

  private init(_ error: SweepError) {
    if case .badField = error { self = .badData } else { self = .usage }
  }

  private init(_ error: ArchiveError) {
    self =
      switch error {
      case .noSuchFile: .noInput
      case .notAnArchive, .otherLayout, .corrupted, .anotherSweep, .differentSweeps: .badData
      case .unavailable: .unavailable
      }
  }

  private init(_ error: EmissionError) {
    self =
      switch error {
      case .cannotSay: .usage
      case .unreadable: .internalError
      }
  }

  private init(_ error: ProbeError) {
    self =
      switch error {
      case .unsupportedStack, .unsupported, .noConfiguration: .usage
      case .file(.noSuchFile): .noInput
      case .file, .notJSON, .foreign, .missing, .wrongValue, .config, .recipe, .nothingMeasured: .badData
      }
  }

  private init(_ error: LengthError) {
    self =
      switch error {
      case .badRange: .usage
      case .file: .noInput
      case .empty, .badLine: .badData
      }
  }

  private init(_ error: AdapterError) {
    self =
      switch error {
      case .noAdapter, .differs: .usage
      case .file, .weights(.safetensors(.file)): .noInput
      case .weights(let error): ExitStatus(error)
      default: .badData
      }
  }

  private init(_ error: CSVError) {
    if case .file = error { self = .noInput } else { self = .badData }
  }

  private init(_ error: MeasurementError) {
    self =
      switch error {
      case .noSuchRow: .usage
      case .nothingLeft(_, let rows): rows == 0 ? .badData : .usage
      }
  }

  private init(_ error: TokenizerError) {
    if case .unreadable = error { self = .noInput } else { self = .badData }
  }

  private init(_ error: DataError) {
    self =
      switch error {
      case .unreadable: .noInput
      case .badSetting: .usage
      case .badLine, .noExamples, .longerThanRow: .badData
      }
  }

  private init(_ error: TrainingError) {
    self =
      switch error {
      case .unsupported, .clippingInBackward: .usage
      case .badToken, .nothingToLearn, .lossIsNotFinite: .badData
      case .batchSize, .microBatchCount, .noSuchParameter, .shapeMismatch: .internalError
      }
  }

  private init(_ category: ModelReferenceError.Category) {
    self =
      switch category {
      case .usage: .usage
      case .data: .badData
      case .noInput: .noInput
      }
  }
}
