internal import Tensors
internal import Workspace

/// What is known of several layers taken together: those of a block's experts.
struct LayersTotal: Sendable, Hashable {
  /// How many layers there are, and of how many the figures are known.
  private(set) var (layerCount, knownCount) = (0, 0)
  /// Whether some of them are as a pass would leave them.
  private(set) var isPlanned = false
  /// Whether weights of some of them are NaN or infinite.
  private(set) var isBroken = false
  private var (weights, zeros, bytes) = (0.0, 0.0, 0.0)
  /// Σ weights · error².
  private var squares = 0.0
  private var (outliers, sensitivity) = (0.0, -Double.infinity)

  var isWhole: Bool { knownCount == layerCount }

  fileprivate mutating func add(
    _ layer: ModelMap.Layer, _ figures: LayerStatistics?, _ planned: PreviewTotals.Layer?,
    sensitivity: Double?
  ) {
    layerCount += 1
    if let sensitivity { self.sensitivity = max(self.sensitivity, sensitivity) }
    guard let figures else { return }
    let count = Double(figures.summary.count)
    knownCount += 1
    weights += count
    bytes += Double(figures.packedBytes)
    zeros += count * (planned?.sparsity ?? figures.sparsity)
    let error = planned?.error ?? figures.error ?? 0
    squares += count * error * error
    outliers = max(outliers, figures.outliers)
    if planned != nil { isPlanned = true }
    if figures.isBroken { isBroken = true }
  }

  /// What the layers come to: sums over all of them, the root mean square of
  /// errors, the greatest of outliers and sensitivities. Nil while nothing is known.
  func value(_ quantity: BlocksState.Quantity) -> Double? {
    if quantity == .sensitivity { return sensitivity.isFinite ? sensitivity : nil }
    guard knownCount > 0 else { return nil }
    switch quantity {
    case .kept: return weights > 0 ? 1 - zeros / weights : 1
    case .bits: return weights > 0 ? bytes * 8 / weights : 0
    case .bytes: return bytes
    case .error: return weights > 0 ? (squares / weights).squareRoot() : 0
    case .outliers: return outliers
    case .sensitivity: return nil
    }
  }

  /// The value of one layer like them, on the scale of single layers.
  func barValue(_ quantity: BlocksState.Quantity) -> Double? {
    quantity == .bytes ? value(.bytes).map { $0 / Double(max(knownCount, 1)) } : value(quantity)
  }
}

/// The totals of a block's row.
struct RowTotals: Sendable, Hashable {
  /// Of the columns with more than one layer.
  fileprivate(set) var columns: [Int: LayersTotal] = [:]
  fileprivate(set) var all = LayersTotal()
}

extension AppState {
  /// Works out what the layers of a block with experts come to. O(its layers).
  func measuredTotals(of row: ModelMap.Row) -> RowTotals {
    let figures = self.figures[current] ?? [:]
    let sensitivities = self.sensitivities[current] ?? [:]
    let planned = sheet?.preview?.whole?.layers ?? [:]
    var totals = RowTotals()
    for layer in row.layers {
      let name = layer.name
      let known = figures[name]
      let plan = planned.isEmpty ? nil : planned[name]
      let sensitivity = sensitivities.isEmpty ? nil : sensitivities[name]
      totals.all.add(layer, known, plan, sensitivity: sensitivity)
      guard layer.expert != nil else { continue }
      totals.columns[layer.column, default: LayersTotal()]
        .add(layer, known, plan, sensitivity: sensitivity)
    }
    return totals
  }
}
