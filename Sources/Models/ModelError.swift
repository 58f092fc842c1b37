/// Why parameters and settings make no model that can be run: the rest of a sentence, as
/// `blk.0.attn_q.weight is missing`.
public struct ModelError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
