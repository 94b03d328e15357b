/// A tensor's name with the numbers in it that count layers left open.
///
/// Which numbers those are is seen by comparing the names of one tensor in two neighboring layers: they are the ones
/// that go up by one. Numbers that stay, but go up by one where the model has a layer more, count from the top.
struct NumberedName {
  private enum Piece {
    case text(String)
    /// A number so far above the layer's.
    case layer(offset: Int)
    /// A number so far above the last layer's.
    case top(offset: Int)
  }

  private let pieces: [Piece]

  /// - Parameters:
  ///   - name: the tensor's in `layer`.
  ///   - next: the same tensor's one layer further.
  ///   - shallower: the same tensor's in `layer` of a model that has a layer less, if the two are of one depth.
  ///   - top: the last layer of the model that `name` is from.
  /// - Returns: `nil` if they differ in anything else.
  init?(_ name: String, layer: Int, next: String, shallower: String? = nil, top: Int = 0) {
    let (ours, theirs) = (NumberedName.split(name), NumberedName.split(next))
    let less = shallower.map(NumberedName.split) ?? ours
    guard ours.count == theirs.count, ours.count == less.count else { return nil }
    var pieces: [Piece] = []
    var text = ""
    for (place, (one, other)) in zip(ours, theirs).enumerated() {
      if one == other {
        if one == less[place] {
          text += one
          continue
        }
        guard let number = Int(one), let preceding = Int(less[place]), preceding == number - 1 else { return nil }
        pieces += [.text(text), .top(offset: number - top)]
        text = ""
        continue
      }
      guard let number = Int(one), let following = Int(other), following == number + 1 else { return nil }
      pieces += [.text(text), .layer(offset: number - layer)]
      text = ""
    }
    self.pieces = pieces + [.text(text)]
  }

  /// The name in a layer of a model whose last layer is `top`.
  func text(in layer: Int, top: Int) -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .text(let part): text += part
      case .layer(let offset): text += String(layer + offset)
      case .top(let offset): text += String(top + offset)
      }
    }
    return text
  }

  /// The name in runs of digits and of what is none.
  private static func split(_ name: String) -> [Substring] {
    var runs: [Substring] = []
    var start = name.startIndex
    var wasDigit: Bool?
    for index in name.utf8.indices {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name.utf8[index])
      if let wasDigit, isDigit != wasDigit {
        runs.append(name[start..<index])
        start = index
      }
      wasDigit = isDigit
    }
    return runs + [name[start...]]
  }
}
