internal import Glibc

/// How well a network predicts a text.
public struct Evaluation: Sendable, Hashable, Codable {
  /// Mean cross-entropy in nats per token.
  public var loss: Double
  /// Tokens that were predicted: all but the first.
  public var tokens: Int
  public var seconds: Double
  /// Tokens of a window; nil where nobody has said it.
  public var context: Int?
  /// What the routers did with the text, a block each; empty for models without.
  public var routers: [RouterLoad]

  /// e to the loss.
  public var perplexity: Double { exp(loss) }
  public var tokensPerSecond: Double { Double(tokens) / max(seconds, .leastNormalMagnitude) }

  public init(
    loss: Double, tokens: Int, seconds: Double, context: Int? = nil, routers: [RouterLoad] = []
  ) {
    self.loss = loss
    self.tokens = tokens
    self.seconds = seconds
    self.context = context
    self.routers = routers
  }
}

/// How a network differs from a reference on one text.
public struct Comparison: Sendable, Hashable, Codable {
  /// The network's own figures, the same digits that `evaluate` gives.
  public var evaluation: Evaluation
  /// Mean cross-entropy of the reference.
  public var referenceLoss: Double
  /// Mean KL(reference ‖ network) in nats per token.
  public var divergence: Double
  /// Share of places where both find the same token likeliest, 0…1.
  public var agreement: Double

  public var loss: Double { evaluation.loss }
  public var perplexity: Double { evaluation.perplexity }

  public init(
    evaluation: Evaluation, referenceLoss: Double, divergence: Double, agreement: Double
  ) {
    self.evaluation = evaluation
    self.referenceLoss = referenceLoss
    self.divergence = divergence
    self.agreement = agreement
  }
}
