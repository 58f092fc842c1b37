public import Tensors

/// A tensor of a model that is to be made.
public struct TensorSpec: Sendable, Hashable {
  public let id: TensorID
  public let name: String
  public let shape: Shape
  public let place: Place
}

extension ModelCatalog {
  /// The tensors of a new GPT under nanoGPT's names, in its order: without biases, the head tied
  /// to the embedding, an MLP four times as wide as the residual stream.
  public static func newGPT(
    blocks: Int, width: Int, context: Int, vocabulary: Int
  ) -> [TensorSpec] {
    let names = GPT2.names(.huggingFace)
    func outside(_ role: TensorRole, _ shape: Shape, _ kind: Place.Role) -> TensorSpec {
      let name = "\(GPT2.newRoot)\(names.outside[role]?.first ?? "").weight"
      return TensorSpec(
        id: TensorID(role), name: name, shape: shape,
        place: Place(block: nil, layer: name, role: kind))
    }
    func inside(
      _ block: Int, _ role: TensorRole, _ shape: Shape, _ kind: Place.Role
    ) -> TensorSpec {
      let layer = names.layers[role]?.first ?? ""
      return TensorSpec(
        id: TensorID(role, block: block),
        name: "\(GPT2.newRoot)\(names.stack)\(block).\(layer).weight", shape: shape,
        place: Place(block: block, layer: layer, role: kind))
    }
    let parts = (0..<blocks).flatMap { block in
      [
        inside(block, .attentionNorm, [width], .norm),
        inside(block, .queryKeyValue, [3 * width, width], .linear),
        inside(block, .attentionOutput, [width, width], .linear),
        inside(block, .mlpNorm, [width], .norm),
        inside(block, .up, [4 * width, width], .linear),
        inside(block, .down, [width, 4 * width], .linear),
      ]
    }
    return [
      outside(.tokenEmbedding, [vocabulary, width], .embedding),
      outside(.positionEmbedding, [context, width], .embedding),
    ] + parts + [outside(.finalNorm, [width], .norm)]
  }

  /// The second name of a new GPT's token embedding, and its first, as safetensors.torch tells
  /// of tensors that are shared.
  public static var newGPTSharedNames: [String: String] {
    let names = GPT2.names(.huggingFace)
    return [
      "\(names.outside[.head]?.first ?? "").weight":
        "\(GPT2.newRoot)\(names.outside[.tokenEmbedding]?.first ?? "").weight"
    ]
  }
}

extension GPT2 {
  /// What stands before the names.
  fileprivate static let newRoot = "transformer."
}
