import Bookkeeping
import Modeling

/// Takes down the books of a deep model as they are copied together.
protocol UnrollingSink {
  mutating func advance(to instant: StepClock.Instant)
  /// Opens what the shallow journal has at `template`, for `layer` where it is in a middle one.
  mutating func open(_ template: Int, layer: Int?)
  /// Closes what was opened as number `opening`.
  mutating func close(_ opening: Int)
}

/// A pattern made ready to be copied at any depth.
struct Unrolling {
  /// A part's operations: of the first, a middle and the last layer, or one list of what is in no layer.
  private struct Part {
    let first: [LayerPattern.Operation]
    var middle: [LayerPattern.Operation] = []
    var last: [LayerPattern.Operation] = []
    var isSweep = false
    var isAscending = true
  }

  private let parts: [Part]

  /// - Returns: `nil` if what is outside the middle layers refers to one of them, or to a far one.
  init?(_ pattern: LayerPattern) {
    var parts: [Part] = []
    for part in pattern.parts {
      switch part {
      case .fixed(let stretch):
        guard let operations = pattern.operations(of: stretch, layer: nil) else { return nil }
        parts.append(Part(first: operations))
      case .sweep(let stretches, let isAscending):
        let top = stretches.count - 1
        guard let first = pattern.operations(of: stretches[0], layer: 0),
          let middle = pattern.operations(of: stretches[1], layer: 1),
          let last = pattern.operations(of: stretches[top], layer: top)
        else { return nil }
        parts.append(Part(first: first, middle: middle, last: last, isSweep: true, isAscending: isAscending))
      }
    }
    self.parts = parts
  }

  /// Writes the books of a model of `depth` layers, at least as many as the pattern's own.
  func write<Sink: UnrollingSink>(depth: Int, to sink: inout Sink) {
    // The number of the first opening of each part's stretches, by layer.
    var starts: [[Int]] = []
    starts.reserveCapacity(parts.count)
    var opened = 0
    for part in parts {
      guard part.isSweep else {
        starts.append([opened])
        write(part.first, as: nil, in: depth, &opened, starts, to: &sink)
        continue
      }
      starts.append(Array(repeating: 0, count: depth))
      for turn in 0..<depth {
        let layer = part.isAscending ? turn : depth - 1 - turn
        starts[starts.count - 1][layer] = opened
        let operations = layer == 0 ? part.first : layer == depth - 1 ? part.last : part.middle
        write(operations, as: layer, in: depth, &opened, starts, to: &sink)
      }
    }
  }

  private func write<Sink: UnrollingSink>(
    _ operations: [LayerPattern.Operation], as layer: Int?, in depth: Int, _ opened: inout Int, _ starts: [[Int]],
    to sink: inout Sink
  ) {
    let middle = layer.flatMap { $0 > 0 && $0 < depth - 1 ? $0 : nil }
    for operation in operations {
      switch operation {
      case .advance(let instant): sink.advance(to: instant.unrolled(as: layer, in: depth))
      case .open(let template):
        sink.open(template, layer: middle)
        opened += 1
      case .close(let reference):
        let home =
          switch reference.layer {
          case .none, .first: 0
          case .last: depth - 1
          case .offset(let offset): (layer ?? 0) + offset
          }
        sink.close(starts[reference.part][home] + reference.place)
      }
    }
  }
}

extension StepClock.Instant {
  /// The instant of the shallow clock as the deep one has it: in the layer that is written, or at the same end.
  fileprivate func unrolled(as layer: Int?, in depth: Int) -> StepClock.Instant {
    guard let own = self.layer else { return self }
    return moved(by: (layer ?? (own == 0 ? 0 : depth - 1)) - own)
  }
}
