internal import Tensors
internal import Terminal
internal import Workspace

/// Where one is in the Blocks view, and what its bars show; Training has that view in it.
public struct BlocksState: ViewState {
  /// What the bars show.
  public enum Quantity: String, Sendable, CaseIterable {
    case kept, bits, bytes, error, sensitivity, outliers

    var title: String {
      switch self {
      case .kept: "kept weights"
      case .bits: "bits per weight"
      case .bytes: "bytes, packed"
      case .error: "error against the original"
      case .sensitivity: "sensitivity, loss added by 3 bits in this layer alone"
      case .outliers: "outliers, max |w| over σ"
      }
    }
  }

  /// Position among the shown rows.
  public var row = 0
  /// Column of layers.
  public var column = 0
  public var quantity = Quantity.kept
  /// Whether rows are sorted by the quantity instead of by block.
  public var isSorted = false
  public private(set) var filter = ""
  /// Rows with a layer that matches the filter; nil without one.
  private(set) var matchingRows: [ModelMap.Row]?
  /// Blocks whose experts have rows of their own.
  var unfolded: Set<Int> = []

  public init() {}

  /// Shows only rows with a layer whose path or name contains the text.
  mutating func setFilter(_ text: String, model: ModelMap) {
    let former = NameFilter(filter)
    let narrows = NameFilter(text).text.contains(former.text)
    let candidates = narrows ? matchingRows ?? model.rows : model.rows
    filter = text
    let wanted = NameFilter(text)
    matchingRows =
      text.isEmpty ? nil : candidates.filter { $0.layers.contains(where: wanted.matches) }
    row = 0
    column = firstMatch(model)
  }

  private func firstMatch(_ model: ModelMap) -> Int {
    guard !filter.isEmpty else { return column }
    return matchingRows?.first?.layers.first(where: NameFilter(filter).matches)?.column ?? 0
  }

  /// Whether the experts of a block have rows of their own.
  func isUnfolded(_ row: ModelMap.Row) -> Bool {
    row.expertCount > 0 && row.block.map(unfolded.contains) == true
  }

  /// The row under the cursor.
  func row(_ state: AppState) -> ModelMap.Row? {
    let rows = state.shownRows
    return rows.indices.contains(row) ? rows[row] : nil
  }

  /// The layer under the cursor: of an expert's row in the column of the router,
  /// the router.
  func layer(_ state: AppState) -> ModelMap.Layer? {
    let layers = layers(state)
    return layers.count == 1 ? layers.first : nil
  }

  /// The layers under the cursor, of folded experts one each.
  func layers(_ state: AppState) -> ArraySlice<ModelMap.Layer> {
    guard let row = row(state) else { return [] }
    if row.expert != nil, let router = row.router, router.column == column { return [router] }
    return row.block == nil ? row.layers.prefix(1) : row.layers(inColumn: column)
  }
}

extension ViewID {
  public static let blocks = ViewID("blocks")
}

extension AppState {
  public var blocks: BlocksState {
    get { self[BlocksView.self] }
    set { self[BlocksView.self] = newValue }
  }
}

extension BlocksView {
  public static func place(_ state: AppState) -> [String: String] {
    let blocks = state.blocks
    return [
      "bars": blocks.quantity.rawValue, "blocksRow": String(blocks.row),
      "blocksColumn": String(blocks.column),
      "unfolded": blocks.unfolded.sorted().map(String.init).joined(separator: " "),
    ]
  }

  public static func restore(_ place: [String: String], _ state: inout AppState) {
    let model = state.model
    state.blocks.quantity =
      place["bars"].flatMap(BlocksState.Quantity.init) ?? state.blocks.quantity
    let blocksWithExperts = Set(model.rows.filter { $0.expertCount > 0 }.compactMap(\.block))
    let unfolded = (place["unfolded"] ?? "").split(separator: " ").compactMap { Int($0) }
    state.blocks.unfolded = blocksWithExperts.intersection(unfolded)
    state.blocks.row = place.number("blocksRow", below: state.shownRowCount)
    state.blocks.column = place.number("blocksColumn", below: model.kinds.count)
  }

  /// Out of a filter first.
  public static func back(_ state: inout AppState) -> Bool {
    guard !state.blocks.filter.isEmpty else { return false }
    typing("", &state)
    return true
  }

  /// The line is the filter.
  public static func typing(_ text: String, _ state: inout AppState) {
    state.blocks.setFilter(text, model: state.model)
  }
}

extension AppState {
  /// What the bars show of a layer; nil while it is not known.
  func barValue(_ name: String, _ quantity: BlocksState.Quantity) -> Double? {
    guard quantity != .sensitivity else { return sensitivities[current]?[name] }
    return figures[current]?[name].flatMap { quantity.value($0) }
  }
}

extension BlocksState.Quantity {
  /// What a layer's figures tell of this quantity; nil of a layer that is gone, and of the error
  /// of one that has another shape.
  func value(_ figures: LayerStatistics) -> Double? {
    if figures.isGone || self == .error && figures.isReshaped { return nil }
    return switch self {
    case .kept: 1 - figures.sparsity
    case .bits: figures.bitsPerWeight
    case .bytes: Double(figures.packedBytes)
    case .error: figures.error ?? 0
    case .outliers: figures.outliers
    case .sensitivity: nil
    }
  }

  /// A value as it stands behind its bar, with as many digits as have room.
  func text(_ value: Double, width: Int) -> String {
    if value.isNaN { return "NaN" }
    let texts = texts(value)
    return texts.first { $0.columns <= width } ?? texts.last ?? ""
  }

  /// Columns that the longest usual value takes.
  var textWidth: Int {
    switch self {
    case .kept, .bits, .error: 5
    case .sensitivity, .outliers: 7
    case .bytes: 8
    }
  }

  /// The value with fewer and fewer digits.
  private func texts(_ value: Double) -> [String] {
    switch self {
    case .kept, .error:
      [Decimal.percent(value, value < 0.0995 && value > 0 ? 1 : 0), Decimal.percent(value, 0)]
    case .bits: [2, 1, 0].map { Decimal.text(value, $0) }
    case .bytes: [1, 0].map { ByteCount.text(value, $0) }
    case .sensitivity: [4, 3, 2, 1, 0].map { Decimal.signed(value, $0) }
    case .outliers: [1, 0].map { Decimal.text(value, $0) + " σ" }
    }
  }
}
