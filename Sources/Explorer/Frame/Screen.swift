internal import Compression
public import Terminal
internal import Workspace

/// Draws the state: pure, the same state always gives the same frame.
public enum Screen {
  /// One frame of the state's size.
  public static func draw(_ state: AppState) -> CellGrid {
    var grid = CellGrid(
      columns: state.columns, rows: state.rows, filledWith: Cell(" ", state.theme[.text]))
    let smallest = FrameLayout.smallest
    guard state.columns >= smallest.columns, state.rows >= smallest.rows else {
      drawTooSmall(state, on: &grid)
      return finished(grid, state)
    }
    let layout = FrameLayout(state)
    drawTitle(state, on: &grid, in: layout.title)
    if !state.isPrinted { drawTabs(state, on: &grid, layout) }
    ViewCatalog.view(state.view).draw(state, on: &grid, in: layout.view)
    if let area = layout.sheet, let sheet = state.sheet {
      SheetDrawing.draw(sheet, state, on: &grid, in: area)
    }
    MetricsLine.draw(state, on: &grid, in: layout.metrics)
    if !state.isPrinted {
      JobLine.draw(state, on: &grid, in: layout.job)
      Footer.draw(state, on: &grid, in: layout.footer)
    }
    if state.help != nil { HelpDrawing.draw(state, on: &grid, in: layout.view) }
    if state.panel != nil { PanelDrawing.draw(state, on: &grid, in: layout.view) }
    if !state.isPrinted { JobLine.drawAbove(state, on: &grid, layout) }
    return finished(grid, state)
  }

  private static func finished(_ grid: CellGrid, _ state: AppState) -> CellGrid {
    state.theme.ascii ? grid.ascii() : grid
  }

  private static func drawTooSmall(_ state: AppState, on grid: inout CellGrid) {
    let smallest = FrameLayout.smallest
    let area = grid.bounds
    let lines = [
      "\(state.columns)×\(state.rows)", "needs \(smallest.columns)×\(smallest.rows)",
    ]
    let top = max(0, (area.height - lines.count) / 2)
    for (row, line) in lines.enumerated() {
      grid.putLine(line, in: area, row: top + row, .center, state.theme[.text])
    }
  }

  private static func drawTitle(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    grid.fill(area, with: Cell(" ", theme[.title]))
    let revision = state.tree[state.current]
    let right = "\(state.current) \(revision?.title ?? "")"
    let room = area.width - 2
    let model = state.model
    let blocks = model.blockCount == 1 ? "1 block" : "\(model.blockCount) blocks"
    let facts =
      "\(Count.text(model.weightCount)) weights · \(blocks) · "
      + ByteCount.text(model.fileByteCount)
    let name = "pare  " + model.title
    let rightWidth = min(right.columns, max(room / 3, room - name.columns - 2))
    let leftRoom = room - rightWidth - 2
    let isFactsShown = name.columns + 3 + facts.columns <= leftRoom
    let left = isFactsShown ? name + "   " + facts : name.truncated(to: leftRoom)
    grid.put(left, x: area.x + 1, y: area.y, theme[.title], in: area)
    let shown = right.truncated(to: rightWidth)
    grid.put(shown, x: area.right - 1 - shown.columns, y: area.y, theme[.title], in: area)
  }

  private static func drawTabs(_ state: AppState, on grid: inout CellGrid, _ layout: FrameLayout) {
    for tab in layout.tabs {
      let style = state.theme[tab.view == state.view ? .tabSelected : .tab]
      let title = ViewCatalog.view(tab.view).title
      grid.put(
        "\(tab.view.digit) \(title)", x: tab.area.x, y: tab.area.y, style, in: layout.tabRow)
    }
  }
}
