internal import Tensors
internal import Workspace

/// Where one is in the Blocks view, and what its bars show.
public struct BlocksState: Sendable {
  /// What the bars show.
  public enum Quantity: String, Sendable, CaseIterable {
    case kept, bits, bytes, error, outliers

    var title: String {
      switch self {
      case .kept: "kept weights"
      case .bits: "bits per weight"
      case .bytes: "bytes, packed"
      case .error: "error against the original"
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
  public var filter = ""
  /// Parameters by name that a pass is to be run on.
  public var marked: Set<String> = []

  public init() {}

  mutating func setFilter(_ text: String, model: ModelMap) {
    filter = text
    row = 0
    column = firstMatch(model)
  }

  private func firstMatch(_ model: ModelMap) -> Int {
    guard !filter.isEmpty else { return column }
    for row in model.rows {
      if let index = row.layers.firstIndex(where: { $0.map(matches) ?? false }) { return index }
    }
    return 0
  }

  /// Whether a layer's path or name contains the filter.
  func matches(_ layer: ModelMap.Layer) -> Bool {
    guard !filter.isEmpty else { return true }
    let needle = filter.lowercased()
    return layer.path.lowercased().contains(needle) || layer.name.lowercased().contains(needle)
  }

  /// Rows in the order they are shown.
  func rows(_ state: AppState) -> [ModelMap.Row] {
    let matching =
      filter.isEmpty
      ? state.model.rows
      : state.model.rows.filter { $0.layers.contains { $0.map(matches) ?? false } }
    guard isSorted else { return matching }
    let figures = state.figures[state.current] ?? [:]
    let keyed = matching.enumerated().map { index, row in
      (row, BlockFigures(row, figures, quantity).mean ?? -1, index)
    }
    return keyed.sorted { ($1.1, $0.2) < ($0.1, $1.2) }.map(\.0)
  }

  /// The layer under the cursor.
  func layer(_ state: AppState) -> ModelMap.Layer? {
    let rows = rows(state)
    guard rows.indices.contains(row) else { return nil }
    let layers = rows[row].layers
    return layers.indices.contains(column) ? layers[column] : layers.compactMap { $0 }.first
  }
}

/// A row's values of one quantity.
struct BlockFigures {
  let values: [Double?]
  /// Mean over the row's layers; nil while some are missing.
  var mean: Double? {
    let known = values.compactMap { $0 }
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }

  init(
    _ row: ModelMap.Row, _ figures: [String: LayerStatistics], _ quantity: BlocksState.Quantity
  ) {
    values = row.layers.map { layer in
      layer.flatMap { figures[$0.name] }.flatMap { Self.value($0, quantity) }
    }
  }

  static func value(_ figures: LayerStatistics, _ quantity: BlocksState.Quantity) -> Double? {
    switch quantity {
    case .kept: 1 - figures.sparsity
    case .bits: figures.bitsPerWeight
    case .bytes: Double(figures.packedBytes)
    case .error: figures.error
    case .outliers:
      figures.summary.standardDeviation > 0
        ? Double(figures.summary.maximumMagnitude) / figures.summary.standardDeviation : nil
    }
  }

  static func text(_ value: Double, _ quantity: BlocksState.Quantity) -> String {
    switch quantity {
    case .kept, .error: Decimal.percent(value, value < 0.0995 && value > 0 ? 1 : 0)
    case .bits: Decimal.text(value, 2)
    case .bytes: ByteCount.text(Int(value))
    case .outliers: Decimal.text(value, 1) + " σ"
    }
  }
}
