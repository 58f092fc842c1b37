internal import Tensors
internal import Workspace

/// Where one is in the Blocks view, and what its bars show.
public struct BlocksState: Sendable {
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
  private var matchingRows: [ModelMap.Row]?
  /// Parameters by name that a pass is to be run on.
  public var marked: Set<String> = []

  public init() {}

  mutating func setFilter(_ text: String, model: ModelMap) {
    filter = text
    matchingRows =
      text.isEmpty ? nil : model.rows.filter { $0.layers.contains(where: matches) }
    row = 0
    column = firstMatch(model)
  }

  private func firstMatch(_ model: ModelMap) -> Int {
    guard !filter.isEmpty else { return column }
    for row in matchingRows ?? [] {
      if let layer = row.layers.first(where: matches) { return layer.column }
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
    let matching = matchingRows ?? state.model.rows
    guard isSorted else { return matching }
    let keyed = matching.enumerated().map { index, row in
      let values = row.layers.compactMap { state.barValue($0.name) }
      let mean = values.reduce(0, +) / Double(max(values.count, 1))
      return (row, values.isEmpty ? -Double.infinity : mean, index)
    }
    return keyed.sorted { ($1.1, $0.2) < ($0.1, $1.2) }.map(\.0)
  }

  /// The layer under the cursor.
  func layer(_ state: AppState) -> ModelMap.Layer? {
    let rows = rows(state)
    guard rows.indices.contains(row) else { return nil }
    let row = rows[row]
    return row.block == nil ? row.layers.first : row.layer(inColumn: column)
  }
}

extension AppState {
  /// What the bars show of a layer; nil while it is not known.
  func barValue(_ name: String) -> Double? {
    guard blocks.quantity != .sensitivity else { return sensitivities[current]?[name] }
    guard let figures = figures[current]?[name] else { return nil }
    switch blocks.quantity {
    case .kept: return 1 - figures.sparsity
    case .bits: return figures.bitsPerWeight
    case .bytes: return Double(figures.packedBytes)
    case .error: return figures.error ?? 0
    case .outliers: return figures.outliers
    case .sensitivity: return nil
    }
  }
}

extension BlocksState.Quantity {
  /// A value as it stands behind its bar.
  func text(_ value: Double) -> String {
    switch self {
    case .kept, .error: Decimal.percent(value, value < 0.0995 && value > 0 ? 1 : 0)
    case .bits: Decimal.text(value, 2)
    case .bytes: ByteCount.text(value)
    case .sensitivity: Decimal.signed(value, 4)
    case .outliers: Decimal.text(value, 1) + " σ"
    }
  }
}
