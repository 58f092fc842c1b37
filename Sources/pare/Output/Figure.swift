internal import Glibc

/// Numbers as people read them.
enum Figure {
  /// What stands where there is no number.
  static let none = "–"

  /// Four significant digits: `0.04127`, `-1.5e-07`.
  static func short(_ value: Double?) -> String {
    guard let value else { return none }
    if value == 0 { return "0" }
    if !value.isFinite { return nonFinite(value) }
    let exponent = Int(log10(abs(value)).rounded(.down))
    if exponent < -5 || exponent >= 7 {
      let scaled = (value / pow(10, Double(exponent)) * 1000).rounded() / 1000
      return "\(scaled)e\(exponent)"
    }
    return fixed(value, digits: max(0, 3 - exponent))
  }

  /// `1.6× smaller than`, `2.0× the size of`, or `as large as`.
  static func change(from before: Int, to after: Int) -> String {
    if before == after { return "as large as" }
    let (before, after) = (Double(max(before, 1)), Double(max(after, 1)))
    return after <= before
      ? "\(fixed(before / after, digits: 1))× smaller than"
      : "\(fixed(after / before, digits: 1))× the size of"
  }

  /// `digits` digits after the point, without trailing zeros cut.
  static func fixed(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return nonFinite(value) }
    guard abs(value) < 1e12 else { return String(value) }
    let scaled = Int((abs(value) * pow(10, Double(digits))).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(scaled)" }
    let text = String(scaled)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    return "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
  }

  /// A share as `50.0 %`.
  static func percent(_ share: Double?) -> String {
    share.map { fixed($0 * 100, digits: 1) + ($0.isFinite ? " %" : "") } ?? none
  }

  private static func nonFinite(_ value: Double) -> String {
    value.isNaN ? "NaN" : value > 0 ? "∞" : "-∞"
  }

  /// A whole number in groups of three: `10,745,088`.
  static func count(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }

  /// The same of a number that may be missing, rounded.
  static func count(_ value: Double?) -> String {
    value.flatMap { Int(exactly: $0.rounded()) }.map { count($0) } ?? none
  }

  /// The same of a number that may be missing.
  static func count(_ value: Int?) -> String { value.map { count($0) } ?? none }

  /// Bytes with a unit of a thousand: `21.3 MB`.
  static func bytes(_ count: Int) -> String {
    var value = Double(count)
    if value < 1000 { return "\(count) B" }
    for unit in ["kB", "MB", "GB"] {
      value /= 1000
      if value < 999.95 { return "\(fixed(value, digits: 1)) \(unit)" }
    }
    return "\(fixed(value / 1000, digits: 1)) TB"
  }
}
