internal import Terminal
internal import Workspace

/// Where the Blocks view's rows and columns lie.
struct BlocksLayout {
  let heading: Rect
  let note: Rect
  let body: Rect
  let labelWidth: Int
  let rows: [ModelMap.Row]
  /// What the filter looks for: other layers step back.
  let filter: NameFilter
  /// Positions among `rows` that fit on the screen.
  let visible: Range<Int>
  /// Columns that fit, with their headings.
  let kinds: [(Int, String)]
  /// Shares and bits of a whole row, at the right.
  let summary: Rect
  private let columnWidth: Int
  /// A column of 14 shows a bar of four cells and its value: the four layers of
  /// a GPT's block fit on 80 columns.
  private static let narrowestColumn = 14

  init(_ state: AppState, in area: Rect) {
    let (heading, below) = area.split(top: 1)
    let (note, body) = below.split(bottom: 1)
    self.heading = heading
    self.note = note.inset(left: 1, right: 1)
    self.body = body
    rows = state.shownRows
    filter = NameFilter(state.blocks.filter)
    labelWidth = min(max(5, state.model.labelWidth), area.width / 4)
    let summaryWidth = 13
    summary = body.split(right: summaryWidth + 1).right.inset(right: 1)
    let room = max(0, area.width - labelWidth - 3 - summaryWidth - 2)
    let kindCount = max(1, state.model.kinds.count)
    let fitting = max(1, min(kindCount, room / Self.narrowestColumn))
    columnWidth = max(1, min(34, room / fitting))
    let first = min(max(0, state.blocks.column - fitting + 1), kindCount - fitting)
    kinds = (first..<first + fitting).map { index in
      (index, index < state.model.kinds.count ? state.model.kinds[index] : "")
    }
    let height = body.height
    let top = max(0, min(state.blocks.row - height / 2, rows.count - height))
    visible = top..<min(rows.count, top + max(0, height))
  }

  /// The area of a column of layers, over the whole height.
  func column(_ index: Int) -> Rect {
    let first = kinds.first?.0 ?? 0
    return Rect(
      x: body.x + labelWidth + 3 + (index - first) * columnWidth, y: body.y,
      width: columnWidth - 1, height: body.height)
  }
}

/// What a full bar stands for.
struct BlocksScale {
  private let full: Double

  init(_ state: AppState) { full = state.fullBar }

  func share(_ value: Double) -> Double { value / full }
}
