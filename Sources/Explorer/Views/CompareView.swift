internal import Tensors
public import Terminal
internal import Workspace

/// What the right half shows.
public struct CompareState: ViewState, Hashable {
  /// Whether it shows the difference instead of the revision.
  public var showsDifference = false

  public init() {}
}

extension ViewID {
  public static let compare = ViewID("compare")
}

extension AppState {
  public var compare: CompareState {
    get { self[CompareView.self] }
    set { self[CompareView.self] = newValue }
  }
}

/// View 3: before and after, any two revisions; both halves pan and zoom
/// together.
public enum CompareView: View {
  public typealias State = CompareState
  public static let id = ViewID.compare
  public static let title = "Compare"
  public static let drawsWeights = true

  public static let bindings: [Binding] =
    [
      Binding(.character("x"), label: "swap", help: "swap the two halves") { state in
        let right = state.comparedRevision
        state.pair.right = state.pair.left
        state.pair.left = right
        return []
      },
      Binding(
        .character("d"), label: "difference", help: "show which weights were lost, or the halves"
      ) { state in
        state.compare.showsDifference.toggle()
        return []
      },
      Binding(
        .character("n"), label: "next change",
        help: "the next layer, in order of change: the most changed comes first"
      ) { $0.stepChange(by: 1) },
      Binding(.character("N"), help: "the layer before in that order, which changed more") {
        $0.stepChange(by: -1)
      },
      Binding(.character(","), help: "an earlier revision on the left") { $0.stepLeft(by: -1) },
      Binding(.character("."), help: "a later revision on the left") { $0.stepLeft(by: 1) },
    ]
    + LayerView.bindings.filter {
      $0.keys.first != .character("n") && $0.keys.first != .character("N")
    }

  public static let commands: [Command] = [
    Command(
      "compare", "compare rA [rB]", "show two revisions side by side",
      completing: { state, _ in state.tree.revisions.map { $0.id.description } }
    ) { state, words in
      state.pair.left = try CommandText.revision(Array(words.prefix(1)), state)
      if words.count > 1 {
        state.pair.right = try CommandText.revision(Array(words.dropFirst()), state)
      }
      return state.show(.compare)
    }
  ]

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let layout = CompareLayout(area)
    let theme = state.theme
    grid.vline(x: layout.rule, y: area.y, length: area.height, theme[.border], in: area)
    guard let layer = state.layerOnScreen else { return }
    let sides = [(state.pair.left, layout.left), (state.comparedRevision, layout.right)]
    for (index, side) in sides.enumerated() {
      let isDifference = index == 1 && state.compare.showsDifference
      drawHalf(
        side.0, beside: sides[1 - index].0, layer, state, isDifference: isDifference, on: &grid,
        in: side.1)
    }
  }

  private static func drawHalf(
    _ id: RevisionID, beside other: RevisionID, _ layer: ModelMap.Layer, _ state: AppState,
    isDifference: Bool,
    on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    let half = CompareHalf(area)
    let title = state.tree.path(to: id).map(\.title).joined(separator: " → ")
    grid.putLine("\(id) \(title)", in: half.heading, theme[.accent])
    let picture = isDifference ? "mean |w − w′| to \(other)" : state.layer.tab.title
    grid.putLine(
      Facts.line([layer.path.replacingDots(), picture], width: half.layer.width), in: half.layer,
      theme[.dim])
    let snapshot = state.snapshot(layer.name, id)
    let window = state.layer.window(
      snapshot?.shape ?? layer.shape, width: half.picture.width, height: half.picture.height * 2)
    if half.histogram.height >= 3 {
      HistogramDrawing.draw(
        snapshot?.statistics, before: nil,
        alongside: state.snapshot(layer.name, other)?.statistics, state, on: &grid,
        in: half.histogram)
    }
    if let snapshot {
      if isDifference, let before = state.snapshot(layer.name, state.pair.left) {
        DifferenceDrawing.draw(before, snapshot, window, state, on: &grid, in: half.picture)
      } else {
        MatrixDrawing.draw(snapshot, window, state, on: &grid, in: half.picture)
      }
    } else {
      grid.putLine(
        "reading …", in: half.picture, row: half.picture.height / 2, .center, theme[.dim])
    }
    drawMetrics(id, snapshot, state, on: &grid, in: half.metrics)
  }

  private static func drawMetrics(
    _ id: RevisionID, _ snapshot: LayerSnapshot?, _ state: AppState, on grid: inout CellGrid,
    in area: Rect
  ) {
    guard let metrics = state.tree[id]?.metrics else { return }
    var facts: [String] = []
    if let change = snapshot?.statistics.nonFinite, !change.isEmpty {
      facts.append("! here: \(change)")
    } else if let broken = metrics.nonFinite?.presence {
      facts.append("! \(broken) weights")
    }
    if let loss = metrics.loss {
      facts.append("loss \(Decimal.text(loss, 4))")
    } else {
      facts.append(state.whyNotRunnable == nil ? "loss …" : "loss n/a")
    }
    if let bytes = metrics.fileBytes {
      let ratio = Double(state.model.fileByteCount) / Double(max(bytes, 1))
      facts.append("\(ByteCount.text(bytes)) (\(Decimal.text(ratio, 1))×)")
    }
    if id != .original { facts += changes(metrics, snapshot, state) }
    metrics.layerSpeed.map { facts.append(LayerSpeedText($0).text) }
    metrics.bitsPerWeight.map { facts.append("\(Decimal.text($0, 2)) b/w") }
    metrics.sparsity.map { facts.append("sparsity \(Decimal.percent($0))") }
    metrics.tokensPerSecond.map { facts.append("\(Count.text($0)) tok/s") }
    metrics.measuredOn.map { facts.append("loss on \($0)") }
    for (row, line) in Facts.lines(facts, width: area.width).prefix(area.height).enumerated() {
      grid.putLine(line, in: area, row: row, state.theme[.text])
    }
  }

  /// What compares a revision with the original; the first fact says so.
  private static func changes(
    _ metrics: Metrics, _ snapshot: LayerSnapshot?, _ state: AppState
  ) -> [String] {
    var changes: [String] = []
    if let loss = metrics.loss, let former = state.tree.original.metrics.loss {
      changes.append("loss \(Decimal.signed((loss / former - 1) * 100, 1)) %")
    }
    changes.append("error here \(error(snapshot?.statistics))")
    metrics.kl.map { changes.append("KL \(Decimal.short($0))") }
    metrics.agreement.map { changes.append("agrees \(Decimal.percent($0))") }
    changes[0] = "vs \(RevisionID.original): " + changes[0]
    return changes
  }

  private static func error(_ statistics: LayerStatistics?) -> String {
    if statistics?.isReshaped == true { return "n/a, of another shape" }
    return statistics?.error.map { Decimal.error($0) } ?? "…"
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    guard let layer = state.layerOnScreen else { return [] }
    let layout = CompareLayout(area)
    let isLeft = mouse.x < layout.rule
    let picture = CompareHalf(isLeft ? layout.left : layout.right).picture
    let id = isLeft ? state.pair.left : state.comparedRevision
    let window = state.layer.window(
      state.snapshot(layer.name, id)?.shape ?? layer.shape, width: picture.width,
      height: picture.height * 2)
    guard picture.contains(x: mouse.x, y: mouse.y) else { return [] }
    return state.handlePicture(mouse, window, at: picture)
  }

  public static func demands(_ state: AppState, in area: Rect) -> [Effect] {
    guard let name = state.layer.name else { return [] }
    let layers = state.layerDemands(name, [state.pair.left, state.comparedRevision])
    // The layers of the blocks are measured whenever others are.
    let known = state.figures[state.comparedRevision]?.count ?? 0
    guard known < state.model.nameCount else { return layers }
    return layers
      + [.requestFigures(state.comparedRevision, visible: state.model.otherNames)]
  }
}

/// Where the halves of the Compare view lie.
struct CompareLayout {
  let left: Rect
  let right: Rect
  /// Column of the rule between them.
  let rule: Int

  init(_ area: Rect) {
    let (left, rest) = area.split(left: area.width / 2)
    rule = rest.x
    self.left = left.inset(left: 1, right: 1)
    right = rest.inset(left: 2)
  }
}

/// Where the parts of one half lie.
struct CompareHalf {
  let heading: Rect
  let layer: Rect
  let histogram: Rect
  let picture: Rect
  let metrics: Rect

  init(_ area: Rect) {
    let (heading, afterHeading) = area.split(top: 1)
    let (layer, afterLayer) = afterHeading.split(top: 1)
    let (metrics, middle) = afterLayer.split(bottom: area.width < 50 ? 3 : 2)
    let (histogram, picture) = middle.split(top: middle.height / 3)
    self.heading = heading
    self.layer = layer
    self.metrics = metrics
    self.histogram = histogram
    self.picture = picture
  }
}

extension AppState {
  /// Goes to the next layer in the order of change between the two revisions.
  mutating func stepChange(by steps: Int) -> [Effect] {
    let ranking = changeRanking()
    let count = ranking.names.count
    guard count > 0 else {
      notice = Notice("\(comparedRevision) changes no layer of the original, as far as is known.")
      return []
    }
    let next = ranking.place(of: layer.name).map { ($0 + steps + count) % count } ?? 0
    layer.open(ranking.names[next])
    return []
  }

  /// Another revision in the left half.
  mutating func stepLeft(by steps: Int) -> [Effect] {
    let ids = tree.revisions.map(\.id)
    let here = ids.firstIndex(of: pair.left) ?? 0
    pair.left = ids[min(max(0, here + steps), ids.count - 1)]
    return []
  }

  /// Clicks, drags and the wheel on a picture of the layer's matrix.
  mutating func handlePicture(_ mouse: Mouse, _ window: MatrixWindow, at picture: Rect) -> [Effect]
  {
    let x = mouse.x - picture.x
    let y = (mouse.y - picture.y) * 2
    guard x >= 0, y >= 0, x < window.width, y < window.height else { return [] }
    let cell = window.cell(x, y)
    switch mouse.kind {
    case .wheelDown: return zoomLayer(by: -1)
    case .press, .drag, .wheelUp:
      layer.row = cell.rows.lowerBound
      layer.column = cell.columns.lowerBound
      return mouse.kind == .wheelUp ? zoomLayer(by: 1) : []
    case .release, .move: return []
    }
  }
}
