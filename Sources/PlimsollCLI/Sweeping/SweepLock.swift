import Foundation

/// Sees to it that only one run at a time is measured for an archive.
///
/// The lock belongs to an open file that runs inherit. A sweep that is killed leaves its run behind, which holds the lock
/// until it ends: the next sweep waits for it, since two at once would measure each other.
final class SweepLock {
  private let descriptor: Int32

  init(beside archive: String) throws(OutputFileError) {
    let path = archive + "-running"
    descriptor = open(path, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { throw OutputFileError(path: path, code: errno) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
    StandardError.write("waiting for another run of \(archive) to end")
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw OutputFileError(path: path, code: errno) }
    }
  }

  deinit { close(descriptor) }
}
