internal import Terminal

/// One cell of the Blocks view: a bar between two edges, and its value.
struct BlocksCell {
  /// How much of the bar is filled; nil while it is not known.
  let share: Double?
  let text: String
  let isMarked: Bool
  let isCursor: Bool
  /// Whether it steps back: not what is looked for, or known in part.
  let isDim: Bool
  /// Whether it is what a pass would leave.
  let isPlanned: Bool
  /// Whether weights are NaN or infinite.
  let isBroken: Bool

  func draw(on grid: inout CellGrid, in area: Rect, _ theme: Theme) {
    let edge = theme[isCursor ? .cursor : .border]
    let valueWidth = min(7, max(0, area.width - 8))
    let bar = area.inset(left: 2, right: valueWidth + 2)
    let mark = isMarked ? "*" : isCursor ? "›" : " "
    grid.put(mark, x: area.x, y: area.y, theme[isMarked ? .marked : .accent], in: area)
    grid.put("▏", x: area.x + 1, y: area.y, edge, in: area)
    grid.put(
      isBroken ? "!" : "▕", x: bar.right, y: area.y, isBroken ? theme[.bad] : edge, in: area)
    if let share {
      grid.bar(
        share, in: bar, filled: theme[isDim ? .dim : isPlanned ? .preview : .barFilled],
        empty: theme[.barEmpty], clip: area)
    }
    let style = theme[isCursor ? .selected : isDim ? .dim : isPlanned ? .preview : .text]
    let place = Rect(x: bar.right + 1, y: area.y, width: valueWidth, height: 1)
    grid.putLine(text, in: place, style)
  }
}
