internal import Models
public import Tensors

/// All that a view needs of one layer of one revision. Weights are shared, not
/// copied.
public struct LayerSnapshot: Sendable {
  /// The parameter's name in the checkpoint.
  public let name: String
  public let revision: RevisionID
  public let shape: Shape
  public let dtype: DType
  /// The format of the file's blocks whose codes kept weights have.
  public var blocks: BlockFormat? { statistics.blocks }
  public let place: Place
  /// The weights, row by row.
  public let tensor: Tensor
  /// Which weights are not zero.
  public let mask: Mask
  /// Where a quantizer has put the weights, if one has.
  public let grid: QuantizationGrid?
  public let statistics: LayerStatistics
}

extension ModelState {
  /// A layer of the checkpoint as the model has it; without rows and columns where it is gone.
  func layer(_ original: Parameter) -> Parameter {
    parameters[original.name]
      ?? Parameter(
        name: original.name, shape: [0, 0], dtype: original.dtype, place: original.place,
        load: { Tensor([0, 0], []) })
  }
}
