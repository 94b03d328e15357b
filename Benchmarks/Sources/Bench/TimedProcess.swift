import Foundation

/// A command run as a process of its own, from its start to its end; what it prints is thrown away.
struct TimedProcess {
  /// Seconds that passed.
  let seconds: Double
  /// Seconds of all processors, the system's share included.
  let processorSeconds: Double
  /// What the process ended with, as `wait4` tells it.
  let status: Int32

  init(_ program: String, _ arguments: [String]) throws {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    let start = ContinuousClock.now
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &files, nil, words, environ)
    guard code == 0 else { throw BenchError.cannotStart(program, code) }
    var status: Int32 = 0
    var usage = rusage()
    wait4(child, &status, 0, &usage)
    let (whole, fraction) = (ContinuousClock.now - start).components
    seconds = Double(whole) + Double(fraction) * 1e-18
    processorSeconds = [usage.ru_utime, usage.ru_stime].reduce(0.0) {
      $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6
    }
    self.status = status
  }
}
