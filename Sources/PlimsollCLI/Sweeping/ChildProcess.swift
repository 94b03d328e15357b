import Foundation

/// The program itself, run as a process of its own: its memory is its own, and its end is not ours.
enum ChildProcess {
  struct Outcome {
    enum End: Hashable {
      case exit(Int32)
      case signal(Int32)
    }

    let end: End
    let output: String
    /// The last line on standard error that names the program, or the last line at all.
    let complaint: String
  }

  /// Runs `program` to its end, with what it writes in files of `folder`.
  ///
  /// The child inherits every open descriptor that is not closed on `exec`: a lock among them stays held while it lives.
  static func run(_ program: String, _ arguments: [String], in folder: String) throws(OutputFileError) -> Outcome {
    let (output, errors) = (folder + "/stdout", folder + "/stderr")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &actions, nil, words, environ)
    guard code == 0 else { throw OutputFileError(path: program, code: code) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return Outcome(
      end: signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal), output: text(output),
      complaint: complaint(errors))
  }

  private static func text(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  private static func complaint(_ path: String) -> String {
    let lines = text(path).split(separator: "\n")
    let name = "plimsoll: "
    if let line = lines.last(where: { $0.hasPrefix(name) }) { return String(line.dropFirst(name.count)) }
    return lines.last.map(String.init) ?? "it said nothing"
  }
}

/// This program's own file.
enum OwnProgram {
  static var path: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

  /// A digest of the program: figures of another build may be others.
  static func digest() throws(OutputFileError) -> String {
    guard let bytes = FileManager.default.contents(atPath: path) else { throw OutputFileError(path: path, code: errno) }
    // Eight bytes at a time: forty megabytes are read on every start.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    bytes.withUnsafeBytes { buffer in
      for place in stride(from: 0, to: buffer.count & ~7, by: 8) {
        hash = (hash ^ buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0x0000_0100_0000_01b3
        hash ^= hash >> 29
      }
      for place in (buffer.count & ~7)..<buffer.count { hash = (hash ^ UInt64(buffer[place])) &* 0x0000_0100_0000_01b3 }
    }
    return String(hash, radix: 16)
  }
}
