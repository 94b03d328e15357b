/// A page of prose and tables, written once and printed as terminal text or Markdown.
public struct Document: Hashable, Sendable {
  public enum Block: Hashable, Sendable {
    /// The one sentence that a reader came for.
    case lead(String)
    case heading(String)
    case paragraph(String)
    case table(Table)
    case list([String])
    /// Names with what is to be said of each.
    case facts([Fact])
  }

  public struct Fact: Hashable, Sendable {
    public let name: String
    public let text: String

    public init(_ name: String, _ text: String) {
      self.name = name
      self.text = text
    }
  }

  public private(set) var blocks: [Block]

  public init(_ blocks: [Block] = []) { self.blocks = blocks }

  public mutating func append(_ block: Block) { blocks.append(block) }

  /// For a terminal of `width` columns: what stands under a heading is indented.
  public func text(width: Int) -> String {
    var text = ""
    var isUnderHeading = false
    for block in blocks {
      // A lead begins a part of its own, whatever heading came before it.
      if case .lead = block { isUnderHeading = false }
      let margin = isUnderHeading ? "  " : ""
      // Only a heading's own blocks follow without a blank line.
      if !text.isEmpty, !isUnderHeading || block.startsAnew { text += "\n" }
      switch block {
      case .lead(let sentence), .paragraph(let sentence):
        text += Document.hanging(margin, sentence, width: width)
      case .heading(let title):
        text += Printable.line(title) + "\n"
        isUnderHeading = true
      case .table(let table):
        text += TextFormat(width: width, indentation: margin.count).render(table)
      case .list(let items):
        for item in items { text += Document.hanging(margin + "· ", item, width: width) }
      case .facts(let facts):
        let column = facts.map(\.name.count).max() ?? 0
        for fact in facts {
          let name = Printable.line(fact.name)
          let padding = String(repeating: " ", count: max(0, column - name.count))
          text += Document.hanging(margin + name + padding + "  ", fact.text, width: width)
        }
      }
    }
    return text
  }

  /// `text` after `head`, further lines as far to the right as the first.
  private static func hanging(_ head: String, _ text: String, width: Int) -> String {
    let margin = String(repeating: " ", count: head.count)
    let lines = Printable.wrapped(Printable.line(text), to: max(20, width - head.count))
    return lines.enumerated().map { ($0 == 0 ? head : margin) + $1 + "\n" }.joined()
  }

  /// For a page: the lead in bold, headings of the second level.
  public var markdown: String {
    blocks.map { block in
      switch block {
      case .lead(let sentence): "**" + MarkdownFormat.escaped(sentence) + "**\n"
      case .heading(let title): "## " + MarkdownFormat.escaped(title) + "\n"
      case .paragraph(let sentence): MarkdownFormat.escaped(sentence) + "\n"
      case .table(let table): MarkdownFormat().render(table)
      case .list(let items): items.map { "- " + MarkdownFormat.escaped($0) + "\n" }.joined()
      case .facts(let facts):
        facts.map { "- **" + MarkdownFormat.escaped($0.name) + "**: " + MarkdownFormat.escaped($0.text) + "\n" }
          .joined()
      }
    }.joined(separator: "\n")
  }
}

extension Document.Block {
  fileprivate var startsAnew: Bool {
    switch self {
    case .lead, .heading: true
    default: false
    }
  }
}
