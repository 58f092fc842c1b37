/// A piece of text in one style.
public struct Span: Hashable, Sendable {
  public var text: String
  public var style: Style

  public init(_ text: String, _ style: Style = .plain) {
    self.text = text
    self.style = style
  }

  public var columns: Int { text.columns }
}

extension CellGrid {
  /// Writes one line of text from (`x`, `y`) on, inside `clip` (the grid if nil).
  ///
  /// Control and formatting characters are shown as pictures, never sent. Returns the columns
  /// that the text takes up to the right edge of `clip`.
  @discardableResult
  public mutating func put(
    _ text: String, x: Int, y: Int, _ style: Style = .plain, in clip: Rect? = nil
  ) -> Int {
    let clip = (clip ?? bounds).intersection(bounds)
    guard y >= clip.y, y < clip.bottom else { return 0 }
    var column = x
    var last: Int? = nil
    for scalar in text.unicodeScalars where !scalar.isJoiner {
      if scalar.isCombining {
        if let last { combine(scalar, x: last, y: y) }
        continue
      }
      if column >= clip.right { break }
      last = clip.contains(x: column, y: y) ? column : nil
      let width = set(Cell(scalar, style), x: column, y: y, in: clip)
      // The right half of a wide glyph that begins left of the clip.
      if width == 2, column < clip.x, column + 1 >= clip.x {
        set(Cell(" ", style), x: column + 1, y: y, in: clip)
      }
      column += width
    }
    return max(0, min(column, clip.right) - x)
  }

  /// Writes pieces of text one after the other; returns the columns they take.
  @discardableResult
  public mutating func put(_ spans: [Span], x: Int, y: Int, in clip: Rect? = nil) -> Int {
    var used = 0
    for span in spans { used += put(span.text, x: x + used, y: y, span.style, in: clip) }
    return used
  }

  /// Writes one line into a row of `area`, cut with `…` where it does not fit.
  @discardableResult
  public mutating func putLine(
    _ text: String, in area: Rect, row: Int = 0, _ alignment: Alignment = .leading,
    _ style: Style = .plain
  ) -> Int {
    let line = area.row(row)
    let text = text.truncated(to: line.width)
    let space = max(0, line.width - text.columns)
    return put(text, x: line.x + alignment.offset(of: space), y: line.y, style, in: line)
  }
}
