public import Terminal

/// One way of looking at the model. A view has no state of its own: it reads
/// `AppState`, and its bindings change it.
public protocol View: Sendable {
  static var id: ViewID { get }
  /// Its word in the row of views.
  static var title: String { get }
  /// Keys that work in it, most useful first.
  static var bindings: [Binding] { get }
  /// Draws inside `area`, and nowhere else.
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect)
  /// What a click, drag or wheel at a point of the view does.
  static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect]
  /// What it needs from the workbench to be complete; asked for once.
  static func demands(_ state: AppState, in area: Rect) -> [Effect]
}

/// Every view there is.
public enum ViewCatalog {
  public static let all: [any View.Type] = [
    BlocksView.self, LayerView.self, CompareView.self, TrainingView.self, FrontierView.self,
    SamplesView.self, HistoryView.self,
  ]

  /// The view of that name.
  public static func view(_ id: ViewID) -> any View.Type {
    all.first { $0.id == id } ?? BlocksView.self
  }
}
