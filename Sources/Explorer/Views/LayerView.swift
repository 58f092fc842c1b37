internal import Tensors
public import Terminal
internal import Workspace

extension ViewID {
  public static let layer = ViewID("layer")
}

/// View 2: one layer's histogram and mask, from the whole matrix down to one
/// weight.
public enum LayerView: View {
  public static let id = ViewID.layer
  public static let title = "Layer"
  public static let drawsWeights = true

  public static let bindings: [Binding] = [
    Binding(
      .tab, label: "picture",
      help: "the next picture: mask, mean |w|, tiles, channels, spectrum, codes, experts"
    ) {
      state in
      state.layer.tab = next(state.layer.tab, 1, in: state.model)
      return []
    },
    Binding(.backTab, help: "the picture before") { state in
      state.layer.tab = next(state.layer.tab, -1, in: state.model)
      return []
    },
    Binding(.character("+"), label: "zoom", help: "zoom in, down to one weight a cell") {
      $0.zoomLayer(by: 1)
    },
    Binding(.character("-"), help: "zoom out") { $0.zoomLayer(by: -1) },
    Binding(.character("="), .character("0"), label: "fit", help: "fit the whole matrix") {
      state in
      state.layer.zoom = 0
      return []
    },
    Binding(.character("L"), label: "log", help: "logarithmic counts in the histogram, or linear") {
      state in
      state.layer.isLogarithmic.toggle()
      return []
    },
    Binding(.character("["), help: "fewer bins in the histogram") { state in
      state.layer.binShift = max(-4, state.layer.binShift - 1)
      return []
    },
    Binding(.character("]"), help: "more bins in the histogram") { state in
      state.layer.binShift = min(0, state.layer.binShift + 1)
      return []
    },
    Binding(.character("t"), help: "larger tiles in the picture of tiles; around to the smallest") {
      state in
      state.layer.tile = state.layer.tile >= 128 ? 2 : state.layer.tile * 2
      return []
    },
    Binding(.character("n"), label: "next layer", help: "the next layer of the model") {
      $0.stepLayer(by: 1)
    },
    Binding(.character("N"), help: "the layer before") { $0.stepLayer(by: -1) },
    Binding(.down, .character("j"), help: "down by a cell") { $0.panLayer(0, 1) },
    Binding(.up, .character("k"), help: "up by a cell") { $0.panLayer(0, -1) },
    Binding(.right, .character("l"), help: "right by a cell") { $0.panLayer(1, 0) },
    Binding(.left, .character("h"), help: "left by a cell") { $0.panLayer(-1, 0) },
    Binding(.shiftDown, .pageDown, .control("f"), help: "down by ten cells") { $0.panLayer(0, 10) },
    Binding(.shiftUp, .pageUp, .control("b"), help: "up by ten cells") { $0.panLayer(0, -10) },
    Binding(.shiftRight, help: "right by ten cells") { $0.panLayer(10, 0) },
    Binding(.shiftLeft, help: "left by ten cells") { $0.panLayer(-10, 0) },
    Binding(.home, .character("g"), help: "the first weight") { state in
      state.layer.row = 0
      state.layer.column = 0
      return []
    },
    Binding(.end, .character("G"), help: "the last row") { state in
      state.layer.row = max(0, (state.shapeOnScreen?.rows ?? 1) - 1)
      return []
    },
  ]

  public static let commands: [Command] = [
    Command(
      "layer", "layer PATH", "show the layer of that path",
      completing: { state, words in
        state.model.paths(beginningWith: words.last ?? "", limit: AppState.completionLimit)
      }
    ) { state, words in
      guard let path = words.first, let layer = state.model.layers.first(where: { $0.path == path })
      else { throw CommandError("there is no layer ‘\(words.first ?? "")’") }
      state.layer.open(layer.name)
      return state.show(.layer)
    }
  ]

  /// Models without experts have no routers.
  private static func next(
    _ tab: LayerState.Tab, _ step: Int, in model: ModelMap
  ) -> LayerState.Tab {
    let all = LayerState.Tab.allCases.filter { $0 != .routing || model.hasExperts }
    let index = all.firstIndex(of: tab) ?? 0
    return all[(index + step + all.count) % all.count]
  }

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let layout = LayerLayout(state, in: area)
    guard let layer = state.layerOnScreen else {
      grid.putLine("No layer to show.", in: area, row: 1, .center, state.theme[.dim])
      return
    }
    let shown = state.shownLayer
    LayerHeading.draw(layer, shown.after, state, on: &grid, in: layout.heading)
    let histogram = grid.box(
      layout.histogram, title: histogramTitle(shown, state, width: layout.histogram.width - 5),
      state.theme[.border], in: area)
    HistogramDrawing.draw(
      shown.after?.statistics, before: shown.before?.statistics, state,
      on: &grid, in: histogram)
    drawPicture(layer, shown, state, on: &grid, layout, in: area)
    LayerStatus.draw(layer, shown.after, state, on: &grid, in: layout.status)
  }

  /// What the columns show: all of it, or what is least known.
  private static func histogramTitle(
    _ shown: ShownLayer, _ state: AppState, width: Int
  ) -> String {
    let counts = state.layer.isLogarithmic ? "log counts" : nil
    let shades = shown.before.map { _ in "before ░  after █" }
    let whole = ["weights", counts, shades].compactMap { $0 }.joined(separator: " · ")
    if whole.columns <= width { return whole }
    return [counts.map { _ in "log" }, shades].compactMap { $0 }.joined(separator: " · ")
  }

  private static func drawPicture(
    _ layer: ModelMap.Layer, _ shown: ShownLayer, _ state: AppState, on grid: inout CellGrid,
    _ layout: LayerLayout, in area: Rect
  ) {
    // What is only previewed has no codes yet and was not run: the revision is shown.
    let isPreview = shown.isPreview && !state.layer.tab.isList
    let drawn = isPreview == shown.isPreview ? shown.after : shown.before
    let window = layout.window(drawn?.shape ?? layer.shape, state)
    let place =
      "rows \(window.rows.lowerBound)–\(window.rows.upperBound - 1) · "
      + "columns \(window.columns.lowerBound)–\(window.columns.upperBound - 1)"
    var title = state.layer.tab.title + (isPreview ? " (preview)" : "")
    if state.layer.tab == .mask || state.layer.tab == .magnitude {
      // The scale tells more than the place where there is no room for both.
      let whole = title + " · " + place + " · 1 dot = " + window.scale
      title =
        whole.columns + 6 <= layout.picture.width ? whole : title + " · 1 dot = " + window.scale
    }
    let style = state.theme[isPreview ? .borderFocused : .border]
    let inner = grid.box(layout.picture, title: title, style, in: area)
    guard let drawn else {
      grid.putLine("reading …", in: inner, row: inner.height / 2, .center, state.theme[.dim])
      return
    }
    MatrixDrawing.draw(drawn, window, state, on: &grid, in: inner)
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    guard let shape = state.shapeOnScreen, !state.layer.tab.isList else { return [] }
    let layout = LayerLayout(state, in: area)
    let inner = layout.picture.inset()
    guard inner.contains(x: mouse.x, y: mouse.y) else { return [] }
    let window = layout.window(shape, state)
    return state.handlePicture(mouse, window, at: inner)
  }

  public static func demands(_ state: AppState, in area: Rect) -> [Effect] {
    guard let name = state.layer.name else { return [] }
    let parent = state.tree[state.current]?.parent
    return state.layerDemands(name, [state.current] + (parent.map { [$0] } ?? []))
  }
}

/// The layer on screen: as it is or would be, and as it was.
struct ShownLayer {
  let before: LayerSnapshot?
  let after: LayerSnapshot?
  let isPreview: Bool
}

extension AppState {
  /// What drawing a layer of some revisions still lacks.
  func layerDemands(_ name: String, _ revisions: [RevisionID]) -> [Effect] {
    let layers = revisions.filter {
      snapshot(name, $0) == nil || stale.contains(LayerKey(name: name, revision: $0))
    }
    .map { Effect.requestLayer(name, of: $0) }
    switch layer.tab {
    case .mask, .magnitude, .tiles, .channels: return layers
    case .spectrum:
      return layers
        + revisions.filter { spectrum(name, $0) == nil }.map { .requestSpectrum(name, of: $0) }
    case .codes:
      let drawn = view == .layer ? [current] : revisions
      return layers + drawn.filter { codes(name, $0) == nil }.map { .requestCodes(name, of: $0) }
    case .routing:
      guard whyNotRunnable == nil, router(of: name) != nil else { return layers }
      let drawn = view == .layer ? [current] : revisions
      return layers + drawn.filter { routers[$0] == nil }.map { .requestRouters($0) }
    }
  }

  /// What the Layer view draws: the preview of the open sheet over the present
  /// revision, or the present revision over its parent.
  var shownLayer: ShownLayer {
    guard let name = layer.name else {
      return ShownLayer(before: nil, after: nil, isPreview: false)
    }
    let present = snapshot(name, current)
    if let preview = sheet?.preview?.layer, preview.name == name {
      return ShownLayer(before: present, after: preview, isPreview: true)
    }
    let parent = tree[current]?.parent.flatMap { snapshot(name, $0) }
    return ShownLayer(before: parent, after: present, isPreview: false)
  }

  /// The shape of the layer on screen in the revision on screen, which passes may have changed;
  /// of two revisions that are compared, rows and columns of the larger one.
  var shapeOnScreen: Shape? {
    guard let layer = layerOnScreen else { return nil }
    let revisions = view == .compare ? [pair.left, comparedRevision] : [current]
    let drawn = view == .layer ? shownLayer.after.map { [$0.shape] } : nil
    let shapes = drawn ?? revisions.map { snapshot(layer.name, $0)?.shape ?? layer.shape }
    return [shapes.map(\.rows).max() ?? 0, shapes.map(\.columns).max() ?? 0]
  }

  mutating func zoomLayer(by steps: Int) -> [Effect] {
    guard let shape = shapeOnScreen else { return [] }
    let layout = LayerLayout(self, in: FrameLayout(self).view)
    let inner = layout.picture.inset()
    let highest = layer.highestZoom(shape, width: inner.width, height: inner.height * 2)
    layer.zoom = min(max(0, layer.zoom + steps), highest)
    return []
  }

  /// Moves the cursor by pixels of the picture.
  mutating func panLayer(_ x: Int, _ y: Int) -> [Effect] {
    guard let shape = shapeOnScreen, shape.count > 0 else { return [] }
    let layout = LayerLayout(self, in: FrameLayout(self).view)
    let window = layout.window(shape, self)
    guard window.width > 0, window.height > 0 else { return [] }
    // Ceiling division, so that a step always leaves the cell it starts in. Codes and experts
    // are shown one by one.
    let isSingle = layer.tab.isList && view == .layer
    let down = isSingle ? 1 : (window.rows.count + window.height - 1) / window.height
    let right = isSingle ? 1 : (window.columns.count + window.width - 1) / window.width
    layer.row = min(max(0, layer.row + y * down), shape.rows - 1)
    layer.column = min(max(0, layer.column + x * right), shape.columns - 1)
    return []
  }

  /// Goes to the layer `steps` further on in the model.
  mutating func stepLayer(by steps: Int) -> [Effect] {
    let layers = model.layers
    guard !layers.isEmpty else { return [] }
    let index = layer.name.flatMap { model.position(of: $0) } ?? 0
    layer.open(layers[(index + steps + layers.count) % layers.count].name)
    return sheet == nil ? [] : askPreview()
  }
}
