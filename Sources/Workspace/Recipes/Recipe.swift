internal import CheckpointIO
public import Compression

/// The steps that lead from a checkpoint to a revision; `pare run` replays
/// them to the same bytes.
///
/// As text it is YAML:
///
///     # pare recipe
///     pare: 1
///     passes:
///       - prune: {method: magnitude, amount: 0.5, scope: layer}
///         layers: ["block.*.mlp.*"]
///       - quantize: {bits: 4}
///         names: ["transformer.wte.weight"]
///
/// A setting that is not given keeps its default; without `layers` (patterns)
/// or `names` (parameters of the checkpoint) a pass works on all layers.
public struct Recipe: Hashable, Sendable {
  public var steps: [Step]

  public init(steps: [Step] = []) { self.steps = steps }
}

/// What is wrong with a recipe's text, and where.
public struct RecipeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Counted from 1.
  public let line: Int
  /// What is wrong, one sentence without the line.
  public let sentence: String

  init(line: Int, _ sentence: String) {
    self.line = max(line, 1)
    // Names and values are the file's.
    self.sentence = sentence.shown(limit: 1000)
  }

  public var description: String { "line \(line) of the recipe: \(sentence)" }
}
