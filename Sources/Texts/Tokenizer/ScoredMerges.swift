/// The merges that a SentencePiece vocabulary implies: its file has a score for each token and no list of merges.
enum ScoredMerges {
  /// Every way to make a token of two others, best first: by the token's score, then by the lengths of its two parts.
  ///
  /// The order is that of `transformers`, `tokenization_utils_base.py`, function `generate_merges`, ties included.
  static func merges(tokens: [String], scores: [Float]) -> [(String, String)] {
    struct Merge {
      let score: Float
      let left: String
      let right: String
      let leftCount: Int
      let rightCount: Int
      let order: Int
    }
    var ids: [ExactText: Int] = [:]
    for (id, token) in tokens.enumerated() { ids[ExactText(token)] = id }
    var merges: [Merge] = []
    for (id, token) in tokens.enumerated() {
      let scalars = Array(token.unicodeScalars)
      var splits: [(left: Int, right: Int, cut: Int)] = []
      for cut in scalars.indices.dropFirst() {
        guard let left = ids[ExactText(scalars[..<cut])], let right = ids[ExactText(scalars[cut...])] else { continue }
        splits.append((left, right, cut))
      }
      splits.sort { ($0.left, $0.right) < ($1.left, $1.right) }
      for split in splits {
        merges.append(
          Merge(
            score: scores[id], left: tokens[split.left], right: tokens[split.right], leftCount: split.cut,
            rightCount: scalars.count - split.cut, order: merges.count))
      }
    }
    merges.sort { one, other in
      if one.score != other.score { return one.score > other.score }
      if one.leftCount != other.leftCount { return one.leftCount > other.leftCount }
      if one.rightCount != other.rightCount { return one.rightCount > other.rightCount }
      return one.order < other.order
    }
    return merges.map { ($0.left, $0.right) }
  }
}
