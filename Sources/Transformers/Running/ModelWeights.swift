internal import CKernels
internal import Models
internal import Synchronization
internal import Tensors

/// A model's weights, ready to run. Linear layers are read when they are first used, and kept
/// in the form they are stored in.
final class ModelWeights: Sendable {
  let model: Model
  private let linear: Mutex<[TensorID: any LinearWeights]>
  private let vectors: Mutex<[TensorID: [Float]]>
  private let embedding = Mutex<EmbeddingRows?>(nil)

  /// What `other` has read of the same tensors is shared with it.
  init(_ model: Model, sharing other: ModelWeights?) {
    self.model = model
    func same<Value>(_ known: [TensorID: Value]) -> [TensorID: Value] {
      guard let other else { return [:] }
      return known.filter { id, _ in
        func isSame(_ id: TensorID) -> Bool {
          switch (model[id], other.model[id]) {
          case (nil, nil): true
          case (let own?, let others?): own.isIdentical(to: others)
          default: false
          }
        }
        return isSame(id) && isSame(id.bias)
      }
    }
    let known = same(other?.linear.withLock { $0 } ?? [:])
    linear = Mutex(known)
    vectors = Mutex(same(other?.vectors.withLock { $0 } ?? [:]))
  }

  /// A linear layer. Throws what reading throws.
  func linear(_ id: TensorID) throws -> any LinearWeights {
    if let known = linear.withLock({ $0[id] }) { return known }
    guard let weight = model[id] else {
      throw NetworkError.notRunnable("\(id.role.rawValue) is missing")
    }
    let bias = model[id.bias]
    let ready: any LinearWeights =
      try BlockLinear(weight, bias) ?? PackedLinear(weight, bias)
    linear.withLock { $0[id] = ready }
    return ready
  }

  /// The values of a norm, or of sinks; nil where there are none. Throws what reading throws.
  func vector(_ id: TensorID) throws -> [Float]? {
    if let known = vectors.withLock({ $0[id] }) { return known }
    guard let values = try model[id]?.values() else { return nil }
    vectors.withLock { $0[id] = values }
    return values
  }

  /// Throws what reading throws.
  func embeddingRows() throws -> EmbeddingRows {
    if let known = embedding.withLock({ $0 }) { return known }
    guard let part = model[TensorID(.tokenEmbedding)] else {
      throw NetworkError.notRunnable("its token embedding is missing")
    }
    // A tied head has read it already.
    let blocks =
      model.isHeadTied
      ? try linear(TensorID(.head)) as? BlockLinear : try BlockLinear(part, nil)
    let rows: EmbeddingRows =
      if let blocks { .blocks(blocks) } else { .dense(try part.parameter.tensor()) }
    embedding.withLock { $0 = rows }
    return rows
  }
}

/// The rows of a token embedding.
enum EmbeddingRows: Sendable {
  case dense(Tensor)
  case blocks(BlockLinear)

  func read(_ token: Int, width: Int, into row: UnsafeMutablePointer<Float>) {
    switch self {
    case .dense(let tensor):
      unsafe tensor.withUnsafeValues {
        unsafe row.update(from: $0.baseAddress.unsafelyUnwrapped + token * width, count: width)
      }
    case .blocks(let blocks): unsafe blocks.read(token..<token + 1, into: row)
    }
  }
}
