internal import CNcurses
internal import Terminal

/// Puts frames on the screen, only what differs from the frame before.
struct Painter {
  private var shown: CellGrid? = nil
  private var pens: PenCase
  private let unicode: Bool
  private var glyphs: [pare_glyph] = []

  init(depth: ColorDepth, unicode: Bool) {
    pens = PenCase(depth: depth)
    self.unicode = unicode
  }

  /// The next frame is painted whole: the screen is not what it was.
  mutating func forget() {
    shown = nil
    pare_forget_screen()
  }

  mutating func paint(_ frame: CellGrid) {
    let frame = unicode ? frame : frame.ascii()
    if let shown, shown.columns != frame.columns || shown.rows != frame.rows { forget() }
    if pens.isNearlyFull {
      pens.clear()
      forget()
    }
    let columns = min(frame.columns, Int(pare_columns()))
    for y in 0..<min(frame.rows, Int(pare_rows())) { paintRow(y, of: frame, columns) }
    shown = frame
    pare_flush()
  }

  private mutating func paintRow(_ y: Int, of frame: CellGrid, _ columns: Int) {
    let row = y * frame.columns..<y * frame.columns + columns
    var range = row
    if let shown {
      guard let first = row.first(where: { shown.cells[$0] != frame.cells[$0] }) else { return }
      let last = row.last { shown.cells[$0] != frame.cells[$0] } ?? first
      range = first..<last + 1
    }
    // A wide glyph is sent from its left half on.
    var start = range.lowerBound
    while start > row.lowerBound, frame.cells[start].isContinuation { start -= 1 }
    glyphs.removeAll(keepingCapacity: true)
    for index in start..<range.upperBound {
      append(frame.cells[index], last: index + 1 == row.upperBound)
    }
    unsafe pare_put(
      Int32(y), Int32(start - row.lowerBound), glyphs, Int32(glyphs.count))
  }

  private mutating func append(_ cell: Cell, last: Bool) {
    guard !cell.isContinuation else { return }
    let pen = pens.pen(for: cell.style)
    let halved = last && cell.width == 2
    glyphs.append(
      pare_glyph(
        scalar: halved ? 0x20 : cell.scalar.value, mark1: cell.marks.0.value,
        mark2: cell.marks.1.value, attributes: pen.attributes, pair: pen.pair,
        width: halved ? 1 : Int32(cell.width)))
  }
}
