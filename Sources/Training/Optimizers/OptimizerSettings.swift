/// How parameters follow their gradients.
public struct OptimizerSettings: Sendable, Hashable, Codable {
  /// What trains the weight matrices of the blocks; everything else is AdamW's.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    case adamw, muon
  }

  public var method: Method
  /// Of AdamW; weight decay holds matrices only.
  public var adamW: AdamW
  /// Of Muon.
  public var muon: Muon
  /// The gradients' norm over all parameters is brought down to this; 0 leaves it.
  public var clip: Float

  public init(
    method: Method, adamW: AdamW = AdamW(), muon: Muon = Muon(), clip: Float = 1
  ) {
    self.method = method
    self.adamW = adamW
    self.muon = muon
    self.clip = clip
  }
}

/// Settings of AdamW (Loshchilov and Hutter, arXiv 1711.05101).
public struct AdamW: Sendable, Hashable, Codable {
  /// Highest learning rate; a `Schedule` scales it.
  public var rate: Float
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float
  /// Decoupled weight decay: a step takes rate × decay of a weight away.
  public var decay: Float

  /// nanoGPT's settings where nothing is said.
  public init(
    rate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.99, epsilon: Float = 1e-8,
    decay: Float = 0.1
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.decay = decay
  }
}

/// Settings of Muon (Jordan et al., 2024): momentum whose singular values are all
/// brought near 1.
public struct Muon: Sendable, Hashable, Codable {
  /// Highest learning rate; a `Schedule` scales it.
  public var rate: Float
  public var momentum: Float
  /// Newton–Schulz steps.
  public var iterations: Int
  /// As AdamW's.
  public var decay: Float

  public init(
    rate: Float = 0.02, momentum: Float = 0.95, iterations: Int = 5, decay: Float = 0
  ) {
    self.rate = rate
    self.momentum = momentum
    self.iterations = iterations
    self.decay = decay
  }
}
