extension AppState {
  /// Where one is, to come back to: kept with the session.
  public var place: [String: String] {
    ViewCatalog.all.reduce(into: sharedPlace) { place, view in
      place.merge(view.place(self)) { own, _ in own }
    }
  }

  /// The part that several views share.
  package var sharedPlace: [String: String] {
    layer.place.merging([
      "view": view.rawValue, "marked": marked.sorted().joined(separator: "\n"),
    ]) { own, _ in own }
  }

  /// Goes back to a place; what no longer exists is left out.
  public mutating func restore(_ place: [String: String]) {
    view = place["view"].flatMap { ViewID(rawValue: $0) } ?? view
    let marked = (place["marked"] ?? "").split(separator: "\n").map(String.init)
    self.marked = Set(marked.filter { model.position(of: $0) != nil })
    layer.restore(place, in: model)
    for view in ViewCatalog.all { view.restore(place, &self) }
  }

  /// Whether every figure of the view is there.
  var isComplete: Bool {
    ViewCatalog.view(view).demands(self, in: FrameLayout(self).view).isEmpty
  }
}

extension [String: String] {
  /// The number stored under `name`, brought into `0..<count`; 0 if there is no number.
  func number(_ name: String, below count: Int) -> Int {
    let number = self[name].flatMap { Int($0) } ?? 0
    return Swift.min(Swift.max(0, number), Swift.max(0, count - 1))
  }
}
