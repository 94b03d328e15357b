import ArgumentParser

/// Where the weights of a checkpoint are while a model trains on top of them.
struct WeightMappingOptions: ParsableArguments {
  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      """
      Read frozen weights where they lie in the checkpoint's file, if it has them in the recipe's format. (default: yes, \
      unless there is a --limit)
      """,
      discussion: """
        Their pages are then the file's: there at once, shared with every other program that reads the \
        file, and taken back by the system before anything else when memory runs short. A --limit does \
        not count them.
        """))
  var mapWeights: Bool?

  /// What was asked for, or what is best: a bound on all memory shall bound the weights too.
  func mapsWeights(isLimited: Bool) -> Bool { mapWeights ?? !isLimited }
}
