import Bookkeeping
import Modeling

/// A step's memory as people read it off: three figures from one journal.
struct Footprint {
  let allocated: Interval
  let reserved: Interval
  let device: Interval
}

extension Footprint {
  /// The engine's: its arena gives whole pages, and the process has its own code and libraries besides.
  static func engine(_ journal: Journal, threads: Int) -> Footprint {
    let allocated = Interval(exactly: RoundedPeak.of(journal, by: .bytes))
    let reserved = Interval(exactly: RoundedPeak.of(journal, by: .pages))
    return Footprint(
      allocated: allocated, reserved: reserved, device: reserved + EngineRuntime.interval(threads: threads))
  }

  /// PyTorch's: blocks of 512 bytes, segments from the driver, and the driver's context.
  ///
  /// cuBLAS's workspaces come out of torch's allocator, and stay; a walk that books them itself is left alone.
  static func torch(_ journal: Journal, on device: Device?) -> Footprint {
    let workspaces = journal.booksRuntime ? Interval(exactly: .zero) : cublasWorkspaces(on: device)
    let allocated = Interval(exactly: RoundedPeak.of(journal, by: .torchBlocks)) + workspaces
    let reserved = Interval(exactly: CachingAllocator.replay(journal)) + workspaces
    return Footprint(
      allocated: allocated, reserved: reserved, device: reserved + (device?.context ?? Device.typicalContext))
  }

  private static func cublasWorkspaces(on device: Device?) -> Interval {
    if let device { return Interval(exactly: Device.cublasHandles * device.cublasWorkspace) }
    let common = Device.cublasHandles * Device.cublasWorkspace(for: nil)
    return Interval(
      low: common, expected: common, high: Device.cublasHandles * Bytes(32 << 20),
      causes: ["cuBLAS's workspaces take 16 MiB, or 64 MiB from compute capability 9.0 on"])
  }
}

extension Journal {
  fileprivate var booksRuntime: Bool {
    events.contains { event in
      if case .open(let id) = event { account(of: id) == .runtime } else { false }
    }
  }
}
