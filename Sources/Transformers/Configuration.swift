internal import Models

/// What a network computes, apart from its weights.
public struct Configuration: Sendable, Hashable {
  /// The function between the two layers of an MLP.
  public enum Activation: String, Sendable, Hashable {
    /// x·Φ(x), by the error function.
    case gelu
    /// GELU in its tanh form, which GPT-2 uses.
    case geluTanh
  }

  /// Name of the architecture in `ArchitectureCatalog`.
  public var architecture: String
  public var blocks: Int
  /// Attention heads of a block; they divide `width`.
  public var heads: Int
  /// Width of the residual stream.
  public var width: Int
  /// Most tokens the network sees at once.
  public var context: Int
  public var vocabulary: Int
  /// Whether any linear layer or norm of the blocks has a bias.
  public var hasBias: Bool
  public var activation: Activation
  /// ε of every layer norm.
  public var normEpsilon: Float
  /// Whether the head is the token embedding.
  public var isHeadTied: Bool
  /// The token that begins a text, where the checkpoint names it.
  public var firstToken: Int?

  /// Width of one attention head of a GPT.
  public var headWidth: Int { width / heads }
}

extension Configuration {
  /// What measurements and texts need to know of a model.
  init(_ model: Model) {
    let config = model.config
    self.init(
      architecture: config.family, blocks: config.blocks, heads: config.heads,
      width: config.width, context: config.context, vocabulary: config.vocabulary,
      hasBias: false, activation: .gelu, normEpsilon: config.normEpsilon,
      isHeadTied: model.isHeadTied, firstToken: config.firstToken)
  }
}
