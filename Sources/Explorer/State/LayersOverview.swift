internal import Workspace

/// What takes all layers of a model to work out: rows that are sorted or unfolded,
/// what a full bar stands for, the layers by how much they changed; and, of the
/// blocks on screen, what their experts come to.
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
    /// What the rows are sorted by; nil where they are not.
    let bars: Bars?
    let filter: String
    let unfolded: Set<Int>
  }

  struct Changes: Hashable {
    let revision: RevisionID
    let version: Int
  }

  fileprivate(set) var shown: (order: Order, rows: [ModelMap.Row])?
  /// By block.
  fileprivate(set) var totals: (bars: Bars, blocks: [Int: RowTotals])?
  fileprivate(set) var scale: (bars: Bars, full: Double)?
  fileprivate(set) var ranking: (changes: Changes, layers: LayerRanking)?
}

/// Layers by how much they changed, the most first.
struct LayerRanking: Sendable {
  let names: [String]
  private let places: [String: Int]

  init(_ layers: [ModelMap.Layer], error: (String) -> Double?) {
    let changed = layers.enumerated().compactMap { index, layer in
      // An error that is no number is the greatest change.
      error(layer.name).map { $0.isNaN ? .infinity : $0 }
        .flatMap { $0 > 0 ? (error: $0, index: index) : nil }
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
    LayersOverview.Order(
      bars: blocks.isSorted ? bars : nil, filter: blocks.filter, unfolded: blocks.unfolded)
  }

  /// Rows of the Blocks view in the order they are shown.
  var shownRows: [ModelMap.Row] {
    let matching = blocks.matchingRows ?? model.rows
    guard blocks.isSorted || !blocks.unfolded.isEmpty else { return matching }
    if let shown = overview.shown, shown.order == order { return shown.rows }
    return inOrder(matching)
  }

  private func inOrder(_ rows: [ModelMap.Row]) -> [ModelMap.Row] {
    blocks.isSorted
      ? withExperts(sortedByBars(rows), sortedByBars) : withExperts(rows) { $0 }
  }

  /// How many rows the Blocks view shows.
  var shownRowCount: Int {
    blocks.unfolded.isEmpty ? (blocks.matchingRows ?? model.rows).count : shownRows.count
  }

  private func sortedByBars(_ rows: [ModelMap.Row]) -> [ModelMap.Row] {
    let quantity = blocks.quantity
    let keyed = rows.enumerated().map { index, row in
      let values = row.layers.compactMap { barValue($0.name, quantity) }
      let mean = values.reduce(0, +) / Double(max(values.count, 1))
      let key = values.isEmpty ? -Double.infinity : mean.isNaN ? .infinity : mean
      return (row, key, index)
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
    let quantity = blocks.quantity
    if quantity == .sensitivity {
      sensitivities[current]?.values.forEach(widen)
    } else {
      figures[current]?.values.forEach { widen(quantity.value($0)) }
    }
    return max(widest.isFinite ? widest : 1, .leastNormalMagnitude)
  }

  /// Works out anew what the Blocks view's frames will ask for.
  mutating func refreshOverview() {
    guard ViewCatalog.view(view).drawsBars else { return }
    if blocks.isSorted || !blocks.unfolded.isEmpty, overview.shown?.order != order {
      overview.shown = (order, inOrder(blocks.matchingRows ?? model.rows))
    }
    if model.hasExperts { refreshTotals() }
    if blocks.quantity != .kept, overview.scale?.bars != bars {
      overview.scale = (bars, measuredFullBar)
    }
  }

  /// What the layers of a block with experts come to.
  func totals(of row: ModelMap.Row) -> RowTotals {
    if sheet?.preview?.whole == nil, let block = row.block, let totals = overview.totals,
      totals.bars == bars, let known = totals.blocks[block]
    {
      return known
    }
    return measuredTotals(of: row)
  }

  /// Works out the totals of the blocks on screen. O(their layers) after new
  /// figures, and of the blocks that come into view.
  private mutating func refreshTotals() {
    var known = overview.totals.flatMap { $0.bars == bars ? $0.blocks : nil } ?? [:]
    guard sheet?.preview?.whole == nil, view == .blocks else { return }
    let layout = BlocksLayout(self, in: FrameLayout(self).view)
    for row in layout.rows[layout.visible] where row.expertCount > 0 {
      guard let block = row.block, known[block] == nil else { continue }
      known[block] = measuredTotals(of: row)
    }
    overview.totals = (bars, known)
  }

  /// Lets new bars of a revision widen the scale, without a look at the others.
  mutating func widenScale(_ revision: RevisionID, _ names: some Sequence<String>) {
    let former = LayersOverview.Bars(
      revision: revision, quantity: blocks.quantity, version: barsVersion - 1)
    // Before the first figures the scale is 1, which no layer has set.
    guard revision == current, let scale = overview.scale, scale.bars == former,
      figures[revision].map({ $0.count > 1 }) == true
    else { return }
    let quantity = blocks.quantity
    let widest = names.compactMap { barValue($0, quantity) }.filter(\.isFinite).max() ?? 0
    overview.scale = (bars, max(scale.full, widest))
  }

  /// Layers by how much the compared revision changed them.
  mutating func changeRanking() -> LayerRanking {
    let changes = LayersOverview.Changes(revision: comparedRevision, version: barsVersion)
    if let ranking = overview.ranking, ranking.changes == changes { return ranking.layers }
    let figures = self.figures[comparedRevision] ?? [:]
    let ranking = LayerRanking(model.layers) { name in
      figures[name].flatMap { $0.isReshaped ? .infinity : $0.error }
    }
    overview.ranking = (changes, ranking)
    return ranking
  }

  /// Drops what is kept, so that all is worked out anew.
  package mutating func forgetOverview() { overview = LayersOverview() }
}
