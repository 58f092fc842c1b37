internal import Tensors

/// What a pass would leave of the layers it works on, before it runs: counts
/// alone. Bytes depend on the encoding and come from the checkpoint's writer.
public struct PassProspect: Sendable, Hashable {
  /// Weights of the layers the pass works on.
  public let weights: Int
  /// Weights that would stay; nil where only their values can tell.
  public let kept: Int?
  /// Whether `kept` is certain: tiles cut off at an edge, or a mask that is
  /// there already, can move it a little.
  public let isExact: Bool
  /// Bits a kept weight would take, without scales, averaged over the layers.
  public let bitsPerKeptWeight: Double
  /// Scales that would be stored.
  public let groups: Int

  /// A prospect of these counts.
  public init(weights: Int, kept: Int?, isExact: Bool, bitsPerKeptWeight: Double, groups: Int) {
    self.weights = weights
    self.kept = kept
    self.isExact = isExact
    self.bitsPerKeptWeight = bitsPerKeptWeight
    self.groups = groups
  }

  /// Share of the weights that would go, 0…1; nil as `kept` is.
  public var sparsity: Double? {
    kept.map { weights == 0 ? 0 : 1 - Double($0) / Double(weights) }
  }
}

extension Weights {
  /// Weights no mask has pruned.
  var keptCount: Int { mask?.keptCount ?? values.shape.count }
}

extension Parameter {
  /// Weights no mask has pruned, as far as is known.
  var keptCount: Int { mask?.keptCount ?? shape.count }

  /// Bits a weight takes now: its code on the grid, or its number.
  var bitsPerWeight: Double { grid?.meanCodeBits ?? Double(dtype.byteCount * 8) }
}
