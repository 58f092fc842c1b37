import Glibc
import Synchronization
import Terminal
import TerminalNcurses

/// A program for the tests of the terminal: it shows the events that it gets, and dies in the
/// ways that it is asked to.
///
///     q  ends in order       x  exit(3)              t  a trap, after a word on stderr
///     a  abort()             m  the mouse on or off  w  a wake from another thread
@main
struct TerminalProbe {
  static func main() {
    do {
      try run()
    } catch {
      print("probe: \(error)")
      exit(2)
    }
  }

  static func run() throws {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return }
    let terminal = try NcursesTerminal(wakeDescriptor: ends[0])
    if CommandLine.arguments.contains("bench") { return bench(terminal) }
    let theme = ThemeCatalog.standard(terminal.capabilities)
    var log: [String] = ["ready \(terminal.capabilities.colors)"]
    var trace = Trace()
    var mouseIsOn = true
    while true {
      terminal.present(frame(terminal.size, log, theme))
      trace.frame()
      guard let first = terminal.nextEvent() else { break }
      for event in [first] + terminal.pendingEvents() {
        log.append(describe(event))
        switch event {
        case .key(.character("q")), .terminate:
          terminal.close()
          print("ended by \(describe(event))")
          return
        case .key(.character("x")): exit(3)
        case .key(.character("a")): abort()
        case .key(.character("t")):
          let word = "a last word\n"
          unsafe _ = write(STDERR_FILENO, word, word.utf8.count)
          print([1, 2, 3][log.count + 3])
        case .key(.character("m")):
          mouseIsOn.toggle()
          terminal.setMouse(mouseIsOn)
        case .key(.character("w")): unsafe _ = write(ends[1], "!", 1)
        case .wake:
          var byte: UInt8 = 0
          unsafe _ = read(ends[0], &byte, 1)
        default: break
        }
      }
    }
    terminal.close()
  }

  static func frame(_ size: (columns: Int, rows: Int), _ log: [String], _ theme: Theme) -> CellGrid
  {
    var grid = CellGrid(columns: size.columns, rows: size.rows)
    let inside = grid.box(grid.bounds, title: "\(size.columns)×\(size.rows)", theme[.border])
    for (row, line) in log.suffix(inside.height).enumerated() {
      grid.putLine(line, in: inside, row: row, .leading, theme[.accent])
    }
    return grid
  }

  static func describe(_ event: Event) -> String {
    switch event {
    case .key(let key): "key \(key.name)"
    case .mouse(let m): "mouse \(m.kind) \(m.button) \(m.x),\(m.y)"
    case .paste(let text): "paste \(text.count) \(text)"
    case .resize(let columns, let rows): "resize \(columns)x\(rows)"
    case .resumed: "resumed"
    case .wake: "wake"
    case .terminate(let signal): "terminate \(signal)"
    }
  }

  /// Presents frames that change wholly, and frames that change by a row.
  static func bench(_ terminal: NcursesTerminal) {
    let theme = ThemeCatalog.standard(terminal.capabilities)
    var whole: [Double] = []
    var little: [Double] = []
    for number in 0..<60 {
      var grid = CellGrid(columns: terminal.size.columns, rows: terminal.size.rows)
      grid.picture(in: grid.bounds) { x, y in
        theme.heatPixels(
          Double((x * 3 + y * 7 + number * 5) % 64) / 63, Double((x + y * 2 + number) % 64) / 63)
      }
      whole.append(time { terminal.present(grid) })
      grid.putLine("frame \(number) with a word or two", in: grid.bounds, row: 3)
      little.append(time { terminal.present(grid) })
    }
    let size = terminal.size
    terminal.close()
    print("size \(size) pictures \(median(whole)) ms, a row \(median(little)) ms")
  }

  static func time(_ work: () -> Void) -> Double {
    let clock = ContinuousClock()
    return Double(clock.measure(work).components.attoseconds) / 1e15
  }

  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

/// One line for each frame on the file named by `PARE_TRACE`.
struct Trace {
  private var descriptor: Int32 = -1
  private var count = 0

  init() {
    guard let path = unsafe getenv("PARE_TRACE") else { return }
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  }

  mutating func frame() {
    count += 1
    let line = "frame \(count) idle\n"
    unsafe _ = write(descriptor, line, line.utf8.count)
  }
}
