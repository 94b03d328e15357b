import Bookkeeping
import Planning

/// What a data set is, whatever is trained on it: its samples, their lengths, and what is cut of them.
struct DataFacts {
  let name: String
  let samples: SampleLengths
  /// Tokens at which samples are cut.
  let sequence: Int

  var facts: [Document.Fact] {
    var facts = [
      Document.Fact("file", name),
      Document.Fact(
        "samples", "\(Fixed.grouped(samples.count)) of \(Fixed.grouped(samples.total)) tokens in all, \(basis)"),
    ]
    if let summary = samples.summary {
      facts.append(
        Document.Fact(
          "lengths",
          "\(Fixed.grouped(summary.minimum)) to \(Fixed.grouped(summary.maximum)) tokens: median "
            + "\(Fixed.grouped(summary.median)), mean \(Fixed.text(summary.mean, decimals: 1)), 90 % up to "
            + "\(Fixed.grouped(summary.percentile90)), 99 % up to \(Fixed.grouped(summary.percentile99))"))
    }
    let limit = Fixed.grouped(sequence)
    let cutSamples = samples.beyond(sequence)
    facts.append(
      Document.Fact(
        "cut",
        cutSamples == 0
          ? "none is longer than \(limit) tokens"
          : "\(Phrase.count(cutSamples, "sample")) beyond \(limit) tokens, with "
            + "\(percent(samples.cutShare(at: sequence))) of all tokens"))
    return facts
  }

  private var basis: String {
    switch samples.basis {
    case .tokenizer(let path): return "counted by the tokenizer of \(path)"
    case .bytes(let ratio):
      let range = ratio.range(of: Double(samples.total))
      return
        "estimated at \(Fixed.text(ratio.expected, decimals: 2)) bytes of English a token "
        + "(\(Fixed.grouped(Int(range.low.rounded()))) to \(Fixed.grouped(Int(range.high.rounded())))); code and other "
        + "languages take more, --tokenizer counts"
    }
  }

  private func percent(_ share: Double) -> String { Fixed.text(share * 100, decimals: 1) + " %" }
}
