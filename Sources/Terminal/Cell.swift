/// One column of one row: a glyph and its style.
///
/// A wide glyph occupies two cells; the second is its continuation and draws nothing itself.
public struct Cell: Hashable, Sendable {
  /// The glyph; U+0000 marks the continuation of the wide glyph to the left.
  public let scalar: Unicode.Scalar
  /// Up to two combining marks over the glyph; U+0000 for none.
  package var marks: (Unicode.Scalar, Unicode.Scalar) {
    (firstMark, secondMark)
  }
  private var firstMark: Unicode.Scalar = "\0"
  private var secondMark: Unicode.Scalar = "\0"
  public var style: Style

  /// A cell showing `scalar`; what would not be one printable glyph is shown as one
  /// (see `Unicode.Scalar.shown`).
  public init(_ scalar: Unicode.Scalar, _ style: Style = .plain) {
    self.scalar = scalar.shown
    self.style = style
  }

  private init(continuing style: Style) {
    scalar = "\0"
    self.style = style
  }

  /// An empty cell.
  public static let blank = Cell(" ")

  /// The right half of a wide glyph in `style`.
  static func continuation(_ style: Style) -> Cell { Cell(continuing: style) }

  /// True for the right half of a wide glyph.
  public var isContinuation: Bool { scalar == "\0" }

  /// Columns that the glyph takes: 0 (a continuation), 1 or 2.
  public var width: Int { isContinuation ? 0 : scalar.columns }

  /// The glyph with its marks; empty for a continuation.
  public var text: String {
    guard !isContinuation else { return "" }
    var text = String(Character(scalar))
    if firstMark != "\0" { text.unicodeScalars.append(firstMark) }
    if secondMark != "\0" { text.unicodeScalars.append(secondMark) }
    return text
  }

  /// Puts a combining mark on the glyph; a third one is dropped.
  mutating func combine(_ mark: Unicode.Scalar) {
    if firstMark == "\0" {
      firstMark = mark
    } else if secondMark == "\0" {
      secondMark = mark
    }
  }
}
