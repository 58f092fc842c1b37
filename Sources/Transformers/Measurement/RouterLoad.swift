/// How the router of a block spread the tokens of a text over its experts.
public struct RouterLoad: Sendable, Hashable, Codable {
  /// What one expert took.
  public struct Expert: Sendable, Hashable, Codable {
    public let tokens: Int
    /// Sum of the weights with which its outputs were added.
    public let weight: Double

    public init(tokens: Int, weight: Double) {
      self.tokens = tokens
      self.weight = weight
    }

    /// Mean weight of a token's output; nil where it took none.
    public var meanWeight: Double? { tokens > 0 ? weight / Double(tokens) : nil }
  }

  public let block: Int
  /// The name of the router's parameter.
  public let router: String
  /// Experts that each token goes to.
  public let active: Int
  public let experts: [Expert]

  public init(block: Int, router: String, active: Int, experts: [Expert]) {
    self.block = block
    self.router = router
    self.active = active
    self.experts = experts
  }

  /// Tokens that the experts took together: each token counts once for every expert it went to.
  public var taken: Int { experts.reduce(0) { $0 + $1.tokens } }

  /// Tokens that passed the block.
  public var tokens: Int { active > 0 ? taken / active : 0 }

  /// The share of `taken` that an expert took, 0…1; those of a block add up to 1.
  public func share(of expert: Int) -> Double {
    let taken = taken
    return taken > 0 ? Double(experts[expert].tokens) / Double(taken) : 0
  }

  public var largestShare: Double { experts.indices.reduce(0) { max($0, share(of: $1)) } }

  /// The share of each expert if all took as many, 0…1.
  public var evenShare: Double { experts.isEmpty ? 0 : 1 / Double(experts.count) }

  /// Experts that took no token.
  public var idle: [Int] { experts.indices.filter { experts[$0].tokens == 0 } }
}
