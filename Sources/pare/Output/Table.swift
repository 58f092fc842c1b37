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

  /// The rows, two spaces between columns, none at the end of a line.
  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, word) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - word.count)
        line +=
          (column > 0 ? "  " : "") + (alignments[column] == .left ? word + padding : padding + word)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
