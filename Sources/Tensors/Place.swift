/// Where a tensor stands in the model.
public struct Place: Sendable, Hashable, Codable {
  /// What a tensor is for; passes touch `linear` unless told otherwise.
  public enum Role: String, Sendable, Hashable, Codable {
    /// The weight matrix of a linear layer inside a block, `[out, in]`.
    case linear
    /// A matrix inside a block that is no linear layer of the language model: one of a vision
    /// or audio tower beside it, a convolution, a factor of an adapter. Passes work on it when
    /// it is named.
    case auxiliary
    /// The weight matrix that scores a block's experts, `[experts, in]`.
    case router
    case bias, norm, embedding, head
    /// A constant that is no weight, such as a causal mask.
    case buffer
    /// Codes of a layout that Pare cannot decode: they encode weights but are not weights.
    case codes
    /// Optimizer state: listed, never shown as weights.
    case optimizer
    case other
  }

  /// Index of the transformer block; nil outside the blocks.
  public var block: Int?
  /// Layer within the block, `mlp.c_fc`, or the tensor's name outside blocks.
  public var layer: String
  public var role: Role

  public init(block: Int?, layer: String, role: Role) {
    self.block = block
    self.layer = layer
    self.role = role
  }

  /// What `--layers` patterns match: `block.2.mlp.c_fc`, or `layer` outside
  /// the blocks.
  public var path: String { block.map { "block.\($0).\(layer)" } ?? layer }
}
