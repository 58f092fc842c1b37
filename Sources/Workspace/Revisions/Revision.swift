public import Compression

/// Names a revision within its tree; `r0` is the original.
public struct RevisionID: Codable, Hashable, Comparable, Sendable, CustomStringConvertible {
  public let number: Int

  public init(_ number: Int) { self.number = number }

  /// The model as the checkpoint has it.
  public static let original = RevisionID(0)

  public static func < (a: RevisionID, b: RevisionID) -> Bool { a.number < b.number }

  public var description: String { "r\(number)" }

  /// Reads `r3`, or plain `3`.
  public init?(text: String) {
    let digits = text.hasPrefix("r") ? text.dropFirst() : text[...]
    guard let number = Int(digits), number >= 0 else { return nil }
    self.number = number
  }

  public init(from decoder: any Decoder) throws {
    number = try decoder.singleValueContainer().decode(Int.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }
}

/// The model after a pass.
public struct Revision: Hashable, Identifiable, Sendable {
  public let id: RevisionID
  /// The revision the step was applied to; nil for the original.
  public let parent: RevisionID?
  /// What was done to the parent; nil for the original.
  public internal(set) var step: Step?
  public internal(set) var metrics: Metrics

  /// `original`, or what was done: `prune magnitude 50 % · block.0.*`.
  public var title: String { step?.title ?? "original" }
}
