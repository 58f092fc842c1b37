/// A number of bytes as it is typed: `500MB`, units of a thousand.
public struct ByteSize: Sendable, Hashable {
  public let byteCount: Int

  private static let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)]

  /// nil for a text that is none, and for 0.
  public init?(_ text: String) {
    let text = text.uppercased()
    let unit = Self.units.first { text.hasSuffix($0.0) } ?? ("", 1)
    let digits = text.dropLast(unit.0.count)
    guard digits.allSatisfy({ "0123456789.".contains($0) }), let number = Double(digits),
      let count = Int(exactly: (number * unit.1).rounded()), count > 0
    else { return nil }
    byteCount = count
  }
}
