/// What a terminal can show.
public struct Capabilities: Hashable, Sendable {
  public var colors: ColorDepth
  /// False where only ASCII can be shown.
  public var unicode: Bool
  public var mouse: Bool

  public init(colors: ColorDepth = .trueColor, unicode: Bool = true, mouse: Bool = true) {
    self.colors = colors
    self.unicode = unicode
    self.mouse = mouse
  }
}

/// The seam between the program and a terminal: events come in, frames go out.
///
/// It belongs to one thread. The loop is: take one event with `nextEvent`, then all that wait
/// with `pendingEvents`, handle them, and present one frame; so held keys and drags never
/// queue up frames.
public protocol TerminalBackend: AnyObject {
  var size: (columns: Int, rows: Int) { get }
  var capabilities: Capabilities { get }

  /// Waits for the next event; nil after the last one.
  func nextEvent() -> Event?
  /// The events that wait now, without waiting for more.
  func pendingEvents() -> [Event]
  /// Shows the frame; only what differs from the last one is sent.
  func present(_ frame: CellGrid)
  /// Turns reports of the mouse on or off (off: the terminal selects text itself).
  func setMouse(_ on: Bool)
  /// Asks the terminal to put a text on the clipboard; whether it does cannot be known.
  func copy(_ text: String)
  /// Gives the terminal back and stops the process, as ^Z does; returns when it continues.
  func suspend()
  /// Gives the terminal back for good.
  func close()
}
