/// Rows of words in aligned columns.
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]]

  /// A table whose first row is the titles.
  init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.title)]
  }

  mutating func add(_ row: [String]) {
    precondition(row.count == alignments.count, "a row has a word for each column")
    rows.append(row.map(sentence))
  }

  /// Prints the rows: two spaces between columns, none at the end of a line.
  func print() {
    let widths = alignments.indices.map { column in
      rows.map { Self.width($0[column]) }.max() ?? 0
    }
    var bytes: [UInt8] = []
    for row in rows {
      for (column, word) in row.enumerated() {
        let padding = repeatElement(
          UInt8(ascii: " "), count: widths[column] - Self.width(word) + (column > 0 ? 2 : 0))
        switch alignments[column] {
        case .left:
          bytes += padding.prefix(column > 0 ? 2 : 0)
          bytes += word.utf8
          bytes += padding.dropFirst(column > 0 ? 2 : 0)
        case .right:
          bytes += padding
          bytes += word.utf8
        }
      }
      while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
      bytes.append(UInt8(ascii: "\n"))
    }
    StandardOutput.write(bytes)
  }

  private static func width(_ word: String) -> Int { word.unicodeScalars.count }
}
