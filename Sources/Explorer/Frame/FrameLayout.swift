public import Terminal

/// Where the parts of the screen lie; the same for drawing and for the mouse.
public struct FrameLayout: Sendable {
  /// Smallest screen that is drawn; on a smaller one only the size needed is shown.
  public static let smallest = (columns: 60, rows: 16)

  /// A view's name in the second row.
  public struct Tab: Sendable {
    public let view: ViewID
    public let area: Rect
  }

  public let title: Rect
  public let tabs: [Tab]
  public let tabRow: Rect
  public let view: Rect
  public let sheet: Rect?
  public let metrics: Rect
  public let job: Rect
  public let footer: Rect

  /// Lays out the screen for the state's size and what is open.
  public init(_ state: AppState) {
    let screen = Rect(width: state.columns, height: state.rows)
    let (title, belowTitle) = screen.split(top: 1)
    let (tabRow, belowTabs) = belowTitle.split(top: 1)
    let (footer, aboveFooter) = belowTabs.split(bottom: 1)
    let (job, aboveJob) = aboveFooter.split(bottom: JobLine.height(state))
    let (metrics, middle) = aboveJob.split(bottom: MetricsLine.height(state))
    self.title = title
    self.tabRow = tabRow
    self.footer = footer
    self.job = job
    self.metrics = metrics
    if let sheet = state.sheet {
      let height = min(SheetLayout.height(sheet, width: screen.width), max(3, middle.height - 6))
      let (bottom, rest) = middle.split(bottom: height)
      self.sheet = bottom
      view = rest
    } else {
      self.sheet = nil
      view = middle
    }
    var x = tabRow.x + 1
    tabs = ViewCatalog.all.map { view in
      let width = view.title.columns + 2
      defer { x += width + 2 }
      return Tab(view: view.id, area: Rect(x: x, y: tabRow.y, width: width, height: 1))
    }
  }
}
