internal import Workspace

/// What takes all layers of a model to work out: the order of sorted rows, what
/// a full bar stands for, and the layers by how much they changed.
///
/// Each is kept with the question that it answers, so that it is worked out
/// when the question changes and not with every key. It is only ever a copy of
/// what can be worked out again; `AppState.forgetOverview` loses nothing.
struct LayersOverview: Sendable {
  /// What the bars show: of which revision, and after how many changes.
  struct Bars: Hashable {
    let revision: RevisionID
    let quantity: BlocksState.Quantity
    let version: Int
  }

  struct Order: Hashable {
    let bars: Bars
    let filter: String
  }

  struct Changes: Hashable {
    let revision: RevisionID
    let version: Int
  }

  fileprivate(set) var sorted: (order: Order, rows: [ModelMap.Row])?
  fileprivate(set) var scale: (bars: Bars, full: Double)?
  fileprivate(set) var ranking: (changes: Changes, layers: LayerRanking)?
}

/// Layers by how much they changed, the most first.
struct LayerRanking: Sendable {
  let names: [String]
  private let places: [String: Int]

  init(_ layers: [ModelMap.Layer], error: (String) -> Double?) {
    let changed = layers.enumerated().compactMap { index, layer in
      error(layer.name).flatMap { $0 > 0 ? (error: $0, index: index) : nil }
    }
    names = changed.sorted { ($1.error, $0.index) < ($0.error, $1.index) }
      .map { layers[$0.index].name }
    places = Dictionary(
      names.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  func place(of name: String?) -> Int? { name.flatMap { places[$0] } }
}

extension AppState {
  private var bars: LayersOverview.Bars {
    LayersOverview.Bars(revision: current, quantity: blocks.quantity, version: barsVersion)
  }

  private var order: LayersOverview.Order {
    LayersOverview.Order(bars: bars, filter: blocks.filter)
  }

  /// Rows of the Blocks view in the order they are shown.
  var shownRows: [ModelMap.Row] {
    let matching = blocks.matchingRows ?? model.rows
    guard blocks.isSorted else { return matching }
    if let sorted = overview.sorted, sorted.order == order { return sorted.rows }
    return sortedByBars(matching)
  }

  /// How many rows the Blocks view shows.
  var shownRowCount: Int { (blocks.matchingRows ?? model.rows).count }

  private func sortedByBars(_ rows: [ModelMap.Row]) -> [ModelMap.Row] {
    let keyed = rows.enumerated().map { index, row in
      let values = row.layers.compactMap { barValue($0.name) }
      let mean = values.reduce(0, +) / Double(max(values.count, 1))
      return (row, values.isEmpty || mean.isNaN ? -Double.infinity : mean, index)
    }
    return keyed.sorted { ($1.1, $0.2) < ($0.1, $1.2) }.map(\.0)
  }

  /// The value that a full bar of the Blocks view stands for.
  var fullBar: Double {
    if blocks.quantity == .kept { return 1 }
    if let scale = overview.scale, scale.bars == bars { return scale.full }
    return measuredFullBar
  }

  private var measuredFullBar: Double {
    var widest = -Double.infinity
    func widen(_ value: Double?) {
      if let value, value.isFinite { widest = max(widest, value) }
    }
    if blocks.quantity == .sensitivity {
      sensitivities[current]?.values.forEach(widen)
    } else {
      figures[current]?.values.forEach { widen(blocks.quantity.value($0)) }
    }
    return max(widest.isFinite ? widest : 1, .leastNormalMagnitude)
  }

  /// Works out anew what the Blocks view's frames will ask for.
  mutating func refreshOverview() {
    guard view == .blocks || view == .training else { return }
    if blocks.isSorted, overview.sorted?.order != order {
      overview.sorted = (order, sortedByBars(blocks.matchingRows ?? model.rows))
    }
    if blocks.quantity != .kept, overview.scale?.bars != bars {
      overview.scale = (bars, measuredFullBar)
    }
  }

  /// Lets new bars of a revision widen the scale, without a look at the others.
  mutating func widenScale(_ revision: RevisionID, _ names: some Sequence<String>) {
    let former = LayersOverview.Bars(
      revision: revision, quantity: blocks.quantity, version: barsVersion - 1)
    // Where none was known, 1 stands for nothing that a layer measured.
    guard revision == current, let scale = overview.scale, scale.bars == former,
      figures[revision].map({ $0.count > 1 }) == true
    else { return }
    let widest = names.compactMap { barValue($0) }.filter(\.isFinite).max() ?? 0
    overview.scale = (bars, max(scale.full, widest))
  }

  /// Layers by how much the compared revision changed them.
  mutating func changeRanking() -> LayerRanking {
    let changes = LayersOverview.Changes(revision: comparedRevision, version: barsVersion)
    if let ranking = overview.ranking, ranking.changes == changes { return ranking.layers }
    let figures = self.figures[comparedRevision] ?? [:]
    let ranking = LayerRanking(model.layers) { figures[$0]?.error }
    overview.ranking = (changes, ranking)
    return ranking
  }

  /// Drops what is kept, so that all is worked out anew.
  package mutating func forgetOverview() { overview = LayersOverview() }
}
