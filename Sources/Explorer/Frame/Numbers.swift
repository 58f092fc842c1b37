internal import Glibc

/// Numbers as the screens write them.
public enum Count {
  /// `812`, `10.65 M`, `6.74 B`: three or four digits and a letter.
  public static func text(_ count: Int) -> String {
    count < 10_000 ? String(count) : text(Double(count))
  }

  /// The same for a number that was measured, and may be any at all.
  public static func text(_ value: Double) -> String {
    // Each limit is where the smaller unit would be rounded up to 1000.
    switch value {
    case ..<9_999.5: return Decimal.text(value, 0)
    case ..<999_950: return Decimal.text(value / 1e3, 1) + " k"
    case ..<999_995_000: return Decimal.text(value / 1e6, 2) + " M"
    default: return Decimal.text(value / 1e9, 2) + " B"
    }
  }
}

extension Count {
  /// Every digit, in groups of three: `10,745,088`.
  static func exact(_ count: Int) -> String {
    let digits = Array(String(count))
    return digits.enumerated().reduce(into: "") { text, digit in
      let rest = digits.count - digit.offset
      if digit.offset > 0, rest % 3 == 0 { text.append(",") }
      text.append(digit.element)
    }
  }
}

/// Sizes as the screens write them.
public enum ByteCount {
  /// `512 B`, `21.3 MB`, decimal units.
  public static func text(_ bytes: Int) -> String { text(Double(bytes)) }

  /// The same for the end of an axis, which may lie beyond any file; with `digits` after the
  /// point from kilobytes on, and one more of gigabytes.
  static func text(_ value: Double, _ digits: Int = 1) -> String {
    // Each limit is where the smaller unit would be rounded up to 1000.
    let half = digits > 0 ? 0.05 : 0.5
    switch value {
    case ..<999.5: return Decimal.text(value, 0) + " B"
    case ..<((1e3 - half) * 1e3): return Decimal.text(value / 1e3, digits) + " kB"
    case ..<((1e3 - half) * 1e6): return Decimal.text(value / 1e6, digits) + " MB"
    default: return Decimal.text(value / 1e9, digits + 1) + " GB"
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
      return bytes.isFinite && bytes > 0 && bytes < 1e18 ? Int(bytes.rounded()) : nil
    }
    return nil
  }
}

/// Decimal fractions.
public enum Decimal {
  /// `value` with `digits` after the point; `–` where it is no number.
  public static func text(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "-∞" }
    let digits = min(max(digits, 0), 6)
    let scale = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000][digits]
    let scaled = (abs(value) * Double(scale)).rounded()
    guard scaled < 1e18 else { return short(value) }
    let (whole, fraction) = Int(scaled).quotientAndRemainder(dividingBy: scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
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

  /// An error as per cent; `NaN` where it is no number.
  public static func error(_ share: Double) -> String {
    share.isNaN ? "NaN" : percent(share)
  }

  /// With its sign: `+0.0210`.
  public static func signed(_ value: Double, _ digits: Int) -> String {
    let text = text(value, digits)
    return text.hasPrefix("-") || !value.isFinite ? text : "+" + text
  }
}
