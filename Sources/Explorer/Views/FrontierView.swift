internal import Glibc
public import Terminal
public import Workspace

/// The point one stands on, and the target that is aimed at.
public struct FrontierState: ViewState, Hashable {
  /// A size or a loss to be met.
  public enum Target: Sendable, Hashable {
    case bytes(Int)
    case loss(Double)

    /// From the words of `target 1.5MB`, `target loss 1.53`; nil for `off`.
    package init?(_ words: [String]) throws {
      if words == ["off"] { return nil }
      if words.first == "loss", words.count == 2, let loss = Double(words[1]), loss > 0,
        loss.isFinite
      {
        self = .loss(loss)
      } else if let bytes = ByteCount.bytes(words.joined()) {
        self = .bytes(bytes)
      } else {
        throw CommandError("a target is a size (1.5MB), a loss (loss 1.53), or off")
      }
    }
  }

  public var selected = RevisionID.original
  public var target: Target?

  public init() {}
}

extension ViewID {
  public static let frontier = ViewID("frontier")
}

extension AppState {
  public var frontier: FrontierState {
    get { self[FrontierView.self] }
    set { self[FrontierView.self] = newValue }
  }
}

/// View 5: size against loss of all revisions, and the front of the best.
public enum FrontierView: View {
  public typealias State = FrontierState
  public static let id = ViewID.frontier
  public static let title = "Frontier"

  public static let bindings: [Binding] = [
    Binding(.enter, label: "go", help: "go to the revision of this point") { state in
      [.go(state.frontier.selected)]
    },
    Binding(
      .right, .down, .character("l"), .character("j"), label: "next", help: "the next larger file"
    ) {
      $0.stepFrontier(by: 1)
    },
    Binding(.left, .up, .character("h"), .character("k"), help: "the next smaller file") {
      $0.stepFrontier(by: -1)
    },
    Binding(.home, .character("g"), help: "the smallest file") { $0.stepFrontier(by: -1_000_000) },
    Binding(.end, .character("G"), help: "the largest file") { $0.stepFrontier(by: 1_000_000) },
    Binding(.character("t"), label: "target", help: "aim at a size or a loss") {
      $0.openCommand("target ")
    },
  ]

  public static let commands: [Command] = [
    Command(
      "target", "target 1.5MB | target loss 1.53 | target off",
      "draw a line for a size or a loss in the Frontier"
    ) { state, words in
      state.frontier.target = try FrontierState.Target(words)
      return state.show(.frontier)
    }
  ]

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    let points = state.frontierPoints
    let unmeasured = state.tree.revisions.count - points.count
    let (status, upper) = area.split(bottom: 2)
    drawStatus(state, unmeasured: unmeasured, on: &grid, in: status.inset(left: 1, right: 1))
    let inner = grid.box(
      upper,
      title: "loss over bytes (logarithmic)" + (state.measuredOn.map { " · on \($0)" } ?? ""),
      theme[.border], in: area)
    guard !points.isEmpty else {
      let text =
        state.whyNotRunnable.map { "No loss: \($0)" } ?? "Nothing is measured yet; it is under way."
      grid.putLine(text, in: inner, row: inner.height / 2, .center, theme[.dim])
      return
    }
    let (axis, chartAndScale) = inner.split(bottom: 1)
    let (scale, chart) = chartAndScale.split(left: 8)
    let range = FrontierRange(points, state.frontier.target)
    drawScales(range, theme, on: &grid, axis: axis.inset(left: 8), scale: scale)
    drawLines(range, state, on: &grid, in: chart)
    for point in points {
      let place = range.cell(point, in: chart)
      let isSelected = point.id == state.frontier.selected
      let glyph = point.id == state.current ? "◆" : point.id == .original ? "○" : "●"
      let style = theme[isSelected ? .cursor : point.isOnFront ? .good : .text]
      grid.put(glyph, x: place.x, y: place.y, style, in: chart)
      let label = point.id.description
      let x = place.x + 1 + label.columns < chart.right ? place.x + 1 : place.x - label.columns
      grid.put(label, x: x, y: place.y, theme[isSelected ? .accent : .dim], in: chart)
    }
  }

  /// The front as steps, the original as a line, and the target.
  private static func drawLines(
    _ range: FrontierRange, _ state: AppState, on grid: inout CellGrid, in chart: Rect
  ) {
    var canvas = BrailleCanvas(columns: chart.width, rows: chart.height)
    let front = state.frontierPoints.filter(\.isOnFront)
    var corners: [(x: Double, y: Double)] = []
    for point in front {
      let here = range.share(point)
      if let last = corners.last { corners.append((here.x, last.y)) }
      corners.append(here)
    }
    canvas.curve(corners, series: 0)
    if let loss = state.tree.original.metrics.loss {
      let y = range.shareOfLoss(loss)
      canvas.curve([(0, y), (1, y)], series: 1)
    }
    switch state.frontier.target {
    case .bytes(let bytes):
      let x = range.shareOfBytes(Double(bytes))
      canvas.curve([(x, 0), (x, 1)], series: 2)
    case .loss(let loss):
      let y = range.shareOfLoss(loss)
      canvas.curve([(0, y), (1, y)], series: 2)
    case nil: break
    }
    let theme = state.theme
    grid.put(canvas, in: chart, clip: chart) { series in
      [theme[.good], theme[.dim], theme[.warning]][series]
    }
  }

  private static func drawScales(
    _ range: FrontierRange, _ theme: Theme, on grid: inout CellGrid, axis: Rect, scale: Rect
  ) {
    grid.putLine(Decimal.text(range.losses.upperBound, 3), in: scale, theme[.dim])
    grid.putLine(
      Decimal.text(range.losses.lowerBound, 3), in: scale, row: scale.height - 1, theme[.dim])
    grid.putLine(ByteCount.text(exp(range.logBytes.lowerBound)), in: axis, theme[.dim])
    grid.putLine(
      ByteCount.text(exp(range.logBytes.upperBound)), in: axis, .trailing, theme[.dim])
  }

  private static func drawStatus(
    _ state: AppState, unmeasured: Int, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    guard let revision = state.tree[state.frontier.selected] else { return }
    let metrics = revision.metrics
    let path = state.tree.path(to: revision.id).map(\.title).joined(separator: " → ")
    var facts = [revision.id.description]
    metrics.fileBytes.map { facts.append(ByteCount.text($0)) }
    metrics.loss.map { facts.append("loss \(Decimal.text($0, 4))") }
    metrics.bitsPerWeight.map { facts.append("\(Decimal.text($0, 2)) b/w") }
    facts.append(path)
    grid.putLine(facts.joined(separator: "   "), in: area, theme[.text])
    // What changes comes first: on a narrow screen the legend gives way.
    var legend = state.frontier.target.map { [verdict($0, state)] } ?? []
    if unmeasured > 0 { legend.append("\(unmeasured) not measured yet") }
    legend += [
      "◆ on screen", "○ original", "● others", "steps: the front, in green",
      "flat line: the original's loss",
    ]
    grid.putLine(Facts.line(legend, width: area.width), in: area, row: 1, theme[.dim])
  }

  /// Which revision meets the target best.
  private static func verdict(_ target: FrontierState.Target, _ state: AppState) -> String {
    let points = state.frontierPoints
    switch target {
    case .bytes(let bytes):
      let best = points.filter { $0.bytes <= bytes }.min { $0.loss < $1.loss }
      return "target \(ByteCount.text(bytes)): "
        + (best.map { "best is \($0.id)" } ?? "no revision is small enough")
    case .loss(let loss):
      let best = points.filter { $0.loss <= loss }.min { $0.bytes < $1.bytes }
      return "target loss \(Decimal.text(loss, 3)): "
        + (best.map { "smallest is \($0.id)" } ?? "no revision is good enough")
    }
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    guard mouse.kind == .press else { return [] }
    let points = state.frontierPoints
    let chart = area.split(bottom: 2).rest.inset().split(bottom: 1).rest.split(left: 8).rest
    let range = FrontierRange(points, state.frontier.target)
    let nearest = points.min { a, b in
      func distance(_ point: FrontierPoint) -> Int {
        let place = range.cell(point, in: chart)
        return abs(place.x - mouse.x) + 2 * abs(place.y - mouse.y)
      }
      return distance(a) < distance(b)
    }
    guard let nearest else { return [] }
    if state.frontier.selected == nearest.id { return [.go(nearest.id)] }
    state.frontier.selected = nearest.id
    return []
  }

  public static func follow(from former: RevisionID, _ state: inout AppState) {
    state.frontier.selected = state.current
  }

  public static func leaveDeleted(_ state: inout AppState) {
    if state.tree[state.frontier.selected] == nil { state.frontier.selected = state.current }
  }
}

/// A measured revision in the plane of size and loss.
package struct FrontierPoint {
  package let id: RevisionID
  package let bytes: Int
  package let loss: Double
  package let isOnFront: Bool

  package init(id: RevisionID, bytes: Int, loss: Double, isOnFront: Bool) {
    self.id = id
    self.bytes = bytes
    self.loss = loss
    self.isOnFront = isOnFront
  }
}

/// The part of the plane that is drawn, with a margin around the points.
package struct FrontierRange {
  package let logBytes: ClosedRange<Double>
  package let losses: ClosedRange<Double>

  package init(_ points: [FrontierPoint], _ target: FrontierState.Target?) {
    var sizes = points.map { log(Double(max($0.bytes, 1))) }
    var values = points.map(\.loss)
    switch target {
    case .bytes(let bytes): sizes.append(log(Double(max(bytes, 1))))
    case .loss(let loss): values.append(loss)
    case nil: break
    }
    logBytes = Self.range(sizes, least: 0.1)
    losses = Self.range(values, least: 0.01)
  }

  /// The values and a margin, which is never so small beside them that it is
  /// lost in rounding; its ends are finite.
  private static func range(_ values: [Double], least: Double) -> ClosedRange<Double> {
    let lowest = values.min() ?? 0
    let highest = values.max() ?? 1
    let margin = max((highest - lowest) * 0.08, abs(highest) * 1e-3, least)
    let limit = Double.greatestFiniteMagnitude
    return max(lowest - margin, -limit)...min(highest + margin, limit)
  }

  func shareOfBytes(_ bytes: Double) -> Double {
    (log(max(bytes, 1)) - logBytes.lowerBound) / (logBytes.upperBound - logBytes.lowerBound)
  }

  func shareOfLoss(_ loss: Double) -> Double {
    (loss - losses.lowerBound) / (losses.upperBound - losses.lowerBound)
  }

  func share(_ point: FrontierPoint) -> (x: Double, y: Double) {
    (shareOfBytes(Double(point.bytes)), shareOfLoss(point.loss))
  }

  package func cell(_ point: FrontierPoint, in chart: Rect) -> (x: Int, y: Int) {
    let share = share(point)
    return (
      chart.x + Self.place(share.x, on: chart.width),
      chart.y + Self.place(1 - share.y, on: chart.height)
    )
  }

  /// The cell of `length` that a share lies in; the middle one for no number.
  private static func place(_ share: Double, on length: Int) -> Int {
    let share = share.isNaN ? 0.5 : min(max(share, 0), 1)
    return Int((share * Double(max(length - 1, 0))).rounded())
  }
}

extension AppState {
  /// Measured revisions, smallest file first.
  var frontierPoints: [FrontierPoint] {
    let front = Set(tree.pareto)
    return tree.revisions.compactMap { revision in
      guard let bytes = revision.metrics.fileBytes, let loss = revision.metrics.loss,
        loss.isFinite
      else { return nil }
      return FrontierPoint(
        id: revision.id, bytes: bytes, loss: loss, isOnFront: front.contains(revision.id))
    }.sorted { ($0.bytes, $0.id) < ($1.bytes, $1.id) }
  }

  mutating func stepFrontier(by steps: Int) -> [Effect] {
    let points = frontierPoints
    guard !points.isEmpty else { return [] }
    let here = points.firstIndex { $0.id == frontier.selected } ?? 0
    frontier.selected = points[min(max(0, here + steps), points.count - 1)].id
    return []
  }
}
