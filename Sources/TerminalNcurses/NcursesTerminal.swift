internal import CNcurses
internal import Glibc
internal import Synchronization
public import Terminal

/// The terminal of standard input and output, by ncurses.
///
/// It belongs to the thread that made it. The terminal is restored by `close`, at the
/// process's end, and by a dying process before it dies. ^Z and SIGTSTP stop the process and
/// arrive as `.resumed`; SIGINT, SIGTERM and SIGHUP arrive as `.terminate`.
public final class NcursesTerminal: TerminalBackend {
  /// What the terminal can show.
  public let capabilities: Capabilities
  private let wakeDescriptor: Int32?
  private let signalDescriptor: Int32
  private var painter: Painter
  private var keys = KeyReader()
  private var waiting: [Event] = []
  private var mouseIsOn = false
  private var isOpen = true
  private let hasMouse: Bool

  /// Opens the terminal; throws where there is none.
  ///
  /// `wakeDescriptor` becomes readable when another thread left a message, which is then
  /// `.wake`; whoever drains the messages makes it unreadable again.
  public init(wakeDescriptor: Int32? = nil) throws(TerminalError) {
    guard isatty(STDIN_FILENO) == 1 else { throw .notATerminal("input") }
    guard isatty(STDOUT_FILENO) == 1 else { throw .notATerminal("output") }
    let type = NcursesTerminal.environment("TERM") ?? ""
    guard !type.isEmpty else { throw .unknownType("") }

    guard !NcursesTerminal.isInUse.load(ordering: .acquiring) else { throw .alreadyOpen }
    let unicode = pare_set_locale()
    pare_remember_modes()
    // Before ncurses, which leaves alone what is caught already.
    signalDescriptor = pare_watch_signals()
    guard signalDescriptor >= 0 else { throw .noDescriptor }
    guard TerminalType(type).open() else {
      pare_unwatch_signals()
      throw .unknownType(type)
    }
    guard unsafe pare_terminal_has("cup") else {
      endwin()
      pare_unwatch_signals()
      throw .cannotDraw(type)
    }

    NcursesTerminal.isInUse.store(true, ordering: .releasing)
    self.wakeDescriptor = wakeDescriptor
    set_escdelay(25)
    pare_prepare_input()
    hasMouse = unsafe pare_terminal_has("kmous")
    let colors = TerminalType.colorDepth()
    capabilities = Capabilities(colors: colors, unicode: unicode, mouse: hasMouse)
    painter = Painter(depth: colors, unicode: unicode)
    let rescue = TerminalModes.rescue()
    unsafe pare_set_rescue(rescue, Int32(rescue.utf8.count))
    pare_hold_errors()
    pare_arm_rescue(true)
    setMouse(true)
  }

  deinit { close() }

  /// The size in cells.
  public var size: (columns: Int, rows: Int) { (Int(pare_columns()), Int(pare_rows())) }

  /// Waits for the next event; nil at the end of input.
  public func nextEvent() -> Event? {
    while isOpen {
      if !waiting.isEmpty { return waiting.removeFirst() }
      takeSignals()
      readKeys()
      if !waiting.isEmpty { continue }
      switch wait(milliseconds: -1) {
      case .message: return .wake
      case .ended: return nil
      case .input, .signal, .nothing: continue
      }
    }
    return nil
  }

  /// The keys, mouse reports and signals that wait now; never `.wake`.
  public func pendingEvents() -> [Event] {
    guard isOpen else { return [] }
    takeSignals()
    readKeys()
    defer { waiting = [] }
    return waiting
  }

  /// Shows the frame; only cells that changed are sent.
  public func present(_ frame: CellGrid) {
    guard isOpen else { return }
    painter.paint(frame)
  }

  /// Turns reports of the mouse on or off.
  public func setMouse(_ on: Bool) {
    guard isOpen, hasMouse, on != mouseIsOn else { return }
    mouseIsOn = on
    pare_ask_for_mouse(on)
    send(on ? TerminalModes.drags : TerminalModes.noDrags)
  }

  /// Sends OSC 52, to terminals that know xterm's sequences.
  public func copy(_ text: String) {
    guard isOpen, let sequence = ClipboardSequence.of(text) else { return }
    send(sequence)
  }

  /// Stops the process as ^Z does; returns when it continues, with the next frame whole.
  public func suspend() {
    guard isOpen else { return }
    leave()
    pare_stop()
    enter()
  }

  /// Gives the terminal back; to be called once more does nothing.
  public func close() {
    guard isOpen else { return }
    leave()
    isOpen = false
    pare_unwatch_signals()
    NcursesTerminal.isInUse.store(false, ordering: .releasing)
  }
}

extension NcursesTerminal {
  /// ncurses keeps its state in globals: one terminal at a time.
  private static let isInUse = Atomic<Bool>(false)

  static func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  private enum Wait { case input, message, signal, ended, nothing }

  private func wait(milliseconds: Int32) -> Wait {
    let readable = Int16(POLLIN)
    var descriptors = [
      pollfd(fd: STDIN_FILENO, events: readable, revents: 0),
      pollfd(fd: signalDescriptor, events: readable, revents: 0),
      pollfd(fd: wakeDescriptor ?? -1, events: readable, revents: 0),
    ]
    guard unsafe poll(&descriptors, nfds_t(descriptors.count), milliseconds) > 0 else {
      return .nothing
    }
    if descriptors[1].revents != 0 { return .signal }
    if descriptors[0].revents != 0 {
      // Readable and yet nothing to read: the terminal has gone.
      var count: Int32 = 0
      let known = unsafe ioctl(STDIN_FILENO, UInt(FIONREAD), &count) == 0
      return known && count > 0 ? .input : .ended
    }
    return descriptors[2].revents & readable != 0 ? .message : .nothing
  }

  private func readKeys() {
    while let event = keys.next() {
      if event == .key(.control("z")) {
        suspend()
        waiting.append(.resumed)
      } else {
        waiting.append(event)
      }
    }
  }

  private func takeSignals() {
    var number: Int32 = 0
    let bits = Int(unsafe pare_take_signals(&number))
    if bits & PARE_TERMINATE != 0 { waiting.append(.terminate(signal: number)) }
    if bits & PARE_STOP != 0 {
      suspend()
      waiting.append(.resumed)
    } else if bits & PARE_CONTINUED != 0 {
      // Stopped by SIGSTOP, with no chance to leave: the shell may have changed anything.
      enter()
      waiting.append(.resumed)
    }
    if bits & PARE_RESIZED != 0 {
      let before = size
      pare_adopt_size()
      painter.forget()
      if size != before { waiting.append(.resize(columns: size.columns, rows: size.rows)) }
    }
  }

  private func leave() {
    send(TerminalModes.leave)
    endwin()
    pare_arm_rescue(false)
    pare_release_errors()
  }

  private func enter() {
    pare_hold_errors()
    pare_arm_rescue(true)
    let before = size
    reset_prog_mode()
    pare_adopt_size()
    painter.forget()
    pare_flush()
    send(TerminalModes.enter)
    if mouseIsOn {
      pare_ask_for_mouse(false)
      pare_ask_for_mouse(true)
      send(TerminalModes.drags)
    }
    // SIGCONT of our own stop is no news.
    var number: Int32 = 0
    let bits = Int(unsafe pare_take_signals(&number))
    if bits & PARE_TERMINATE != 0 { waiting.append(.terminate(signal: number)) }
    if size != before { waiting.append(.resize(columns: size.columns, rows: size.rows)) }
  }

  private func send(_ sequence: String) {
    guard hasMouse else { return }
    unsafe pare_write(sequence, Int32(sequence.utf8.count))
  }
}
