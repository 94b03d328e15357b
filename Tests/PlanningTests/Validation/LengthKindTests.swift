import Planning
import Testing

@Suite struct `How well a length is known` {
  @Test(arguments: [
    ("exact (random tokens, no padding)", LengthKind.exact), ("constant (dummy dataset)", .exact),
    ("packed to constant length (ratio = 4094)", .exact), ("padded to exactly seq_len", .exact),
    ("padded to 1024", .exact),
    ("max (first batch forced to the longest sample; others padded to batch max)", .longest),
    ("cap 512 (truncated to max_seq_length; padded to batch max)", .cap),
    ("dataset capped at max_length (mean 3234), batch padded to its max", .cap),
    ("unpacked samples; mean 254 tok/sample (padding-free); longest batch unknown", .mean), ("unstated", .unstated),
    ("", .unstated),
  ])
  func `is read from a source's words`(_ text: String, _ kind: LengthKind) {
    #expect(LengthKind(reading: text) == kind)
  }
}
