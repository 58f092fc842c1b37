public import Compression

/// What a step would do, computed before it is run.
///
/// It is posted twice under one ticket: first with the layer on screen, then
/// with the totals of the whole model as well.
public struct Preview: Sendable {
  /// Which request it answers; only the last one's answers are delivered.
  public let ticket: Int
  public let step: Step
  /// The revision the step would be applied to.
  public let revision: RevisionID
  /// The layer on screen after the step; nil when none was asked for or the
  /// step leaves it as it is.
  public let layer: LayerSnapshot?
  /// The whole model after the step; nil in the first of the two.
  public let whole: PreviewTotals?
}

/// Figures of the whole model after a step.
public struct PreviewTotals: Hashable, Sendable {
  /// What a step does to one layer.
  public struct Layer: Hashable, Sendable {
    /// Share of its weights that would be zero, 0…1.
    public let sparsity: Double
    /// ‖W − W′‖ / ‖W‖ against the original; nil of a layer that gets another shape.
    public let error: Double?
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
}
