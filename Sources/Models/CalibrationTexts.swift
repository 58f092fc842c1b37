/// Texts that a model is run on to see what goes into its layers, as tokens.
public protocol CalibrationTexts: Sendable {
  /// The first `count` tokens of a file, or all where it has fewer; where `path` is empty, of a text
  /// that the original writes itself. Throws what reading, or running the original, throws; a text
  /// that was stopped throws `shouldStop`'s reason.
  func tokens(
    of path: String, count: Int, threads: Int, shouldStop: @escaping @Sendable () -> Bool
  ) throws -> [Int]

  /// What tells the content of a file from others; empty where `path` is. Throws what reading throws.
  func mark(of path: String) throws -> String
}
