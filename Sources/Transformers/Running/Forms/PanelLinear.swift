package import Backend
package import Models
internal import Tensors

/// Weights in memory, in the order that products read: the form of small models, of all that no
/// file has, such as what a pass has made, and of what can only be read as a whole.
package final class PanelLinear: StoredLinear, PanelWeights {
  package let rows: Int
  package let columns: Int
  private let weights: Panels
  package let bias: [Float]?

  package init(_ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision) throws {
    let parameter = weight.matrix
    (rows, columns) = (parameter.shape.rows, parameter.shape.columns)
    self.bias = try bias?.values()
    weights = unsafe try parameter.tensor().withUnsafeValues { [rows, columns] values in
      guard let start = values.baseAddress, columns > 0 else {
        return Panels(rows, columns: columns, precision.numbers)
      }
      return unsafe Panels(start, count: rows, columns: columns, precision.numbers)
    }
  }

  package var keptByteCount: Int {
    weights.keptByteCount + (bias?.count ?? 0) * MemoryLayout<Float>.stride
  }

  package func form(of count: Int) -> InputForm { .panels(weights.numbers) }

  package func panels(of group: Int, _ hand: Hand, slot: Int) -> (Panels, rows: Range<Int>) {
    (weights, range(of: group))
  }

  package func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    apply(group: group, product, of: 0..<product.count, with: hand)
  }
}
