/// One example as text: what a line of data says, written the way the model reads it.
public struct Example: Hashable, Sendable {
  /// The line it comes from, counted from 1.
  public let line: Int
  public let parts: [TextPart]
  /// Whether the tokens that frame a sequence still have to be added: a chat template writes them itself.
  public let wantsFrame: Bool
  /// Whether the whole of it is trained even where only completions are: plain text has no prompt.
  public let isPlainText: Bool

  /// Writes a record as text.
  init(line: Int, _ record: Record, template: ChatTemplate) throws(LineProblem) {
    self.line = line
    var writer = PartWriter()
    switch record {
    case .instruction(let instruction, let input, let output):
      writer.write("### Instruction:\n" + instruction + "\n\n")
      if !input.isEmpty { writer.write("### Input:\n" + input + "\n\n") }
      writer.write("### Response:\n")
      writer.write(output, isCompletion: true)
    case .completion(let prompt, let completion):
      writer.write(prompt)
      writer.write(completion, isCompletion: true)
    case .text(let text): writer.write(text, isCompletion: true)
    case .conversation(let messages):
      do throws(ChatTemplateError) { parts = try template.render(messages) } catch {
        throw LineProblem(line: line, reason: .template(error))
      }
      (wantsFrame, isPlainText) = (false, false)
      return
    }
    parts = writer.parts
    wantsFrame = true
    if case .text = record { isPlainText = true } else { isPlainText = false }
  }

  /// The whole text.
  public var text: String { parts.map(\.text).joined() }

  /// The text by which duplicates are told: runs of white space as one space, none at the ends.
  var normalizedText: String {
    var scalars: [Unicode.Scalar] = []
    var isSpacePending = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace {
        isSpacePending = !scalars.isEmpty
      } else {
        if isSpacePending { scalars.append(" ") }
        isSpacePending = false
        scalars.append(scalar)
      }
    }
    return String(scalars: scalars)
  }
}
