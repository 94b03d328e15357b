/// A page of prose and tables, written once and printed as terminal text or Markdown.
public struct Document: Hashable, Sendable {
  public enum Block: Hashable, Sendable {
    /// The one sentence that a reader came for.
    case lead(String)
    case heading(String)
    case paragraph(String)
    case table(Table)
    case list([String])
  }

  public private(set) var blocks: [Block]

  public init(_ blocks: [Block] = []) { self.blocks = blocks }

  public mutating func append(_ block: Block) { blocks.append(block) }

  /// For a terminal of `width` columns: what stands under a heading is indented.
  public func text(width: Int) -> String {
    var text = ""
    var margin = ""
    for block in blocks {
      switch block {
      case .lead(let sentence):
        text += separator(text)
        for line in Printable.wrapped(Printable.line(sentence), to: width) { text += line + "\n" }
      case .heading(let title):
        text += separator(text) + Printable.line(title) + "\n"
        margin = "  "
      case .paragraph(let sentence):
        text += margin.isEmpty ? separator(text) : ""
        for line in Printable.wrapped(Printable.line(sentence), to: width - margin.count) {
          text += margin + line + "\n"
        }
      case .table(let table):
        text += margin.isEmpty ? separator(text) : ""
        text += TextFormat(width: width, indentation: margin.count).render(table)
      case .list(let items):
        text += margin.isEmpty ? separator(text) : ""
        for item in items {
          let lines = Printable.wrapped(Printable.line(item), to: width - margin.count - 2)
          for (index, line) in lines.enumerated() { text += margin + (index == 0 ? "· " : "  ") + line + "\n" }
        }
      }
    }
    return text
  }

  private func separator(_ text: String) -> String { text.isEmpty ? "" : "\n" }

  /// For a page: the lead in bold, headings of the second level.
  public var markdown: String {
    blocks.map { block in
      switch block {
      case .lead(let sentence): "**" + MarkdownFormat.escaped(sentence) + "**\n"
      case .heading(let title): "## " + MarkdownFormat.escaped(title) + "\n"
      case .paragraph(let sentence): MarkdownFormat.escaped(sentence) + "\n"
      case .table(let table): MarkdownFormat().render(table)
      case .list(let items): items.map { "- " + MarkdownFormat.escaped($0) + "\n" }.joined()
      }
    }.joined(separator: "\n")
  }
}
