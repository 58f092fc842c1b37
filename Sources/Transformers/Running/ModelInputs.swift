internal import Models

/// Sums of squares of what goes into a model's linear layers.
final class ModelInputs: PassObserver {
  /// Of one layer.
  struct Sum: Sendable {
    /// One an input.
    var squares: [Double]
    var rows: Int
  }

  private(set) var sums: [TensorID: Sum] = [:]

  /// Adds inputs of a layer, `rows × columns`.
  func add(_ id: TensorID, _ input: UnsafePointer<Float>, rows: Int, columns: Int) {
    var squares = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = Double(unsafe input[row * columns + column])
        squares[column] += value * value
      }
    }
    add([id: Sum(squares: squares, rows: rows)])
  }

  /// Adds those of another part of a text.
  func add(_ others: [TensorID: Sum]) {
    sums.merge(others) { known, other in
      Sum(
        squares: zip(known.squares, other.squares).map { $0 + $1 },
        rows: known.rows + other.rows)
    }
  }
}
