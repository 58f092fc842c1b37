package import Backend
package import Models
internal import Tensors

/// Weights as f32 or bf16, in the order of the matrix library: the form of small models,
/// of all that no file has, such as what a pass has made, and of what can only be read as a
/// whole.
package final class PackedLinear: StoredLinear {
  private let weights: PackedWeights
  package var rows: Int { weights.rows }
  package var columns: Int { weights.columns }
  package var groupCount: Int { weights.groupCount }
  package var keptByteCount: Int {
    rows * columns * (isHalf ? 2 : 4)
  }

  package var isHalf: Bool { weights.isHalf }
  package var activates: Bool { true }

  package init(
    _ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision, stride: Int
  ) throws {
    weights = try PackedWeights(
      weight.matrix, bias: bias?.vector, isHalf: precision == .bf16, stride: stride)
  }

  package func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    weights.apply(group: group, product, with: hand.engine)
  }
}
