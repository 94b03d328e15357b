import Testing
import Texts

@Suite struct `A pattern` {
  /// The matches of `pattern` in `text`, as texts.
  private func matches(_ pattern: String, _ text: String) throws -> [String] {
    let scalars = Array(text.unicodeScalars)[...]
    return try Pattern(pattern).matches(in: scalars).map { range in
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars[range])
      return String(view)
    }
  }

  @Test(arguments: [
    ("a|ab", "ab", ["a"]),
    ("(?:ab|a)c", "ac abc", ["ac", "abc"]),
    ("a*b", "aaab b", ["aaab", "b"]),
    ("a*ab", "aaab", ["aaab"]),
    ("a{2,3}", "aaaaaa a aa", ["aaa", "aaa", "aa"]),
    ("a{2}b{1,}", "aabb", ["aabb"]),
    ("a++a|b", "aaab", ["b"]),
    ("(?:ab)+c", "ababc abab", ["ababc"]),
    ("(?:ab)*c", "ababc c", ["ababc", "c"]),
    ("x(?:ab)?y", "xy xaby xabaxy", ["xy", "xaby", "xy"]),
    (#"\s+(?!\S)"#, "a   b ", ["  ", " "]),
    ("a(?=b)", "ab ac", ["a"]),
    ("[^a-c]+", "abcdefabc!", ["def", "!"]),
    (#"[\]\-x]+"#, "a-x]b", ["-x]"]),
    ("(?i:ss)x", "SSx ſsx ssX", ["SSx", "ſsx"]),
    (#"\p{Lu}\p{Ll}*|\P{L}"#, "AbÉ1", ["Ab", "É", "1"]),
  ])
  func `matches leftmost, with the first alternative that leads on`(
    pattern: String, text: String, expected: [String]
  ) throws {
    #expect(try matches(pattern, text) == expected)
  }

  @Test(arguments: [
    ("(a", "a group that is not closed"), ("a)", "a closing parenthesis without its opening"),
    ("[a", "a class that is not closed"), ("a+?", "lazy repetition"), ("a**", "a repetition of a repetition"),
    ("(?<=a)b", "a group of a kind that is not supported"), (#"\p{Han}"#, "the property Han"),
    (#"\b"#, "the escape \\b"),
    ("^a", "'^'"), ("(?:a?)*", "endless repetition of what can be empty"), ("*", "'*' where a literal must stand"),
    ("(?!ab)", "a look ahead at more than one scalar"), ("a{3,2}", "a repetition count that cannot be read"),
    ("a{99999999999999999999}", "a repetition count that cannot be read"), ("[[a]]", "a class within a class"),
    ("(?:ab){2}", "counted repetition of a group"), ("\\", "an escape without its letter"),
    (String(repeating: "(", count: 1000), "groups nested deeper than 32"),
  ])
  func `beyond what is supported is refused`(pattern: String, reason: String) {
    #expect(throws: TokenizerError.unsupportedPattern(pattern, reason: reason)) { try Pattern(pattern) }
  }
}
