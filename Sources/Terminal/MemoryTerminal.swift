/// A terminal without a screen: scripted events in, frames out.
///
/// `waitForWork` joins it to the program's mailbox: it waits until a message is there and
/// answers true, or answers false at once when all is idle (no message and no job alive). At
/// a step `idle` the terminal hands out `.wake` until it answers false.
public final class MemoryTerminal: TerminalBackend {
  public private(set) var size: (columns: Int, rows: Int)
  public let capabilities: Capabilities
  /// Every frame presented, the last one last, unless `keepsFrames` is false.
  public private(set) var frames: [CellGrid] = []
  public var keepsFrames = true
  /// The last frame presented.
  public private(set) var screen: CellGrid
  /// The frames that `save-screen` steps kept, in order.
  public private(set) var saved: [(name: String, frame: CellGrid)] = []
  public private(set) var mouseIsOn = true
  public private(set) var isClosed = false
  /// The text that was copied last.
  public private(set) var copied: String?
  private var steps: ArraySlice<Script.Step>
  private let waitForWork: () -> Bool

  public init(
    columns: Int = 80, rows: Int = 24, capabilities: Capabilities = Capabilities(),
    script: Script = Script(), waitForWork: @escaping () -> Bool = { false }
  ) {
    size = (columns, rows)
    self.capabilities = capabilities
    screen = CellGrid(columns: columns, rows: rows)
    steps = script.steps[...]
    self.waitForWork = waitForWork
  }

  public func nextEvent() -> Event? {
    while let step = steps.first {
      switch step {
      case .event(let event):
        steps.removeFirst()
        if case .resize(let columns, let rows) = event { size = (columns, rows) }
        return event
      case .idle:
        if waitForWork() { return .wake }
        steps.removeFirst()
      case .saveScreen(let name):
        saved.append((name, screen))
        steps.removeFirst()
      }
    }
    return nil
  }

  /// None: each scripted event gets its own frame.
  public func pendingEvents() -> [Event] { [] }

  public func present(_ frame: CellGrid) {
    screen = capabilities.unicode ? frame : frame.ascii()
    if keepsFrames { frames.append(screen) }
  }

  public func setMouse(_ on: Bool) { mouseIsOn = on }

  public func copy(_ text: String) { copied = text }

  public func suspend() { steps.insert(.event(.resumed), at: steps.startIndex) }

  public func close() { isClosed = true }
}
