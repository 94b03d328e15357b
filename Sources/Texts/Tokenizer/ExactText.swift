/// Text as a key that is equal only to the same scalars: Swift's `String` also equates canonically equivalent ones.
struct ExactText: Hashable, Sendable {
  let text: String

  init(_ text: String) { self.text = text }

  init(_ scalars: ArraySlice<Unicode.Scalar>) { self.text = String(scalars: scalars) }

  static func == (left: ExactText, right: ExactText) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  func hash(into hasher: inout Hasher) {
    // Eight bytes a turn: a hasher fed byte by byte costs more than the look-up.
    var word: UInt64 = 0
    var count = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count & 7 == 0 {
        hasher.combine(word)
        word = 0
      }
    }
    hasher.combine(word)
    hasher.combine(count)
  }
}

extension String {
  init(scalars: some Sequence<Unicode.Scalar>) {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    self.init(view)
  }
}
