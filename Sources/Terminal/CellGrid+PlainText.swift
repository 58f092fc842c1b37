extension CellGrid {
  /// The frame as lines of text, without blanks at their ends; colours are lost.
  public var plainText: String {
    var text = ""
    for y in 0..<rows {
      text += line(y)
      text += "\n"
    }
    return text
  }

  /// One row as text without blanks at its end.
  public func line(_ y: Int) -> String {
    guard y >= 0, y < rows else { return "" }
    let row = cells[y * columns..<(y + 1) * columns]
    let end = row.lastIndex { $0.scalar != " " || $0.text != " " }.map { $0 + 1 } ?? row.startIndex
    return row[row.startIndex..<end].map(\.text).joined()
  }
}
