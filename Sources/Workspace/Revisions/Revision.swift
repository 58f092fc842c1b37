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

/// The model as it is, after a pass, or with weights from elsewhere.
public struct Revision: Hashable, Identifiable, Sendable {
  public let id: RevisionID
  /// The revision it hangs on; nil for the original.
  public let parent: RevisionID?
  /// Where its weights come from; nil for the original.
  public internal(set) var provenance: Provenance?
  public internal(set) var metrics: Metrics

  /// `original`, or where its weights come from: `prune magnitude 50 %`.
  public var title: String { provenance?.title ?? "original" }

  /// The pass that made it of its parent; nil for the original and for weights from
  /// elsewhere.
  public var step: Step? {
    if case .pass(let step)? = provenance { step } else { nil }
  }

  /// What a training run left; nil for weights from anywhere else.
  public var trainedWeights: TrainedWeights? {
    if case .trained(let trained)? = provenance { trained } else { nil }
  }
}
