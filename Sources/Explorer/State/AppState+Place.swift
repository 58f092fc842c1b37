internal import Tensors

extension AppState {
  /// Where one is, to come back to: kept with the session.
  public var place: [String: String] {
    [
      "view": view.rawValue, "layer": layer.name ?? "", "row": String(layer.row),
      "column": String(layer.column), "zoom": String(layer.zoom), "picture": layer.tab.rawValue,
      "bars": blocks.quantity.rawValue, "blocksRow": String(blocks.row),
      "blocksColumn": String(blocks.column),
      "unfolded": blocks.unfolded.sorted().map(String.init).joined(separator: " "),
      "marked": blocks.marked.sorted().joined(separator: "\n"),
    ]
  }

  /// Goes back to a place; what no longer exists is left out.
  public mutating func restore(_ place: [String: String]) {
    view = place["view"].flatMap(ViewID.init) ?? view
    if let name = place["layer"], let shape = model.layer(named: name)?.shape {
      layer.name = name
      layer.row = min(max(0, Self.number(place["row"])), max(0, shape.rows - 1))
      layer.column = min(max(0, Self.number(place["column"])), max(0, shape.columns - 1))
      layer.zoom = min(max(0, Self.number(place["zoom"])), 40)
    }
    layer.tab = place["picture"].flatMap(LayerState.Tab.init) ?? layer.tab
    blocks.quantity = place["bars"].flatMap(BlocksState.Quantity.init) ?? blocks.quantity
    let blocksWithExperts = Set(model.rows.filter { $0.expertCount > 0 }.compactMap(\.block))
    let unfolded = (place["unfolded"] ?? "").split(separator: " ").compactMap { Int($0) }
    blocks.unfolded = blocksWithExperts.intersection(unfolded)
    blocks.row = min(max(0, Self.number(place["blocksRow"])), max(0, shownRowCount - 1))
    blocks.column = min(
      max(0, Self.number(place["blocksColumn"])), max(0, model.kinds.count - 1))
    let marked = (place["marked"] ?? "").split(separator: "\n").map(String.init)
    blocks.marked = Set(marked.filter { model.position(of: $0) != nil })
  }

  private static func number(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }

  /// Whether every figure of the view is there.
  var isComplete: Bool {
    ViewCatalog.view(view).demands(self, in: FrameLayout(self).view).isEmpty
  }
}
