/// Floating-point operations of one step, by operation and phase.
public struct WorkSheet: Sendable {
  /// Which part of a step an operation belongs to.
  public enum Phase: String, CaseIterable, Hashable, Sendable, Codable {
    case forward, recompute, backward, optimizer
  }

  /// What the weights of an operation are to the method: only trained weights cost a weight gradient.
  public enum Share: String, CaseIterable, Hashable, Sendable, Codable {
    case frozen, trained, weightless
  }

  public struct Line: Hashable, Sendable {
    public let operation: String
    public let phase: Phase
    public let share: Share
    /// Whether a matrix product does it (and counts against the machine's product ceiling).
    public let isMatrixProduct: Bool
    public let flops: FLOPs

    public init(operation: String, phase: Phase, share: Share, isMatrixProduct: Bool, flops: FLOPs) {
      self.operation = operation
      self.phase = phase
      self.share = share
      self.isMatrixProduct = isMatrixProduct
      self.flops = flops
    }
  }

  public private(set) var lines: [Line] = []

  public init() {}

  public mutating func record(_ line: Line) { lines.append(line) }

  public var total: FLOPs { sum { _ in true } }

  public func total(_ phase: Phase) -> FLOPs { sum { $0.phase == phase } }

  public func total(_ phase: Phase, _ share: Share) -> FLOPs { sum { $0.phase == phase && $0.share == share } }

  public var matrixProducts: FLOPs { sum(where: \.isMatrixProduct) }

  private func sum(where isCounted: (Line) -> Bool) -> FLOPs {
    lines.reduce(.zero) { isCounted($1) ? $0 + $1.flops : $0 }
  }
}
