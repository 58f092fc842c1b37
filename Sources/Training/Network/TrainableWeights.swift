internal import Backend
internal import Models
internal import Tensors
internal import Transformers

/// The tensors of a model that is trained, each in its place.
final class TrainableWeights: PassWeights {
  /// What is trained, in the order of its use; a tied head is there once.
  private(set) var tensors: [TrainableTensor] = []
  private(set) var layers: [TensorID: TrainableLayer] = [:]
  /// Norms and their biases.
  private(set) var vectors: [TensorID: TrainableTensor] = [:]
  /// Linear layers of each block, in the order of their use.
  let roles: [[TensorRole]]
  private var embeddings: [TensorRole: TrainableTensor] = [:]
  private let model: Model
  let isHalf: Bool

  var isPacked: Bool { true }

  /// Copies the weights. Throws what reading them throws.
  init(_ model: Model, isHalf: Bool) throws {
    self.model = model
    self.isHalf = isHalf
    let config = model.config
    let steps = (0..<config.blocks).map { block in
      Operation.list(config, block, isJoined: model.joined(block) != nil, isKept: true)
    }
    roles = steps.map { $0.compactMap(\.layer) }
    for role in [TensorRole.tokenEmbedding, .positionEmbedding] {
      embeddings[role] = try tensor(TensorID(role))
    }
    for block in 0..<config.blocks {
      for step in steps[block] {
        switch step {
        case .step(.norm(let role, _, _)), .step(.headNorm(let role, _)):
          try addVector(TensorID(role, block: block))
        default:
          guard let role = step.layer else { continue }
          let id = TensorID(role, block: block)
          guard let weight = try tensor(id) else {
            throw NetworkError.notRunnable("\(role.rawValue) of block \(block) is missing")
          }
          layers[id] = TrainableLayer(weight, bias: try tensor(id.bias), isHalf: isHalf)
        }
      }
    }
    try addVector(TensorID(.finalNorm))
    let head = TensorID(.head)
    guard
      let weight = try model.isHeadTied ? embeddings[.tokenEmbedding] : tensor(head)
    else { throw NetworkError.notRunnable("the head is missing") }
    layers[head] = TrainableLayer(weight, bias: try tensor(head.bias), isHalf: isHalf)
  }

  private func tensor(_ id: TensorID) throws -> TrainableTensor? {
    guard let part = model.part(id) else { return nil }
    let tensor = try TrainableTensor(part, id, index: tensors.count)
    tensors.append(tensor)
    return tensor
  }

  private func addVector(_ id: TensorID) throws {
    for id in [id, id.bias] { vectors[id] = try tensor(id) }
  }

  /// A layer in place of another one of the same role.
  func replace(_ id: TensorID, _ layer: TrainableLayer) {
    layers[id] = layer
    tensors[layer.weight.index] = layer.weight
  }

  /// The layers of the blocks, in the order of their use.
  var blockLayers: [TrainableLayer] {
    roles.indices.flatMap { blockLayers($0).map(\.layer) }
  }

  func blockLayers(_ block: Int) -> [(id: TensorID, layer: TrainableLayer)] {
    roles[block].compactMap { role in
      let id = TensorID(role, block: block)
      return layers[id].map { (id, $0) }
    }
  }

  func isJoined(_ block: Int) -> Bool { roles[block].contains(.queryKeyValue) }

  func linear(_ id: TensorID, _ precision: Precision) throws -> any LinearWeights {
    try layer(id)
  }

  func layer(_ id: TensorID) throws -> TrainableLayer {
    guard let layer = layers[id] else {
      throw NetworkError.notRunnable("\(id.role.rawValue) is missing")
    }
    return layer
  }

  func withVector<R>(
    _ id: TensorID, _ body: (UnsafeBufferPointer<Float>?) throws -> R
  ) throws -> R {
    guard let vector = vectors[id] else { return try body(nil) }
    return try unsafe body(UnsafeBufferPointer(vector.values))
  }

  func embedding(_ role: TensorRole) throws -> any EmbeddingRows {
    guard let tensor = embeddings[role] else {
      throw NetworkError.notRunnable("its \(role.rawValue) is missing")
    }
    return tensor
  }

  /// The vectors of tokens or positions; nil if the model has no such vectors.
  func rows(_ role: TensorRole) -> TrainableTensor? { embeddings[role] }

  func ropeDivisors(length: Int, original: Int?) throws -> [Float]? {
    try model.ropeDivisors(length: length, original: original)
  }
}

extension Operation {
  /// The linear layer it is; nil for others.
  var layer: TensorRole? {
    switch self {
    case .attentionInput: .queryKeyValue
    case .step(.linear(let role, _, _)), .activated(let role, _), .adding(let role, _): role
    default: nil
    }
  }
}

extension TrainableTensor: EmbeddingRows {
  package func read(_ row: Int, width: Int, into target: UnsafeMutablePointer<Float>) {
    unsafe target.update(from: start + row * width, count: width)
  }
}
