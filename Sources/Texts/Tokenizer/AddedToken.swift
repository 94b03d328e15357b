/// A token that is found in text as a whole, before anything else is done to the text.
public struct AddedToken: Sendable {
  public let id: Int32
  public let content: String
  /// Whether decoding may leave it out: `<|im_end|>` and its like.
  public let isSpecial: Bool
  /// Matches only where no word goes on at its sides.
  public let isSingleWord: Bool
  /// Takes the white space before it along.
  public let stripsLeft: Bool
  /// Takes the white space after it along.
  public let stripsRight: Bool
  /// Is looked for in normalized text, in its own normalized form.
  public let isNormalized: Bool

  public init(
    id: Int32, content: String, isSpecial: Bool, isSingleWord: Bool = false, stripsLeft: Bool = false,
    stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }
}

/// Finds added tokens in text: the leftmost, and the longest of those.
struct AddedTokenFinder: Sendable {
  /// A trie over scalars; node 0 is the root.
  private struct Node {
    var children: [Unicode.Scalar: Int] = [:]
    var token: AddedToken?
  }

  /// A part of the text: an added token, or what lies between two.
  struct Part {
    let range: Range<Int>
    let token: AddedToken?
  }

  private var nodes = [Node()]
  /// The scalars below U+0080 that a spelling begins with, a bit each; and whether any begins with a later one.
  private var lowFirsts: (UInt64, UInt64) = (0, 0)
  private var hasHighFirsts = false

  /// A finder for `tokens`, each spelled as `spelling` makes it; an empty spelling is never found.
  init(_ tokens: [AddedToken], spelling: (String) -> [Unicode.Scalar]) {
    for token in tokens {
      let scalars = spelling(token.content)
      guard let first = scalars.first else { continue }
      switch first.value {
      case 0..<64: lowFirsts.0 |= 1 << UInt64(first.value)
      case 64..<128: lowFirsts.1 |= 1 << UInt64(first.value - 64)
      default: hasHighFirsts = true
      }
      var node = 0
      for scalar in scalars {
        if let child = nodes[node].children[scalar] {
          node = child
        } else {
          nodes[node].children[scalar] = nodes.count
          node = nodes.count
          nodes.append(Node())
        }
      }
      // Of two with one spelling the first in order is taken.
      if nodes[node].token == nil { nodes[node].token = token }
    }
  }

  /// `text` in parts that cover it.
  func parts(of text: ArraySlice<Unicode.Scalar>) -> [Part] {
    guard !nodes[0].children.isEmpty else { return [Part(range: text.indices, token: nil)] }
    var parts: [Part] = []
    var covered = text.startIndex
    var position = text.startIndex
    while position < text.endIndex {
      guard mayBegin(text[position]), let (token, matchEnd) = longest(at: position, in: text) else {
        position += 1
        continue
      }
      var start = position
      var end = matchEnd
      position = matchEnd
      if token.isSingleWord {
        let runsOn = end < text.endIndex && text[end].isWordPart
        let runsIn = start > text.startIndex && text[start - 1].isWordPart
        if runsOn || runsIn { continue }
      }
      if token.stripsLeft {
        while start > covered, text[start - 1].properties.isWhitespace { start -= 1 }
      }
      if token.stripsRight {
        while end < text.endIndex, text[end].properties.isWhitespace { end += 1 }
      }
      // White space that an earlier token took along belongs to that one.
      if start < covered { start = covered }
      if covered < start { parts.append(Part(range: covered..<start, token: nil)) }
      parts.append(Part(range: start..<max(start, end), token: token))
      covered = max(start, end)
    }
    if covered < text.endIndex { parts.append(Part(range: covered..<text.endIndex, token: nil)) }
    return parts
  }

  /// Whether a spelling may begin with this scalar: a bit to look at, where the trie's root would cost a hash.
  private func mayBegin(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<64: lowFirsts.0 >> UInt64(scalar.value) & 1 == 1
    case 64..<128: lowFirsts.1 >> UInt64(scalar.value - 64) & 1 == 1
    default: hasHighFirsts
    }
  }

  private func longest(at start: Int, in text: ArraySlice<Unicode.Scalar>) -> (AddedToken, Int)? {
    var node = 0
    var position = start
    var found: (AddedToken, Int)?
    while position < text.endIndex, let child = nodes[node].children[text[position]] {
      node = child
      position += 1
      if let token = nodes[node].token { found = (token, position) }
    }
    return found
  }
}
