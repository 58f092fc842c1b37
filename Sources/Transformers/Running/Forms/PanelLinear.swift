package import Backend
package import Models
package import Tensors

/// Weights in memory, in the order that products of many inputs read: the form of small models, of
/// all that no file has, such as what a pass has made, and of what can only be read as a whole.
package final class PanelLinear: StoredLinear, PanelWeights {
  package let rows: Int
  package let columns: Int
  private let weights: Panels
  /// What one input is multiplied by: the rows that a file has, where that is quicker.
  private let stored: PartRows?
  package let bias: [Float]?

  package init(_ weight: Model.Part, _ bias: Model.Part?, _ precision: Precision) throws {
    let parameter = weight.matrix
    (rows, columns) = (parameter.shape.rows, parameter.shape.columns)
    self.bias = try bias?.values()
    stored = try PartRows(weight).flatMap { $0.multiplies ? $0 : nil }
    weights = unsafe try parameter.tensor().withUnsafeValues { [rows, columns] values in
      guard let start = values.baseAddress, columns > 0 else {
        return Panels(rows, columns: columns, precision.numbers)
      }
      return unsafe Panels(start, count: rows, columns: columns, precision.numbers)
    }
  }

  package var keptByteCount: Int {
    weights.keptByteCount + (stored?.keptByteCount ?? 0)
      + (bias?.count ?? 0) * MemoryLayout<Float>.stride
  }

  package func form(of count: Int) -> InputForm {
    count == 1 && stored != nil ? .row : .panels(weights.numbers)
  }

  package func panels(of group: Int, _ hand: Hand, slot: Int) -> (Panels, rows: Range<Int>) {
    (weights, range(of: group))
  }

  package func multiply(group: Int, _ product: LayerProduct, with hand: Hand) {
    guard case .row(let input) = product.ready else {
      return apply(group: group, product, of: 0..<product.count, with: hand)
    }
    multiply(rows: range(of: group), by: input, product, with: hand)
  }

  package func multiply(
    rows: Range<Int>, by input: RowInput, _ product: LayerProduct, with hand: Hand
  ) {
    stored?.multiply(rows, by: input, product, bias: bias, with: hand)
  }

  package var origin: (any FileBytes)? { stored?.origin }
}
