public import Tensors

/// What a language model computes, apart from its weights: a decoder of blocks that each add
/// attention and an MLP, or experts, to the residual stream.
public struct ModelConfig: Sendable, Hashable {
  /// Which norms a block has.
  public enum Norms: Sendable, Hashable {
    /// Before attention and before the MLP.
    case before
    /// Behind both, on what they give.
    case behind
    /// Before and behind both.
    case both
  }

  /// How a norm is computed.
  public enum NormKind: Sendable, Hashable {
    /// (x − mean) / √(variance + ε)
    case layer
    /// x / √(mean of squares + ε)
    case rms
  }

  /// The function of an MLP.
  public enum Activation: Sendable, Hashable {
    case gelu, geluTanh, silu, relu
    /// gpt-oss's: gate · σ(1.702 gate) · (up + 1), gate cut at 7 and up at ±7.
    case clippedSwiGLU
  }

  /// Norms of queries and keys, before they are turned.
  public enum HeadNorms: Sendable, Hashable {
    case none
    /// Of each head, one weight a channel of a head.
    case perHead
    /// Over all heads together.
    case whole
  }

  /// What attention of one block sees.
  public struct Attention: Sendable, Hashable {
    /// How many of the newest positions it sees; nil for all.
    public var window: Int?
    /// Which of the model's rotary embeddings turns queries and keys; nil for none.
    public var rope: Int?

    public init(window: Int? = nil, rope: Int? = 0) {
      self.window = window
      self.rope = rope
    }
  }

  /// A mixture of experts in place of an MLP.
  public struct Experts: Sendable, Hashable {
    public var count: Int
    /// How many each token goes to.
    public var active: Int
    /// Hidden channels of each.
    public var hidden: Int
    /// Softmax over the chosen alone, in place of all.
    public var choosesFirst: Bool
    /// Whether the weights of the chosen are made to add up to 1.
    public var normalizes: Bool
    /// Hidden channels of the expert that all tokens go to; 0 for none.
    public var shared: Int

    public init(
      count: Int, active: Int, hidden: Int, choosesFirst: Bool = false, normalizes: Bool = true,
      shared: Int = 0
    ) {
      (self.count, self.active, self.hidden) = (count, active, hidden)
      (self.choosesFirst, self.normalizes, self.shared) = (choosesFirst, normalizes, shared)
    }
  }

  /// The family's name in `ModelCatalog`.
  public var family: String
  /// Width of the residual stream.
  public var width: Int
  /// Tokens the vocabulary has.
  public var vocabulary: Int
  /// Most tokens the model sees at once.
  public var context: Int
  public var heads: Int
  public var keyValueHeads: Int
  /// Channels of a head; not always width ÷ heads.
  public var headWidth: Int
  /// Hidden channels of an MLP.
  public var hidden: Int
  /// One a block.
  public var attention: [Attention]
  /// The setting of that width.
  package static let hiddenSetting = "intermediate_size"
  /// Settings that a model with narrower blocks has others of.
  package static let widthSettings = [hiddenSetting, BlockShapeRecord.key]
  /// Widths of the blocks, one each, where they are not those above.
  public var ownShapes: [BlockShape]?
  public var ropes: [Rope] = []
  /// Whether each position has a vector that is added to the token's.
  public var hasPositions = false
  public var normKind = NormKind.rms
  public var norms = Norms.before
  public var normEpsilon: Float = 1e-6
  /// Added to every norm's weight.
  public var normOffset: Float = 0
  public var activation = Activation.silu
  /// Whether the MLP's activation is multiplied with a second product.
  public var isGated = true
  public var headNorms = HeadNorms.none
  /// Whether attention and MLP both read the residual stream as the block found it.
  public var isParallel = false
  /// Whether each head has a score that takes its share of the softmax and gives nothing.
  public var hasSinks = false
  /// Scores are multiplied by it.
  public var attentionScale: Float
  /// Scores go through c·tanh(score / c).
  public var attentionCap: Float?
  public var logitCap: Float?
  public var embeddingScale: Float = 1
  /// What attention and MLP give is multiplied by it.
  public var residualScale: Float = 1
  public var logitScale: Float = 1
  public var experts: Experts?
  /// Blocks with an MLP in a model of experts.
  public var denseBlocks: Set<Int> = []
  public var firstToken: Int?

  public var blocks: Int { attention.count }
  public var queryWidth: Int { heads * headWidth }
  public var keyWidth: Int { keyValueHeads * headWidth }

  /// The widths of a block.
  public func shape(of block: Int) -> BlockShape {
    ownShapes?[block]
      ?? BlockShape(
        heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth, hidden: hidden)
  }

  /// Outputs and inputs of a linear layer of a block.
  public func shape(of role: TensorRole, block: Int) -> Shape {
    let shape = shape(of: block)
    return switch role {
    case .query: [shape.queryWidth, width]
    case .key: [shape.keyWidth, width]
    case .value: [shape.valueWidth, width]
    case .attentionOutput: [width, shape.mixedWidth]
    case .gate, .up: [shape.hidden, width]
    case .down: [width, shape.hidden]
    default: [0, 0]
    }
  }

  /// The experts of a block; nil where it has an MLP.
  public func experts(of block: Int) -> Experts? { denseBlocks.contains(block) ? nil : experts }
}
