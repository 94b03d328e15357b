/// A share of a grid: every so many-th point, so that shards take about as long.
public struct SweepShard: Hashable, Sendable {
  /// From 1 to ``count``.
  public let number: Int
  public let count: Int

  public static let whole = SweepShard()

  private init() { (number, count) = (1, 1) }

  public init(number: Int, count: Int) throws(SweepError) {
    guard count >= 1, (1...count).contains(number) else { throw .badShard("\(number)/\(count)") }
    self.number = number
    self.count = count
  }

  /// Reads `2/8`: the second of eight.
  public init(parsing text: String) throws(SweepError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else { throw .badShard(text) }
    try self.init(number: number, count: count)
  }

  /// The shard of a Slurm array's task, from its environment; `nil` outside of an array.
  ///
  /// Arrays may be numbered from anywhere and in steps (`--array=0-14:2`): `SLURM_ARRAY_TASK_MIN` and `_STEP` say how.
  public init?(slurm environment: [String: String]) throws(SweepError) {
    guard let task = environment["SLURM_ARRAY_TASK_ID"], let count = environment["SLURM_ARRAY_TASK_COUNT"] else {
      return nil
    }
    let first = environment["SLURM_ARRAY_TASK_MIN"] ?? "1"
    let step = environment["SLURM_ARRAY_TASK_STEP"] ?? "1"
    guard let task = Int(task), let count = Int(count), let first = Int(first), let step = Int(step), step >= 1,
      (task - first).isMultiple(of: step)
    else { throw .badShard("of SLURM_ARRAY_TASK_ID \(task) of \(count)") }
    try self.init(number: (task - first) / step + 1, count: count)
  }

  public func contains(_ place: Int) -> Bool { place % count == number - 1 }
}
