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
  private(set) var matchingRows: [ModelMap.Row]?
  /// Parameters by name that a pass is to be run on.
  public var marked: Set<String> = []

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

  /// The layer under the cursor.
  func layer(_ state: AppState) -> ModelMap.Layer? {
    let rows = state.shownRows
    guard rows.indices.contains(row) else { return nil }
    let row = rows[row]
    return row.block == nil ? row.layers.first : row.layer(inColumn: column)
  }
}

extension AppState {
  /// What the bars show of a layer; nil while it is not known.
  func barValue(_ name: String) -> Double? {
    guard blocks.quantity != .sensitivity else { return sensitivities[current]?[name] }
    return figures[current]?[name].flatMap { blocks.quantity.value($0) }
  }
}

extension BlocksState.Quantity {
  /// What a layer's figures tell of this quantity.
  func value(_ figures: LayerStatistics) -> Double? {
    switch self {
    case .kept: 1 - figures.sparsity
    case .bits: figures.bitsPerWeight
    case .bytes: Double(figures.packedBytes)
    case .error: figures.error ?? 0
    case .outliers: figures.outliers
    case .sensitivity: nil
    }
  }

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
