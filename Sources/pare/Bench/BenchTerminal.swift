internal import Terminal

/// A terminal that presses keys, one when the frame of the last is there, and
/// times each from the key to its frame. What the real terminal takes to paint
/// is not in it.
final class BenchTerminal: TerminalBackend {
  let size = (columns: 200, rows: 60)
  let capabilities = Capabilities()
  /// From each key to its frame.
  private(set) var latencies: [Duration] = []
  private var keys: ArraySlice<Key>
  private var pressed: ContinuousClock.Instant?
  private let beforeKey: () -> Void

  /// `beforeKey` is called before each key, outside the time that is taken.
  init(keys: [Key], beforeKey: @escaping () -> Void) {
    self.keys = keys[...]
    self.beforeKey = beforeKey
  }

  func nextEvent() -> Event? {
    guard let key = keys.popFirst() else { return nil }
    beforeKey()
    pressed = .now
    return .key(key)
  }

  func pendingEvents() -> [Event] { [] }

  func present(_ frame: CellGrid) {
    guard let pressed else { return }
    latencies.append(.now - pressed)
    self.pressed = nil
  }

  func setMouse(_ on: Bool) {}
  func copy(_ text: String) {}
  func suspend() {}
  func close() {}
}
