import Foundation
import Testing
import Texts

/// Examples of the numbers from 1 on, each token different, of these lengths in tokens.
private func numbered(_ lengths: [Int]) throws -> [EncodedExample] {
  let tokenizer = try Golden.tokenizer("gpt2")
  let text = (0..<400).map { "\($0)" }.joined(separator: " ")
  return try lengths.enumerated().map { index, length in
    let line = "{\"text\": \"\(index) \(text)\"}"
    var options = DataOptions()
    options.maximumLength = length
    let data = try DataSet(bytes: Array(line.utf8), tokenizer: tokenizer, options: options)
    return try #require(data.examples.first)
  }
}

private let lengths = [5, 17, 3, 30, 9, 9, 2, 28, 12, 7, 31, 4, 6]

@Suite struct `Batches` {
  @Test(arguments: Packing.allCases)
  func `packed lose no token and train the same`(packing: Packing) throws {
    let examples = try numbered(lengths)
    var options = BatchOptions(rows: 2, rowLength: .fixed(32), packing: packing)
    options.seed = 9
    var source = try BatchSource(examples, options: options)
    var tokens: [Int32] = []
    var trained = 0
    var real = 0
    for _ in 0..<source.batchesPerEpoch {
      let batch = source.next()
      #expect(batch.tokens.count == 64 && batch.labels.count == 64)
      trained += batch.trainedTokens
      real += batch.realTokens
      for row in 0..<batch.rows {
        let labels = batch.labels[row * 32..<row * 32 + 32]
        let cells = batch.tokens[row * 32..<row * 32 + 32]
        #expect(zip(cells, labels).allSatisfy { $1 == EncodedExample.ignoredLabel || $0 == $1 })
        tokens += cells
      }
    }
    #expect(real == lengths.reduce(0, +))
    #expect(trained == examples.reduce(0) { $0 + $1.trainedTokens })
    // Every token of every example is there as often as in the examples; padding is token 0, which none of them has.
    #expect(tokens.filter { $0 != 0 }.sorted() == examples.flatMap(\.tokens).filter { $0 != 0 }.sorted())
    #expect(source.paddingShare == 1 - Double(real) / Double(source.batchesPerEpoch * 64))
  }

  @Test func `packed in order keep neighbors, packed by first fit use no more rows`() throws {
    let examples = try numbered(lengths)
    func rows(_ packing: Packing) throws -> Int {
      var options = BatchOptions(rows: 1, rowLength: .fixed(32), packing: packing)
      options.shuffles = false
      return try BatchSource(examples, options: options).batchesPerEpoch
    }
    // By hand: [5 17 3] [30] [9 9 2] [28] [12 7] [31] [4 6]; first fit: [5 17 3 2 4] [30] [9 9 12] [28] [7 6] [31].
    #expect(try rows(.inOrder) == 7)
    #expect(try rows(.firstFit) == 6)
  }

  @Test func `packed have no label where an example begins`() throws {
    let examples = try numbered([4, 5])
    var options = BatchOptions(rows: 1, rowLength: .fixed(12), packing: .inOrder)
    options.shuffles = false
    var source = try BatchSource(examples, options: options, padding: 7)
    let batch = source.next()
    #expect(batch.tokens == examples[0].tokens + examples[1].tokens + [7, 7, 7])
    let ignored = EncodedExample.ignoredLabel
    let first = [ignored] + examples[0].labels.dropFirst()
    let second = [ignored] + examples[1].labels.dropFirst()
    #expect(batch.labels == first + second + [ignored, ignored, ignored])
  }

  @Test func `padded are as long as their longest, up to a multiple`() throws {
    var options = BatchOptions(rows: 3, rowLength: .longest(multipleOf: 8))
    options.shuffles = false
    var source = try BatchSource(try numbered(lengths), options: options)
    var seen: [Int] = []
    for _ in 0..<source.batchesPerEpoch { seen.append(source.next().sequenceLength) }
    // Longest of each three: 17, 30, 28, 31, 6.
    #expect(seen == [24, 32, 32, 32, 8])
  }

  @Test func `fill the last with padding rows, or leave it short`() throws {
    let examples = try numbered(lengths)
    var options = BatchOptions(rows: 4, rowLength: .fixed(32))
    func last() throws -> Batch {
      var source = try BatchSource(examples, options: options)
      var batch = source.next()
      for _ in 1..<source.batchesPerEpoch { batch = source.next() }
      return batch
    }
    let full = try last()
    #expect(full.rows == 4)
    #expect(full.labels[32...].allSatisfy { $0 == EncodedExample.ignoredLabel })
    options.lastBatch = .short
    #expect(try last().rows == 1)
  }

  @Test func `come in another order every epoch, and in the same for a seed`() throws {
    let examples = try numbered(lengths)
    func epochs(seed: UInt64) throws -> [[Batch]] {
      var options = BatchOptions(rows: 2, rowLength: .fixed(32))
      options.seed = seed
      var source = try BatchSource(examples, options: options)
      return (0..<2).map { _ in (0..<source.batchesPerEpoch).map { _ in source.next() } }
    }
    let one = try epochs(seed: 1)
    #expect(try epochs(seed: 1) == one)
    #expect(try epochs(seed: 2) != one)
    #expect(one[0] != one[1])
    func rows(_ batches: [Batch]) -> [[Int32]] {
      batches.flatMap { batch in (0..<batch.rows).map { Array(batch.tokens[$0 * 32..<$0 * 32 + 32]) } }
        .sorted { $0.lexicographicallyPrecedes($1) }
    }
    #expect(rows(one[0]) == rows(one[1]), "an epoch has every example once")
  }

  @Test func `go on from a saved state as if nothing had happened`() throws {
    let examples = try numbered(lengths)
    var options = BatchOptions(rows: 2, rowLength: .fixed(32), packing: .firstFit)
    options.seed = 5
    var through = try BatchSource(examples, options: options)
    for count in 0..<9 {
      let saved = try JSONEncoder().encode(through.state)
      var resumed = try BatchSource(examples, options: options)
      try resumed.resume(from: try JSONDecoder().decode(BatchSource.State.self, from: saved))
      var copy = through
      #expect((0..<7).map { _ in resumed.next() } == (0..<7).map { _ in copy.next() }, "after \(count) batches")
      _ = through.next()
    }
  }

  @Test func `refuse a state of other data and settings that cannot be`() throws {
    let examples = try numbered([4, 5, 6])
    let options = BatchOptions(rows: 1, rowLength: .fixed(8))
    var source = try BatchSource(examples, options: options)
    let other = try BatchSource(Array(examples.dropLast()), options: options).state
    #expect(throws: DataError.badSetting("the number of rows of the saved state", value: 2, expected: "3")) {
      try source.resume(from: other)
    }
    var broken = source.state
    broken.position = 4
    #expect(throws: DataError.badSetting("the saved position", value: 4, expected: "between 0 and 3")) {
      try source.resume(from: broken)
    }
    #expect(throws: DataError.longerThanRow(line: 1, tokens: 6, row: 5)) {
      try BatchSource(examples, options: BatchOptions(rows: 1, rowLength: .fixed(5), packing: .firstFit))
    }
    #expect(throws: DataError.self) { try BatchSource(examples, options: BatchOptions(rows: 0, rowLength: .fixed(8))) }
    #expect(throws: DataError.self) { try BatchSource([], options: options) }
    #expect(throws: DataError.self) {
      try BatchSource(examples, options: BatchOptions(rows: 1, rowLength: .longest(multipleOf: 8), packing: .inOrder))
    }
  }

  @Test(arguments: [DataSet.EvaluationShare.count(4), .fraction(0.3)])
  func `split into disjoint parts that are everything`(share: DataSet.EvaluationShare) throws {
    let text = (0..<13).map { "{\"text\": \"example \($0)\"}" }.joined(separator: "\n")
    let data = try DataSet(bytes: Array(text.utf8), tokenizer: try Golden.tokenizer("gpt2"))
    let parts = try data.split(evaluation: share, seed: 3)
    // 0.3 of 13 is 3.9, and so 4.
    #expect(parts.evaluation.count == 4)
    #expect(Set(parts.training.map(\.line)).isDisjoint(with: parts.evaluation.map(\.line)))
    #expect((parts.training + parts.evaluation).map(\.line).sorted() == Array(1...13))
    #expect(parts.training.map(\.line) == parts.training.map(\.line).sorted())
    let again = try data.split(evaluation: share, seed: 3)
    #expect(again.evaluation == parts.evaluation)
    #expect(try data.split(evaluation: share, seed: 4).evaluation != parts.evaluation)
    for bad in [
      DataSet.EvaluationShare.count(0), .count(13), .count(-1), .fraction(0), .fraction(.nan), .fraction(0.01),
    ] {
      #expect(throws: DataError.self) { try data.split(evaluation: bad, seed: 3) }
    }
  }
}
