/// The signs that views draw with, each one column wide, each with an ASCII stand-in
/// (`standIn`), so that a view draws once and `--ascii` is a mapping of its frame.
public enum Glyphs {
  public static let horizontal: Unicode.Scalar = "─"
  public static let vertical: Unicode.Scalar = "│"
  public static let topLeft: Unicode.Scalar = "┌"
  public static let topRight: Unicode.Scalar = "┐"
  public static let bottomLeft: Unicode.Scalar = "└"
  public static let bottomRight: Unicode.Scalar = "┘"
  public static let teeLeft: Unicode.Scalar = "├"
  public static let teeRight: Unicode.Scalar = "┤"
  public static let teeDown: Unicode.Scalar = "┬"
  public static let teeUp: Unicode.Scalar = "┴"
  public static let cross: Unicode.Scalar = "┼"
  public static let track: Unicode.Scalar = "━"
  public static let knob: Unicode.Scalar = "●"
  public static let lowerHalf: Unicode.Scalar = "▄"
  public static let upperHalf: Unicode.Scalar = "▀"
  public static let full: Unicode.Scalar = "█"

  /// One to eight eighths of a cell, from the left.
  public static let leftEighths: [Unicode.Scalar] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
  /// One to eight eighths of a cell, from below.
  public static let lowerEighths: [Unicode.Scalar] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  /// A quarter, a half, three quarters and all of a cell.
  public static let shades: [Unicode.Scalar] = ["░", "▒", "▓", "█"]
  /// By bits: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
  public static let quadrants: [Unicode.Scalar] = [
    " ", "▘", "▝", "▀", "▖", "▌", "▞", "▛", "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█",
  ]

  /// The braille sign for a set of dots, as bits in Unicode's order (U+2800 + bits):
  ///
  ///     1 4      0x01 0x08
  ///     2 5      0x02 0x10
  ///     3 6      0x04 0x20
  ///     7 8      0x40 0x80
  public static func braille(_ dots: UInt8) -> Unicode.Scalar {
    dots == 0 ? " " : Unicode.Scalar(0x2800 + UInt32(dots)) ?? " "
  }

  /// The shade for a density (0…1); a space for 0 alone, a full block for 1 alone.
  public static func shade(_ density: Double) -> Unicode.Scalar {
    let value = unit(density)
    if value == 0 { return " " }
    return value == 1 ? full : shades[min(2, Int(value * 3))]
  }

  /// The signs of a bar `width` columns wide. What is not zero shows at least an eighth, and
  /// what is not all never looks full.
  public static func bar(_ fraction: Double, width: Int) -> [Unicode.Scalar] {
    steps(fraction, length: width, leftEighths)
  }

  /// The signs of a column `height` rows high, from the bottom up.
  public static func column(_ fraction: Double, height: Int) -> [Unicode.Scalar] {
    steps(fraction, length: height, lowerEighths)
  }

  /// The value in 0…1 nearest to this one; 0 for what is not a number.
  static func unit(_ value: Double) -> Double { value.isNaN ? 0 : min(max(value, 0), 1) }

  private static func steps(
    _ fraction: Double, length: Int, _ eighths: [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    let length = max(0, length)
    let value = unit(fraction)
    var filled = Int((value * Double(length * 8)).rounded())
    if value > 0 { filled = max(filled, min(1, length)) }
    if value < 1 { filled = min(filled, max(0, length * 8 - 1)) }
    return (0..<length).map { index in
      let here = min(8, filled - index * 8)
      return here <= 0 ? " " : eighths[here - 1]
    }
  }
}
