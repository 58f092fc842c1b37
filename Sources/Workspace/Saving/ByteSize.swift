/// A number of bytes as it is typed: `500MB`, units of a thousand.
public struct ByteSize: Sendable, Hashable {
  public let byteCount: Int

  private static let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)]

  /// nil if the text is not a size, and for 0.
  public init?(_ text: String) {
    let text = text.uppercased()
    let unit = Self.units.first { text.hasSuffix($0.0) } ?? ("", 1)
    let digits = text.dropLast(unit.0.count)
    guard digits.allSatisfy({ "0123456789.".contains($0) }), let number = Double(digits),
      let count = Int(exactly: (number * unit.1).rounded()), count > 0
    else { return nil }
    byteCount = count
  }

  public init(byteCount: Int) { self.byteCount = max(byteCount, 0) }
}

extension ByteSize: CustomStringConvertible {
  /// As it is typed, with two digits after the point at most: `4 MB`, `1.25 MB`, `900 B`.
  public var description: String {
    let (unit, size) = unit
    let hundredths = hundredths(of: size)
    let fraction = hundredths % 100
    let digits =
      fraction == 0
      ? ""
      : fraction % 10 == 0 ? ".\(fraction / 10)" : fraction < 10 ? ".0\(fraction)" : ".\(fraction)"
    return "\(hundredths / 100)\(digits) \(unit)"
  }

  /// The next size that `description` gives without rounding: enough for these bytes.
  package var roundedUp: ByteSize {
    let step = max(unit.size / 100, 1)
    return ByteSize(byteCount: (byteCount + step - 1) / step * step)
  }

  /// The largest unit of which there is one at least after rounding, and its bytes.
  private var unit: (name: String, size: Int) {
    let units = [
      ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000),
    ]
    return units.first { byteCount >= $0.1 - $0.1 / 200_000 } ?? ("B", 1)
  }

  private func hundredths(of size: Int) -> Int {
    let (whole, rest) = byteCount.quotientAndRemainder(dividingBy: size)
    return whole * 100 + Int((Double(rest) / Double(size) * 100).rounded())
  }
}
