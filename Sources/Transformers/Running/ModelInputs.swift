internal import Models

/// Sums of squares of what goes into a model's linear layers.
final class ModelInputs {
  private(set) var sums: [TensorID: (squares: [Double], rows: Int)] = [:]

  /// Adds inputs of a layer, `rows × columns`.
  func add(_ id: TensorID, _ input: UnsafePointer<Float>, rows: Int, columns: Int) {
    var entry = sums[id] ?? ([Double](repeating: 0, count: columns), 0)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = Double(unsafe input[row * columns + column])
        entry.squares[column] += value * value
      }
    }
    entry.rows += rows
    sums[id] = entry
  }
}
