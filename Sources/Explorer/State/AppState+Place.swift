extension AppState {
  /// Where one is, to come back to: kept with the session.
  public var place: [String: String] {
    ViewCatalog.all.reduce(into: ["view": view.rawValue]) { place, view in
      place.merge(view.place(self)) { own, _ in own }
    }
  }

  /// Goes back to a place; what no longer exists is left out.
  public mutating func restore(_ place: [String: String]) {
    view = place["view"].flatMap { ViewID(rawValue: $0) } ?? view
    for view in ViewCatalog.all { view.restore(place, &self) }
  }

  /// Whether every figure of the view is there.
  var isComplete: Bool {
    ViewCatalog.view(view).demands(self, in: FrameLayout(self).view).isEmpty
  }
}

extension [String: String] {
  /// The number under a name of a place, at least 0 and less than `count`; 0 where there is
  /// none.
  func number(_ name: String, below count: Int) -> Int {
    let number = self[name].flatMap { Int($0) } ?? 0
    return Swift.min(Swift.max(0, number), Swift.max(0, count - 1))
  }
}
