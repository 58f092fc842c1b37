/// A colour as a view means it; the terminal shows the nearest one it has.
public struct Color: Hashable, Sendable {
  /// The kind in the top byte (0 standard, 1 red-green-blue, 2 ANSI), the value below.
  private let code: UInt32

  private init(code: UInt32) { self.code = code }

  /// The terminal's own foreground or background.
  public static let standard = Color(code: 0)

  /// A colour by its components, 0…255 each.
  public static func rgb(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Color {
    Color(code: 1 << 24 | UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue))
  }

  /// A colour written as in `0xRRGGBB`; higher bits are ignored.
  public static func hex(_ value: UInt32) -> Color { Color(code: 1 << 24 | value & 0xFF_FFFF) }

  /// One of the sixteen colours that the user's terminal defines; only the low four bits count.
  public static func ansi(_ index: UInt8) -> Color { Color(code: 2 << 24 | UInt32(index & 15)) }

  /// True for the terminal's own colour.
  public var isStandard: Bool { code == 0 }

  /// The index of one of the sixteen ANSI colours, if it is one.
  public var ansiIndex: UInt8? { code >> 24 == 2 ? UInt8(code & 15) : nil }

  /// Red, green and blue in 0…255; an ANSI colour has xterm's values; nil for the terminal's own
  /// colour.
  public var components: (red: UInt8, green: UInt8, blue: UInt8)? {
    switch code >> 24 {
    case 0: return nil
    case 1:
      return (UInt8(code >> 16 & 0xFF), UInt8(code >> 8 & 0xFF), UInt8(code & 0xFF))
    default:
      let value = Color.xtermANSI[Int(code & 15)]
      return (UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF))
    }
  }

  /// The colour at `amount` (0…1) of the way to `other`; the nearer of the two where either
  /// is the terminal's own.
  public func mixed(with other: Color, _ amount: Double) -> Color {
    let t = amount.isFinite ? min(max(amount, 0), 1) : 0
    guard let a = components, let b = other.components else { return t < 0.5 ? self : other }
    func mix(_ from: UInt8, _ to: UInt8) -> UInt8 {
      UInt8((Double(from) + (Double(to) - Double(from)) * t).rounded())
    }
    return .rgb(mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue))
  }

  /// xterm's default values of the sixteen ANSI colours.
  private static let xtermANSI: [UInt32] = [
    0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
    0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
  ]
}

/// How many colours a terminal shows.
public enum ColorDepth: Int, Hashable, Sendable, Comparable, CaseIterable {
  case monochrome, ansi16, indexed256, trueColor

  public static func < (a: ColorDepth, b: ColorDepth) -> Bool { a.rawValue < b.rawValue }
}
