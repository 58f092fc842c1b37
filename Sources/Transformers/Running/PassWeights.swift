package import Models

/// Where a pass finds what it multiplies: the weights of a model that is run, or of one that is
/// trained.
package protocol PassWeights: AnyObject {
  /// Whether each thread runs texts of its own; else the threads share each product.
  var isPacked: Bool { get }
  /// Whether layers take bf16 as it is.
  var isHalf: Bool { get }
  /// Whether a block's queries, keys and values are one layer.
  func isJoined(_ block: Int) -> Bool
  /// A linear layer, or queries, keys and values as one. Throws what reading throws.
  func linear(_ id: TensorID, _ precision: Precision) throws -> any LinearWeights
  /// Calls `body` with the values of a norm, or of sinks; with nil where there are none. Throws
  /// what reading throws.
  func withVector<R>(
    _ id: TensorID, _ body: (UnsafeBufferPointer<Float>?) throws -> R
  ) throws -> R
  /// The vectors of tokens, or of positions. Throws what reading throws.
  func embedding(_ role: TensorRole) throws -> any EmbeddingRows
  /// The divisors of rotary frequencies that the file has (`Model.ropeDivisors`).
  func ropeDivisors(length: Int, original: Int?) throws -> [Float]?
  /// Throws when a file that layers are read from is no longer the one that was opened: what was
  /// multiplied since may be 0.
  func check() throws
}

extension PassWeights {
  package func check() throws {}
}

/// The rows of an embedding of tokens or positions.
package protocol EmbeddingRows {
  /// Writes the vector of a token or position, `width` values.
  func read(_ row: Int, width: Int, into target: UnsafeMutablePointer<Float>)
}
