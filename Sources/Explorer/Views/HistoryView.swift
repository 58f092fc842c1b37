internal import Jobs
public import Terminal
public import Workspace

/// Which revision or job the cursor stands on.
public struct HistoryState: Sendable, Hashable {
  public var cursor = RevisionID.original
  /// Whether the cursor is in the list of jobs.
  public var isInJobs = false
  /// Position in the list of jobs, newest first.
  public var job = 0
  /// A leaf that D was pressed on once.
  var deleting: RevisionID?

  public init() {}
}

/// View 7: the tree of revisions, and the jobs beside it.
public enum HistoryView: View {
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
    let panes = area.columns(weights: [3, 2])
    let text = state.tree[state.history.cursor]?.metrics.measuredOn ?? state.measuredOn
    let title = "revisions" + (text.map { " · loss on \($0)" } ?? "")
    let tree = grid.box(
      panes[0], title: title.truncated(to: max(9, panes[0].width - 4)),
      theme[state.history.isInJobs ? .border : .borderFocused],
      in: area)
    let jobs = grid.box(
      panes[1], title: "jobs", theme[state.history.isInJobs ? .borderFocused : .border], in: area)
    drawTree(state, on: &grid, in: tree)
    drawJobs(state, on: &grid, in: jobs)
  }

  private static func drawTree(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let lines = HistoryTree.lines(state.tree)
    let here = lines.firstIndex { $0.id == state.history.cursor } ?? 0
    let top = max(0, min(here - area.height / 2, lines.count - area.height))
    for (row, line) in lines.dropFirst(top).prefix(area.height).enumerated() {
      guard let revision = state.tree[line.id] else { continue }
      let isCursor = line.id == state.history.cursor && !state.history.isInJobs
      let sign = line.id == state.current ? "◆" : "●"
      let metrics = revision.metrics
      var facts: [String] = []
      metrics.fileBytes.map { facts.append(ByteCount.text($0)) }
      metrics.loss.map { facts.append("loss " + Decimal.text($0, 4)) }
      if area.width >= 56 {
        metrics.sparsity.map { facts.append(Decimal.percent($0, 0) + " zero") }
      }
      let right = facts.joined(separator: "  ")
      let style = theme[isCursor ? .selected : line.id == state.current ? .accent : .text]
      let left = "\(line.branch)\(sign) \(line.id) \(revision.title)"
      let room = max(12, area.width - right.columns - 2)
      grid.putLine(
        left.truncated(to: room), in: area, row: row, style)
      if area.width - room >= right.columns {
        grid.putLine(right, in: area, row: row, .trailing, theme[.dim])
      }
    }
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
      let panes = area.columns(weights: [3, 2])
      state.history.isInJobs = mouse.x >= panes[1].x
      guard !state.history.isInJobs else { return [] }
      let inner = panes[0].inset()
      let lines = HistoryTree.lines(state.tree)
      let here = lines.firstIndex { $0.id == state.history.cursor } ?? 0
      let top = max(0, min(here - inner.height / 2, lines.count - inner.height))
      let index = mouse.y - inner.y + top
      guard inner.contains(x: mouse.x, y: mouse.y), lines.indices.contains(index) else { return [] }
      if lines[index].id == state.history.cursor { return [.go(lines[index].id)] }
      state.history.cursor = lines[index].id
      return []
    case .release, .drag, .move: return []
    }
  }

  public static func demands(_ state: AppState, in area: Rect) -> [Effect] { [] }
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
