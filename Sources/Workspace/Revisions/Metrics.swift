public import CheckpointIO
public import Tensors

/// What a revision costs and what it is worth. A figure that has not been
/// measured yet is nil.
public struct Metrics: Codable, Hashable, Sendable {
  /// Mean cross-entropy in nats a token; on its own text the original's figure
  /// is the reference.
  public var loss: Double?
  /// `exp(loss)`.
  public var perplexity: Double?
  /// Mean Kullback–Leibler divergence of this revision from the original, in
  /// nats a token.
  public var kl: Double?
  /// Share of tokens, 0…1, whose likeliest successor is the original's.
  public var agreement: Double?
  /// Tokens that were predicted.
  public var tokens: Int?
  /// Tokens a second while the loss was measured.
  public var tokensPerSecond: Double?
  /// How many times as fast as the original's the changed layers multiply one input, as the packed
  /// file has them: what writing a token mostly does.
  public var layerSpeed: Double?
  /// Share of the layers' weights that are zero, 0…1: the linear layers of the blocks, and
  /// those that passes were given besides.
  public var sparsity: Double?
  /// Bits of the packed file's tensors divided by the weights of the original.
  public var bitsPerWeight: Double?
  /// ‖W − W′‖ / ‖W‖ over the same layers, against the original; NaN where a weight became
  /// NaN or infinite, or was.
  public var layerError: Double?
  /// NaNs and infinities among all weights, against the original.
  public var nonFinite: NonFiniteChange?
  /// Bytes of the packed file, header included; of the original, those of the open file.
  public var fileBytes: Int?
  /// Of the layers with bit depths, where there are such.
  public var channelSizes: ChannelSizes?
  /// Weights of the layers that are not zero.
  public var keptWeights: Int?
  /// Weights of the layers.
  public var weights: Int
  /// On what the loss was measured, in a few words for the screen.
  public var measuredOn: String?

  /// Nothing measured yet of a model whose linear layers have `weights`.
  public init(weights: Int = 0) { self.weights = weights }

  mutating func forgetLoss() {
    (loss, perplexity, kl, agreement) = (nil, nil, nil, nil)
    (tokens, tokensPerSecond, measuredOn, layerSpeed) = (nil, nil, nil, nil)
  }

  /// Whether the figures that need no network are all there.
  public var hasSizes: Bool { fileBytes != nil && nonFinite != nil }
}
