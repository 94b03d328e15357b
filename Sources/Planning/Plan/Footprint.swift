import Bookkeeping
import Modeling

/// A step's memory as people read it off: three figures from one journal.
struct Footprint {
  let allocated: Interval
  let reserved: Interval
  let device: Interval
  /// What is reserved where the device is full and the allocator gives cached segments back; `nil` where it isn't.
  var reservedWhenFull: Bytes?
}

extension Footprint {
  /// The engine's: its arena gives whole pages, and the process has its own code and libraries besides.
  static func engine(_ journal: Journal, threads: Int) -> Footprint {
    let allocated = Interval(exactly: RoundedPeak.of(journal, by: .bytes))
    let reserved = Interval(exactly: RoundedPeak.of(journal, by: .pages))
    return Footprint(
      allocated: allocated, reserved: reserved, device: reserved + EngineRuntime.interval(threads: threads))
  }

  /// PyTorch's, as expected: blocks of 512 bytes, segments from the driver, and the driver's context.
  ///
  /// cuBLAS's workspaces come out of torch's allocator, so the walk books them. What is outside of it (the pages of
  /// `paged` optimizers) is the driver's business: on the device at most, on the host at least.
  static func torch(
    _ peaks: CachingAllocator.Peaks, paged: Bytes, on device: Device?, devices: Int = 1
  ) -> Footprint {
    torch(
      allocated: Interval(exactly: peaks.allocated), reserved: Interval(exactly: peaks.reserved), paged: paged,
      on: device, devices: devices)
  }

  /// PyTorch's, with what is known of allocated and reserved.
  static func torch(
    allocated: Interval, reserved: Interval, paged: Bytes, on device: Device?, devices: Int = 1,
    reservedWhenFull: Bytes? = nil
  ) -> Footprint {
    var onDevice = reserved + (device?.context ?? Device.typicalContext)
    if devices > 1 { onDevice = onDevice + CollectiveBuffers.interval(devices: devices) }
    if paged > .zero {
      onDevice =
        onDevice
        + Interval(
          low: .zero, expected: paged, high: paged,
          causes: ["paged optimizer states, \(paged), are on the device until the driver moves them to the host"])
    }
    if device == nil {
      let common = Device.cublasHandles * Device.cublasWorkspace(for: nil)
      onDevice =
        onDevice
        + Interval(
          low: .zero, expected: .zero, high: Device.cublasHandles * Bytes(32 << 20) - common,
          causes: ["cuBLAS's workspaces take 16 MiB, or 64 MiB from compute capability 9.0 on"])
    }
    return Footprint(allocated: allocated, reserved: reserved, device: onDevice, reservedWhenFull: reservedWhenFull)
  }
}
