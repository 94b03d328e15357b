import Bookkeeping

/// What NCCL takes of a GPU for itself, beside torch's allocator: a buffer for each protocol of each connection that
/// receives, on each channel.
///
/// Sources: NCCL src/init.cc, `computeBuffSizes`, and src/include/device.h; the user guide's `NCCL_BUFFSIZE` (4 MiB) and
/// `NCCL_MAX_NCHANNELS`. How many channels a communicator opens follows from the links between its GPUs, which a recipe
/// does not say.
enum CollectiveBuffers {
  /// `DEFAULT_BUFFSIZE`.
  static let simple = Bytes(1 << 22)
  /// Lines of a thread, threads, steps, bytes of a line.
  static let lowLatency = Bytes(8 * 512 * 8 * 16)
  /// Elements of a thread, threads, steps, bytes of an element.
  static let lowLatency128 = Bytes(120 * 640 * 8 * 8)

  /// Bytes of one connection.
  static var connection: Bytes { simple + lowLatency + lowLatency128 }

  /// Rings need one connection a channel, trees three more (`NCCL_MAX_TREE_ARITY`).
  ///
  /// From two channels of rings, the least on PCI Express, to 32 of rings and trees, the most (`MAXCHANNELS`); eight of
  /// rings stand in the middle of the powers of two between.
  static func interval(devices: Int) -> Interval {
    guard devices > 1 else { return Interval(exactly: .zero) }
    let high = 32 * 4 * connection
    return Interval(
      low: 2 * connection, expected: 8 * connection, high: high,
      causes: [
        "NCCL's buffers take \(2 * connection) to \(high): \(connection) a connection, on 2 to 32 channels "
          + "of one to four connections"
      ])
  }
}
