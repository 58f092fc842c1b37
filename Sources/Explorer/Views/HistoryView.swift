internal import Jobs
public import Terminal
public import Workspace

/// Which revision or job the cursor stands on.
public struct HistoryState: ViewState, Hashable {
  public var cursor = RevisionID.original
  /// Whether the cursor is in the list of jobs.
  public var isInJobs = false
  /// Position in the list of jobs, newest first.
  public var job = 0
  /// A leaf that D was pressed on once.
  var deleting: RevisionID?

  public init() {}
}

extension ViewID {
  public static let history = ViewID("history")
}

extension AppState {
  public var history: HistoryState {
    get { self[HistoryView.self] }
    set { self[HistoryView.self] = newValue }
  }
}

/// View 7: the tree of revisions, and the jobs beside it.
public enum HistoryView: View {
  public typealias State = HistoryState
  public static let id = ViewID.history
  public static let title = "History"

  public static let bindings: [Binding] = [
    Binding(.enter, label: "go", help: "show this revision") { state in
      state.history.isInJobs ? [] : [.go(state.history.cursor)]
    },
    Binding(.character("D"), label: "delete", help: "delete a revision without descendants") {
      $0.deleteRevision()
    },
    Binding(.tab, label: "jobs", help: "between revisions and jobs") { state in
      state.history.isInJobs.toggle()
      return []
    },
    Binding(.character("r"), label: "retry", help: "run a failed or cancelled job again") { state in
      guard let job = state.selectedJob, job.canRetry else {
        state.notice = Notice("Tab to a failed or cancelled job first.")
        return []
      }
      return [.retryJob(job.id)]
    },
    Binding(.character("x"), help: "cancel the job under the cursor") { state in
      guard let job = state.selectedJob, !job.state.isOver else {
        state.notice = Notice("Tab to a running or queued job first.")
        return []
      }
      return [.cancelJob(job.id)]
    },
    Binding(.down, .character("j"), help: "down") { $0.stepHistory(by: 1) },
    Binding(.up, .character("k"), help: "up") { $0.stepHistory(by: -1) },
    Binding(.home, .character("g"), help: "the first") { $0.stepHistory(by: -1_000_000) },
    Binding(.end, .character("G"), help: "the last") { $0.stepHistory(by: 1_000_000) },
  ]

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let layout = HistoryLayout(state, in: area)
    grid.box(
      layout.revisions, title: layout.title,
      theme[state.history.isInJobs ? .border : .borderFocused], in: area)
    grid.box(
      layout.jobs, title: "jobs", theme[state.history.isInJobs ? .borderFocused : .border],
      in: area)
    drawTree(layout, state, on: &grid, in: layout.tree)
    drawJobs(state, on: &grid, in: layout.jobs.inset())
    for (row, line) in layout.details.enumerated() {
      grid.putLine(line, in: layout.status, row: row, theme[.text])
    }
  }

  private static func drawTree(
    _ layout: HistoryLayout, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    let lines = layout.lines
    let top = HistoryLayout.top(of: lines, state, height: area.height)
    for (row, line) in lines.dropFirst(top).prefix(area.height).enumerated() {
      let isCursor = line.id == state.history.cursor && !state.history.isInJobs
      let right = facts(line.id, state, layout.showsSparsity)
      let style = theme[isCursor ? .selected : line.id == state.current ? .accent : .text]
      let room = max(12, area.width - right.columns - 2)
      grid.putLine(Self.title(line, state).truncated(to: room), in: area, row: row, style)
      if area.width - room >= right.columns {
        grid.putLine(right, in: area, row: row, .trailing, theme[.dim])
      }
    }
  }

  /// A line of the tree, without its figures.
  static func title(_ line: HistoryTree.Line, _ state: AppState) -> String {
    let sign = line.id == state.current ? "◆" : "●"
    return "\(line.branch)\(sign) \(line.id) \(state.tree[line.id]?.title ?? "")"
  }

  /// The figures of a revision.
  static func facts(_ id: RevisionID, _ state: AppState, _ showsSparsity: Bool) -> String {
    guard let metrics = state.tree[id]?.metrics else { return "" }
    var facts: [String] = []
    metrics.fileBytes.map { facts.append(ByteCount.text($0)) }
    metrics.loss.map { facts.append("loss " + Decimal.text($0, 4)) }
    if showsSparsity { metrics.sparsity.map { facts.append(Decimal.percent($0, 0) + " zero") } }
    return facts.joined(separator: "  ")
  }

  private static func drawJobs(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let jobs = state.listedJobs
    if jobs.isEmpty {
      grid.putLine("none yet", in: area, theme[.dim])
      return
    }
    let top = max(0, min(state.history.job - area.height / 2, jobs.count - area.height))
    for (row, job) in jobs.dropFirst(top).prefix(area.height).enumerated() {
      let isCursor = state.history.isInJobs && row + top == state.history.job
      let (sign, text, role) = words(job)
      let style = theme[isCursor ? .selected : role]
      // A reason may be long, and is cut last; a time has its place at the right.
      if case .failed = job.state {
        grid.putLine("\(sign) \(job.title)  \(text)", in: area, row: row, style)
        continue
      }
      let room = max(0, area.width - text.columns - 2)
      grid.putLine("\(sign) \(job.title)".truncated(to: room), in: area, row: row, style)
      grid.putLine(text, in: area, row: row, .trailing, style)
    }
  }

  /// A job on one line, its title and what became of it.
  static func line(_ job: JobRecord) -> String {
    let (sign, text, _) = words(job)
    return "\(sign) \(job.title)  \(text)"
  }

  private static func words(_ job: JobRecord) -> (String, String, Role) {
    switch job.state {
    case .queued: ("·", "queued", .dim)
    case .running: ("▶", Decimal.percent(job.progress.fraction, 0), .accent)
    case .paused: ("‖", "paused", .warning)
    case .done: ("+", Duration.text(job.elapsed), .text)
    case .cancelled: ("-", "cancelled", .dim)
    case .failed(let reason): ("!", reason, .bad)
    }
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    switch mouse.kind {
    case .wheelDown: return state.stepHistory(by: 1)
    case .wheelUp: return state.stepHistory(by: -1)
    case .press:
      let layout = HistoryLayout(state, in: area)
      guard layout.status.contains(x: mouse.x, y: mouse.y) == false else { return [] }
      state.history.isInJobs = mouse.x >= layout.jobs.x
      guard !state.history.isInJobs else { return [] }
      let (inner, lines) = (layout.tree, layout.lines)
      let index =
        mouse.y - inner.y + HistoryLayout.top(of: lines, state, height: inner.height)
      guard inner.contains(x: mouse.x, y: mouse.y), lines.indices.contains(index) else { return [] }
      if lines[index].id == state.history.cursor { return [.go(lines[index].id)] }
      state.history.cursor = lines[index].id
      return []
    case .release, .drag, .move: return []
    }
  }

  public static func follow(from former: RevisionID, _ state: inout AppState) {
    state.history.cursor = state.current
  }

  public static func leaveDeleted(_ state: inout AppState) {
    if state.tree[state.history.cursor] == nil { state.history.cursor = state.current }
  }
}

/// Where the parts of the History view lie.
struct HistoryLayout {
  let revisions: Rect
  /// On the frame of the revisions.
  let title: String
  let jobs: Rect
  /// Inside the frame of the revisions.
  let tree: Rect
  /// Where what the list under the cursor had to cut is written out.
  let status: Rect
  let details: [String]
  let lines: [HistoryTree.Line]
  /// Whether the figures are three.
  let showsSparsity: Bool

  /// Most lines that are written out.
  private static let detailLimit = 3

  init(_ state: AppState, in area: Rect) {
    let lines = HistoryTree.lines(state.tree)
    let jobs = state.listedJobs
    let usual = area.columns(weights: [3, 2]).map { $0.width - 2 }
    let showsSparsity = usual[0] >= 56
    let revisionTexts = lines.map { line in
      (HistoryView.title(line, state), HistoryView.facts(line.id, state, showsSparsity))
    }
    let jobTexts = jobs.map(HistoryView.line)
    let text = state.tree[state.history.cursor]?.metrics.measuredOn ?? state.measuredOn
    title = "revisions" + (text.map { " · loss on \($0)" } ?? "")
    let wanted = [
      revisionTexts.reduce(title.columns + 3) { max($0, $1.0.columns + 2 + $1.1.columns) },
      (jobTexts + ["none yet"]).map(\.columns).max() ?? 0,
    ]
    // Where one has too little room and the other too much, the rule between them moves.
    var left = usual[0]
    if wanted[0] > usual[0], wanted[1] < usual[1] {
      left = min(wanted[0], usual[0] + usual[1] - wanted[1])
    } else if wanted[1] > usual[1], wanted[0] < usual[0] {
      left = max(wanted[0], usual[0] + usual[1] - wanted[1])
    }
    let right = usual[0] + usual[1] - left
    func details(_ text: String, isCut: Bool) -> [String] {
      guard isCut else { return [] }
      return Array(text.wrapped(to: max(1, area.width - 2)).prefix(Self.detailLimit))
    }
    let revisionDetails = revisionTexts.map {
      details($0.0, isCut: $0.0.columns + 2 + $0.1.columns > left)
    }
    let jobDetails = jobTexts.map { details($0, isCut: $0.columns > right) }
    let here =
      state.history.isInJobs
      ? state.history.job : lines.firstIndex { $0.id == state.history.cursor } ?? 0
    let shown = state.history.isInJobs ? jobDetails : revisionDetails
    self.details = shown.indices.contains(here) ? shown[here] : []
    // As many rows wherever the cursor stands, so that the lists stay where they are.
    let (status, panes) = area.split(
      bottom: (revisionDetails + jobDetails).map(\.count).max() ?? 0)
    self.status = status.inset(left: 1, right: 1)
    (revisions, self.jobs) = panes.split(left: left + 2)
    tree = revisions.inset()
    (self.lines, self.showsSparsity) = (lines, showsSparsity)
  }

  /// The first line in sight.
  static func top(of lines: [HistoryTree.Line], _ state: AppState, height: Int) -> Int {
    let here = lines.firstIndex { $0.id == state.history.cursor } ?? 0
    return max(0, min(here - height / 2, lines.count - height))
  }
}

/// The tree of revisions as lines: a line of passes stays unindented, a branch
/// moves to the right.
package enum HistoryTree {
  package struct Line {
    package let id: RevisionID
    package let branch: String
  }

  package static func lines(_ tree: RevisionTree) -> [Line] {
    var lines: [Line] = []
    var stack: [(id: RevisionID, branch: String)] = [(tree.original.id, "")]
    while let (id, branch) = stack.popLast() {
      lines.append(Line(id: id, branch: branch))
      let children = tree.children(of: id)
      for (index, child) in children.enumerated().reversed() {
        let indent = children.count > 1 && index < children.count - 1
        stack.append((child.id, indent ? branch + "├─" : branch))
      }
    }
    return lines
  }
}

extension AppState {
  /// Passes, saves and measurements, newest first.
  var listedJobs: [JobRecord] {
    jobs.filter { $0.kind != .preview && $0.kind != .statistics }.reversed()
  }

  /// The job under the cursor of the History view.
  var selectedJob: JobRecord? {
    let jobs = listedJobs
    return history.isInJobs && jobs.indices.contains(history.job) ? jobs[history.job] : nil
  }

  mutating func stepHistory(by steps: Int) -> [Effect] {
    history.deleting = nil
    if history.isInJobs {
      history.job = max(0, min(listedJobs.count - 1, history.job + steps))
      return []
    }
    let lines = HistoryTree.lines(tree)
    let here = lines.firstIndex { $0.id == history.cursor } ?? 0
    history.cursor = lines[max(0, min(lines.count - 1, here + steps))].id
    return []
  }

  /// Deletes a leaf when asked twice.
  mutating func deleteRevision() -> [Effect] {
    let id = history.cursor
    guard id != .original else {
      notice = Notice("The original cannot be deleted.")
      return []
    }
    guard tree.children(of: id).isEmpty else {
      notice = Notice("\(id) has revisions after it; delete those first.")
      return []
    }
    guard history.deleting == id else {
      history.deleting = id
      notice = Notice("Press D again to delete \(id).")
      return []
    }
    history.deleting = nil
    history.cursor = tree[id]?.parent ?? .original
    return [.delete(id)]
  }
}
