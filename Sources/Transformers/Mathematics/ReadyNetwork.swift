internal import Synchronization
internal import Tensors

/// A network whose weights are in memory, in the order products read them.
struct ReadyNetwork: Sendable {
  struct Norm: Sendable {
    let weight: Tensor?
    let bias: Tensor?

    init(_ norm: Blueprint.Norm) throws {
      weight = try norm.weight?.tensor()
      bias = try norm.bias?.tensor()
    }
  }

  struct Block: Sendable {
    let attentionNorm: Norm
    let attention: PackedWeights
    let attentionOutput: PackedWeights
    let mlpNorm: Norm
    let mlp: PackedWeights
    let mlpOutput: PackedWeights
    let shape: BlockShape
  }

  let configuration: Configuration
  let precision: Precision
  let tokenEmbedding: Tensor
  let positionEmbedding: Tensor
  let blocks: [Block]
  let finalNorm: Norm
  let head: PackedWeights
  /// Widest hidden layer of the blocks' MLPs.
  let hiddenWidth: Int
}

/// A network's linear layers, kept so that a revision can take over those it
/// did not change.
struct LinearLayers: Sendable {
  struct Block: Sendable {
    let attention: Linear
    let attentionOutput: Linear
    let mlp: Linear
    let mlpOutput: Linear

    var all: [Linear] { [attention, attentionOutput, mlp, mlpOutput] }
  }

  let blocks: [Block]
  let head: Linear

  /// Layers of `other` are shared where the parameters are the same.
  init(_ blueprint: Blueprint, sharing other: LinearLayers?) {
    func layer(_ source: Blueprint.Layer, _ known: Linear?) -> Linear {
      if let known, known.isIdentical(to: source) { return known }
      return Linear(source)
    }
    blocks = blueprint.blocks.enumerated().map { index, block in
      let known = other.flatMap { index < $0.blocks.count ? $0.blocks[index] : nil }
      return Block(
        attention: layer(block.attention, known?.attention),
        attentionOutput: layer(block.attentionOutput, known?.attentionOutput),
        mlp: layer(block.mlp, known?.mlp),
        mlpOutput: layer(block.mlpOutput, known?.mlpOutput))
    }
    head = layer(Blueprint.Layer(weight: blueprint.head, bias: nil), other?.head)
  }

  var all: [Linear] { blocks.flatMap(\.all) + [head] }
}

extension ReadyNetwork {
  /// Reads and packs what is not packed yet, several layers at once.
  init(
    _ blueprint: Blueprint, _ layers: LinearLayers, _ precision: Precision, crew: Crew
  ) throws {
    try ReadyNetwork.pack(layers.all, precision, crew: crew)
    configuration = blueprint.configuration
    self.precision = precision
    tokenEmbedding = try blueprint.tokenEmbedding.tensor()
    positionEmbedding = try blueprint.positionEmbedding.tensor()
    finalNorm = try Norm(blueprint.finalNorm)
    head = try layers.head.weights(precision)
    hiddenWidth = layers.blocks.map(\.mlp.rows).max() ?? 0
    blocks = try zip(blueprint.blocks, layers.blocks).map { source, linear in
      Block(
        attentionNorm: try Norm(source.attentionNorm),
        attention: try linear.attention.weights(precision),
        attentionOutput: try linear.attentionOutput.weights(precision),
        mlpNorm: try Norm(source.mlpNorm),
        mlp: try linear.mlp.weights(precision),
        mlpOutput: try linear.mlpOutput.weights(precision), shape: source.shape)
    }
  }

  private static func pack(_ layers: [Linear], _ precision: Precision, crew: Crew) throws {
    let failure = Mutex<(any Error)?>(nil)
    crew.run(layers.count) { _, index in
      do {
        _ = try layers[index].weights(precision)
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
