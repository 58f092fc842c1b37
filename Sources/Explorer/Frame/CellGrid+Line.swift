internal import Terminal

extension CellGrid {
  /// Writes one line at the left of a row of `area`, cut with `…` where it does
  /// not fit.
  mutating func putLine(_ text: String, in area: Rect, row: Int = 0, _ style: Style) {
    putLine(text, in: area, row: row, .leading, style)
  }
}
