public import Terminal
public import Workspace

/// One way of looking at the model, in a file of its own: what it remembers, the keys that
/// work in it, its drawing. It draws from `AppState` alone, and its bindings change that.
public protocol View: Sendable {
  /// What it alone remembers: `state[MyView.self]`. What several views share are properties
  /// of `AppState`.
  associatedtype State: ViewState = NoViewState
  static var id: ViewID { get }
  /// Its word in the row of views.
  static var title: String { get }
  /// Keys that work in it, most useful first.
  static var bindings: [Binding] { get }
  /// Commands of its own. They work everywhere, and the help of every view has them.
  static var commands: [Command] { get }
  /// Draws inside `area`, and nowhere else.
  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect)
  /// What a click, drag or wheel at a point of the view does.
  static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect]
  /// What it needs from the workbench to be complete; asked for once.
  static func demands(_ state: AppState, in area: Rect) -> [Effect]

  /// Whether it draws the bars of the Blocks view.
  static var drawsBars: Bool { get }
  /// Whether it draws weights of the revision on screen, which training changes.
  static var drawsWeights: Bool { get }
  /// Rows it takes beside those of the blocks, where a frame is printed.
  static var printedRows: Int { get }

  /// The part of its state that is kept with the session, under names that no other view uses.
  static func place(_ state: AppState) -> [String: String]
  /// Goes back to what was kept; what no longer exists is left out.
  static func restore(_ place: [String: String], _ state: inout AppState)
  /// Takes in what a background job has brought for it alone.
  static func fold(_ event: WorkbenchEvent, _ state: inout AppState)
  /// Follows the revision on screen.
  static func follow(from former: RevisionID, _ state: inout AppState)
  /// Leaves revisions that are no longer there.
  static func leaveDeleted(_ state: inout AppState)
  /// Goes one level back within it; false where that leads out of it.
  static func back(_ state: inout AppState) -> Bool
  /// Follows the line that is typed for it (`Prompt.Purpose.text`), or that is taken back.
  static func typing(_ text: String, _ state: inout AppState)
  /// Takes that line.
  static func take(_ text: String, _ state: inout AppState) -> [Effect]
}

extension View {
  public static var commands: [Command] { [] }
  public static var drawsBars: Bool { false }
  public static var drawsWeights: Bool { false }
  public static var printedRows: Int { 0 }
  public static func demands(_ state: AppState, in area: Rect) -> [Effect] { [] }
  public static func place(_ state: AppState) -> [String: String] { [:] }
  public static func restore(_ place: [String: String], _ state: inout AppState) {}
  public static func fold(_ event: WorkbenchEvent, _ state: inout AppState) {}
  public static func follow(from former: RevisionID, _ state: inout AppState) {}
  public static func leaveDeleted(_ state: inout AppState) {}
  public static func back(_ state: inout AppState) -> Bool { false }
  public static func typing(_ text: String, _ state: inout AppState) {}
  public static func take(_ text: String, _ state: inout AppState) -> [Effect] { [] }
}

/// Every view there is.
public enum ViewCatalog {
  /// In the order of their number keys. Keys, commands, help and what is kept with the session
  /// derive from this list; a test runs with a longer one by `$all.withValue`.
  @TaskLocal public static var all: [any View.Type] = [
    BlocksView.self, LayerView.self, CompareView.self, TrainingView.self, FrontierView.self,
    SamplesView.self, HistoryView.self,
  ]

  /// The view of that name.
  public static func view(_ id: ViewID) -> any View.Type {
    all.first { $0.id == id } ?? BlocksView.self
  }
}
