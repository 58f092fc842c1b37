internal import Glibc

/// Numbers as the screens write them.
public enum Count {
  /// `812`, `10.65 M`, `6.74 B`: three or four digits and a letter.
  public static func text(_ count: Int) -> String {
    let value = Double(count)
    switch count {
    case ..<10_000: return String(count)
    case ..<1_000_000: return Decimal.text(value / 1e3, 1) + " k"
    case ..<1_000_000_000: return Decimal.text(value / 1e6, 2) + " M"
    default: return Decimal.text(value / 1e9, 2) + " B"
    }
  }
}

/// Sizes as the screens write them.
public enum ByteCount {
  /// `512 B`, `21.3 MB`, decimal units.
  public static func text(_ bytes: Int) -> String {
    let value = Double(bytes)
    switch bytes {
    case ..<1_000: return "\(bytes) B"
    case ..<1_000_000: return Decimal.text(value / 1e3, 1) + " kB"
    case ..<1_000_000_000: return Decimal.text(value / 1e6, 1) + " MB"
    default: return Decimal.text(value / 1e9, 2) + " GB"
    }
  }

  /// Bytes from `1.5MB`, `900 kB`, `1200`; nil for anything else.
  public static func bytes(_ text: String) -> Int? {
    let text = text.lowercased().filter { !$0.isWhitespace }
    let units: [(String, Double)] = [
      ("gb", 1e9), ("mb", 1e6), ("kb", 1e3), ("g", 1e9), ("m", 1e6), ("k", 1e3), ("b", 1), ("", 1),
    ]
    for (unit, factor) in units where text.hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)) else { continue }
      let bytes = number * factor
      return bytes.isFinite && bytes > 0 && bytes < 1e18 ? Int(bytes) : nil
    }
    return nil
  }
}

/// Decimal fractions.
public enum Decimal {
  /// `value` with `digits` after the point; `–` where it is no number.
  public static func text(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "-∞" }
    guard abs(value) < 1e15 else { return short(value) }
    let scale = [1.0, 10, 100, 1_000, 10_000, 100_000, 1_000_000][min(max(digits, 0), 6)]
    let rounded = (abs(value) * scale).rounded()
    let whole = Int(rounded / scale)
    let fraction = Int(rounded - Double(whole) * scale)
    let sign = value < 0 && rounded > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let tail = String(fraction)
    return "\(sign)\(whole).\(String(repeating: "0", count: digits - tail.count))\(tail)"
  }

  /// Four significant digits, with an exponent where the plain form is long:
  /// `0.0427`, `-1.25e-06`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return text(value, 0) }
    guard value != 0 else { return "0" }
    let exponent = Int(floor(log10(abs(value))))
    if exponent < -4 || exponent > 6 {
      return text(value / pow(10, Double(exponent)), 2) + "e\(exponent)"
    }
    return text(value, max(0, min(6, 3 - exponent)))
  }

  /// A share as per cent: `50.0 %`.
  public static func percent(_ share: Double, _ digits: Int = 1) -> String {
    text(share * 100, digits) + " %"
  }

  /// With its sign: `+0.0210`.
  public static func signed(_ value: Double, _ digits: Int) -> String {
    let text = text(value, digits)
    return text.hasPrefix("-") || !value.isFinite ? text : "+" + text
  }
}
