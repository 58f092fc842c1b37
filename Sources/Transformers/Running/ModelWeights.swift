internal import Backend
internal import Models
internal import Synchronization
internal import Tensors

/// A model's weights, ready to run. Linear layers are read when they are first used, and kept
/// in the form they are stored in; those of a small model in panels.
final class ModelWeights: PassWeights, Sendable {
  /// Models of fewer weights are small: as f32 they take 64 MB at most.
  private static let small = 1 << 24

  /// A layer as it is kept.
  private struct Key: Hashable {
    let id: TensorID
    let precision: Precision
  }

  let model: Model
  /// Whether each thread runs texts of its own, from weights in panels.
  let isPacked: Bool
  private let linear: Mutex<[Key: any StoredLinear]>
  /// The bytes of one layer for each set of files.
  private let origins: Mutex<[FileKey: any FileBytes]>
  private let vectors: Mutex<[TensorID: [Float]]>
  private let embeddings = Mutex<[TensorRole: KnownRows]>([:])

  /// What `other` has read of the same tensors is shared with it.
  /// `packs` says whether it counts as small.
  init(_ model: Model, sharing other: ModelWeights?, packs: Bool?) {
    self.model = model
    isPacked = packs ?? (model.weightCount < Self.small)
    func isSame(_ id: TensorID) -> Bool {
      switch (model.part(id), other?.model.part(id)) {
      case (nil, nil): true
      case (let own?, let others?): own.isIdentical(to: others)
      default: false
      }
    }
    func isKept(_ id: TensorID) -> Bool { isSame(id) && isSame(id.bias) }
    let isAlike = other?.isPacked == isPacked
    let kept = other?.linear.withLock { $0.filter { isAlike && isKept($0.key.id) } } ?? [:]
    linear = Mutex(kept)
    origins = Mutex(
      Dictionary(
        kept.values.compactMap(\.origin).map { ($0.files, $0) },
        uniquingKeysWith: { first, _ in first }))
    vectors = Mutex(other?.vectors.withLock { $0.filter { isKept($0.key) } } ?? [:])
  }

  /// Reads and packs what a small model's passes will use, several layers at once.
  func prepare(_ precision: Precision, crew: Crew) throws {
    guard isPacked else { return }
    let ids = model.linearLayers
    let failure = Mutex<(any Error)?>(nil)
    crew.run(ids.count) { _, index in
      do { _ = try linear(ids[index], precision) } catch { failure.withLock { $0 = error } }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// A linear layer, or queries, keys and values as one. Throws what reading throws.
  func linear(_ id: TensorID, _ precision: Precision) throws -> any LinearWeights {
    let key = Key(id: id, precision: precision)
    if let known = linear.withLock({ $0[key] }) { return known }
    if let known = rows(of: id) {
      let ready = RowLinear(known, precision)
      linear.withLock { $0[key] = ready }
      return ready
    }
    guard let weight = model.part(id) else {
      throw NetworkError.notRunnable("\(id.role.rawValue) is missing")
    }
    let bias = model.part(id.bias)
    let ready: any StoredLinear =
      try isPacked
      ? PanelLinear(weight, bias, precision) : LinearCatalog.layer(weight, bias, precision)
    linear.withLock { $0[key] = ready }
    if let origin = ready.origin { origins.withLock { $0[origin.files] = origin } }
    return ready
  }

  func check() throws {
    for origin in origins.withLock({ $0.values }) { try origin.check() }
  }

  /// A layer that is read by rows already, for products of other numbers.
  private func rows(of id: TensorID) -> RowLinear? {
    for precision in Precision.allCases {
      let known = linear.withLock { $0[Key(id: id, precision: precision)] }
      if let rows = known as? RowLinear { return rows }
    }
    return nil
  }

  var isHalf: Bool { false }
  func isJoined(_ block: Int) -> Bool { model.joined(block) != nil }

  func withVector<R>(
    _ id: TensorID, _ body: (UnsafeBufferPointer<Float>?) throws -> R
  ) throws -> R {
    guard let values = try vector(id) else { return try body(nil) }
    return try unsafe values.withUnsafeBufferPointer { try unsafe body($0) }
  }

  func ropeDivisors(length: Int, original: Int?) throws -> [Float]? {
    try model.ropeDivisors(length: length, original: original)
  }

  private func vector(_ id: TensorID) throws -> [Float]? {
    if let known = vectors.withLock({ $0[id] }) { return known }
    guard let values = try model[id]?.values() else { return nil }
    vectors.withLock { $0[id] = values }
    return values
  }

  /// The vectors of tokens, or of positions. Throws what reading throws.
  func embedding(_ role: TensorRole) throws -> any EmbeddingRows {
    if let known = embeddings.withLock({ $0[role] }) { return known }
    guard let part = model[TensorID(role)] else {
      throw NetworkError.notRunnable("its \(role.rawValue) is missing")
    }
    // A tied head has read it already.
    let isHead = role == .tokenEmbedding && model.isHeadTied && !isPacked
    let head = isHead ? try linear(TensorID(.head), .f32) as? RowLinear : nil
    let rows: KnownRows =
      if !isPacked, let stored = try head?.weights ?? PartRows(part) { .stored(stored) } else {
        .whole(try part.parameter.tensor())
      }
    embeddings.withLock { $0[role] = rows }
    return rows
  }

  /// Bytes of memory that all that was read so far keeps; those of a mapped file are not among
  /// them.
  var keptByteCount: Int {
    let layers = linear.withLock { $0.values.reduce(0) { $0 + $1.keptByteCount } }
    let values = vectors.withLock { $0.values.reduce(0) { $0 + $1.count } }
    let embedding = embeddings.withLock { known in
      known.reduce(0) { sum, entry in
        switch entry.value {
        // The head's.
        case .stored where entry.key == .tokenEmbedding && model.isHeadTied: sum
        case .stored(let rows): sum + rows.keptByteCount
        case .whole(let tensor): sum + tensor.shape.count * MemoryLayout<Float>.stride
        }
      }
    }
    return layers + values * MemoryLayout<Float>.stride + embedding
  }
}

/// The rows of an embedding of tokens or positions.
private enum KnownRows: EmbeddingRows, Sendable {
  case stored(PartRows)
  /// Of a small model, or an embedding that no file has, or has as a whole only.
  case whole(Tensor)

  func read(_ token: Int, width: Int, into row: UnsafeMutablePointer<Float>) {
    switch self {
    case .stored(let rows): unsafe rows.read(token..<token + 1, into: row)
    case .whole(let tensor):
      unsafe tensor.withUnsafeValues {
        unsafe row.update(from: $0.baseAddress.unsafelyUnwrapped + token * width, count: width)
      }
    }
  }
}
