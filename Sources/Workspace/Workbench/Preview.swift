public import Compression

/// What a step would do, computed before it is run.
///
/// Under one ticket it is posted with more each time: the totals of the whole model at once,
/// where the layers were counted before; the layer on screen; the totals once more, where they
/// were an estimate.
public struct Preview: Sendable {
  /// Which request it answers; only the last one's answers are delivered.
  public let ticket: Int
  public let step: Step
  /// The revision the step would be applied to.
  public let revision: RevisionID
  /// The layer on screen after the step; nil before it is made, and when none was asked for.
  public var layer: LayerSnapshot?
  /// The whole model after the step; nil until it is known.
  public let whole: PreviewTotals?
  /// Whether nothing more comes under this ticket.
  public let isDone: Bool
}

/// Figures of the whole model after a step.
public struct PreviewTotals: Hashable, Sendable {
  /// What a step does to one layer.
  public struct Layer: Hashable, Sendable {
    /// Share of its weights that would be zero, 0…1.
    public let sparsity: Double
    /// ‖W − W′‖ / ‖W‖ against the original; nil of a layer that gets another shape.
    public let error: Double?
    /// Bytes it would take in the packed file; nil if it is not in it.
    public let packedBytes: Int?
    /// Its weights, zeros counted.
    public let weights: Int

    /// Bits of the packed file for each of them.
    public var bitsPerWeight: Double? {
      packedBytes.map { weights == 0 ? 0 : Double($0 * 8) / Double(weights) }
    }
  }

  /// Weights of the linear layers that would not be zero.
  public let keptWeights: Int
  /// Share of the linear layers' weights that would be zero, 0…1.
  public let sparsity: Double
  /// ‖W − W′‖ / ‖W‖ over all linear layers, against the original; nil where some have other
  /// shapes.
  public let layerError: Double?
  /// Bytes of the packed file, header included.
  public let fileBytes: Int
  /// How many layers the step works on.
  public let layerCount: Int
  /// By the parameter's name in the checkpoint.
  public let layers: [String: Layer]
  /// Whether weights, sparsities and bytes are what the step would make; else an estimate,
  /// which the exact ones follow.
  public private(set) var isExact: Bool

  /// The same as an estimate.
  var estimated: PreviewTotals {
    var estimate = self
    estimate.isExact = false
    return estimate
  }
}
