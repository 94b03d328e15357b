import Foundation
import Testing

/// What the README shows is what the program prints.
@Suite(.serialized) struct `The README` {
  struct Transcript: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let expected: [String]
    var testDescription: String { arguments.joined(separator: " ") }
  }

  /// Every `$ .build/release/plimsoll …` of the README that output follows.
  static let transcripts: [Transcript] = {
    let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("README.md")
    guard let text = try? String(contentsOf: readme, encoding: .utf8) else { return [] }
    var transcripts: [Transcript] = []
    var arguments: [String]?
    var expected: [String] = []
    for line in text.components(separatedBy: "\n") {
      let prompt = "$ .build/release/plimsoll "
      if line.hasPrefix("$ ") || line.hasPrefix("```") {
        if let arguments, !expected.isEmpty { transcripts.append(Transcript(arguments: arguments, expected: expected)) }
        expected = []
        // A command that goes on in the next line needs a model that may not be there.
        arguments =
          line.hasPrefix(prompt) && !line.hasSuffix("\\")
          ? line.dropFirst(prompt.count).split(separator: " ").map(String.init) : nil
      } else if arguments != nil {
        expected.append(line)
      }
    }
    return transcripts
  }()

  @Test func `has transcripts`() { #expect(Self.transcripts.count >= 2) }

  @Test(arguments: transcripts)
  func `shows what the program prints`(transcript: Transcript) throws {
    let outcome = try Program.run(transcript.arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    var printed = outcome.output.components(separatedBy: "\n")[...]
    for part in transcript.expected.split(separator: "…", omittingEmptySubsequences: false) {
      // A line that is only an ellipsis stands for whatever comes before the next one that is shown.
      if let first = part.first, part.startIndex > 0 {
        printed = printed[(printed.firstIndex(of: first) ?? printed.endIndex)...]
      }
      #expect(Array(printed.prefix(part.count)) == Array(part), "\(outcome.output)")
      printed = printed.dropFirst(part.count)
    }
  }
}
