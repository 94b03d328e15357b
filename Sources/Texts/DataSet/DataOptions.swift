/// How a data file becomes training examples.
public struct DataOptions: Hashable, Sendable {
  /// What is done about a line that cannot be used.
  public enum BadLines: String, Hashable, Sendable, CaseIterable {
    /// It is left out and reported.
    case skip
    /// Reading ends with an error that names it.
    case refuse
  }

  /// What is done about an example that was there before.
  public enum Duplicates: String, Hashable, Sendable, CaseIterable {
    /// It stays, and is reported.
    case keep
    /// It is left out, and is reported.
    case drop
  }

  /// The loss is taken on completions only, and not on what the model is asked.
  public var completionOnly = true
  /// The longest example, in tokens: what is beyond is cut off at the end, and nil cuts nothing.
  public var maximumLength: Int?
  public var badLines = BadLines.refuse
  public var duplicates = Duplicates.keep

  public init() {}
}
