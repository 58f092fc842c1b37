/// A matrix's weights, row-major, cut into runs that share a scale; the last
/// run of a row may be shorter.
struct Groups: Sendable, Hashable {
  let rows: Int
  let columns: Int
  let size: Int

  init(rows: Int, columns: Int, size: Int) {
    self.rows = rows
    self.columns = columns
    self.size = max(size, 1)
  }

  var perRow: Int { (columns + size - 1) / size }
  var count: Int { rows * perRow }

  /// The weights of group `index`.
  subscript(index: Int) -> Range<Int> {
    let (row, group) = index.quotientAndRemainder(dividingBy: perRow)
    let start = row * columns + group * size
    return start..<min(start + size, (row + 1) * columns)
  }
}
