/// What one view alone remembers.
public protocol ViewState: Sendable {
  /// As it is before the view was shown.
  init()
}

/// Of a view that remembers nothing of its own.
public struct NoViewState: ViewState {
  public init() {}
}

/// What each view remembers.
struct ViewStates: Sendable {
  private var states: [ViewID: any ViewState] = [:]

  subscript<V: View>(_: V.Type) -> V.State {
    get { states[V.id] as? V.State ?? V.State() }
    set { states[V.id] = newValue }
  }
}

extension AppState {
  /// What a view alone remembers.
  public subscript<V: View>(view: V.Type) -> V.State {
    get { views[view] }
    set { views[view] = newValue }
  }
}
