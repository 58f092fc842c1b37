internal import Models
internal import Tensors

/// Sums of squares of what goes into a model's linear layers.
final class ModelInputs: PassObserver {
  private(set) var sums: [TensorID: InputSums] = [:]

  /// Adds inputs of a layer, `rows × columns`.
  func add(_ id: TensorID, _ input: UnsafePointer<Float>, rows: Int, columns: Int) {
    var squares = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = Double(unsafe input[row * columns + column])
        squares[column] += value * value
      }
    }
    add([id: InputSums(squares: squares, rows: rows)])
  }

  /// Adds those of another part of a text.
  func add(_ others: [TensorID: InputSums]) { sums.merge(others, uniquingKeysWith: +) }
}
