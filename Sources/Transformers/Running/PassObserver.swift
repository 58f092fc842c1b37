package import Models

/// Watches a `ModelPass`. A type says what it looks at; the rest costs nothing.
package protocol PassObserver: AnyObject {
  /// Inputs of a linear layer, `rows × columns`.
  func add(_ id: TensorID, _ input: UnsafePointer<Float>, rows: Int, columns: Int)
  /// What the experts of a block took of the tokens that are run, one an expert.
  func add(_ experts: @autoclosure () -> [RouterLoad.Expert], of block: Int)
}

extension PassObserver {
  func add(_ id: TensorID, _ input: UnsafePointer<Float>, rows: Int, columns: Int) {}
  func add(_ experts: @autoclosure () -> [RouterLoad.Expert], of block: Int) {}
}
