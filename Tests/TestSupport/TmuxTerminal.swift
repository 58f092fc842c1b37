public import Foundation

/// A real terminal for a test: a program in tmux, on a server, home and screen of its own.
///
/// What the test waits for it sees on the screen, looking again whenever the program has
/// traced a frame (`PARE_TRACE`); a bounded wait ends what never comes.
public final class TmuxTerminal {
  /// Why a wait or a command of tmux failed.
  public struct Failure: Error, CustomStringConvertible {
    /// What was wanted, and what the screen showed instead.
    public let description: String
  }

  /// True where tmux can be run.
  public static let isAvailable: Bool = find("tmux") != nil

  /// The home of the program, gone with the terminal.
  public let home: URL
  private let folder: URL
  private let watch: FileWatch
  private let variables: [String: String]

  /// Runs a command line in `/bin/sh` at the size given.
  public init(
    _ command: String, columns: Int = 80, rows: Int = 24, term: String = "tmux-256color",
    environment: [String: String] = [:]
  ) throws {
    var template = Array("/tmp/pare-tmux-XXXXXX".utf8CString)
    guard let made = unsafe mkdtemp(&template) else { throw Failure(description: "no folder") }
    folder = URL(fileURLWithPath: unsafe String(cString: made))
    home = folder.appendingPathComponent("home")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    watch = FileWatch(folder: folder.path)
    variables = [
      "HOME": home.path, "XDG_STATE_HOME": home.path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "SHELL": "/bin/sh",
      "SWIFT_BACKTRACE": "enable=no", "PS1": "$ ",
    ]
    let settings = """
      set -g default-terminal "\(term)"
      set -g status off
      set -g remain-on-exit on
      set -g escape-time 0
      set-environment -g PARE_TRACE "\(folder.path)/trace"
      set-environment -gu COLORTERM
      \(environment.sorted { $0.key < $1.key }.map {
        "set-environment -g \($0.key) \"\($0.value)\""
      }.joined(separator: "\n"))

      """
    try Data(settings.utf8).write(to: folder.appendingPathComponent("conf"))
    try tmux([
      "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-s", "test", "-c", home.path,
      command,
    ])
  }

  deinit {
    _ = try? tmux(["kill-server"])
    try? FileManager.default.removeItem(at: folder)
  }

  /// Presses keys by tmux's names: `j`, `Down`, `C-z`, `M-x`, `Escape`.
  public func press(_ keys: String...) throws {
    try tmux(["send-keys", "-t", "test", "--"] + keys)
  }

  /// Sends text, or bytes of a mouse report, as they are.
  public func send(_ text: String) throws {
    try tmux(["send-keys", "-t", "test", "-l", "--", text])
  }

  /// A mouse report in xterm's classic form: button code, column and row from 0.
  public func mouse(_ code: UInt8, x: UInt8, y: UInt8) throws {
    let bytes = [0x1B, 0x5B, 0x4D, 32 + code, 33 + x, 33 + y]
    try tmux(["send-keys", "-t", "test", "-H"] + bytes.map { String($0, radix: 16) })
  }

  /// Gives the window another size.
  public func resize(columns: Int, rows: Int) throws {
    try tmux(["resize-window", "-t", "test", "-x", "\(columns)", "-y", "\(rows)"])
  }

  /// What the screen shows, line by line.
  public var screen: String {
    (try? tmux(["capture-pane", "-t", "test", "-p"])) ?? ""
  }

  /// The screen with its colours, as escape sequences.
  public var styledScreen: String {
    (try? tmux(["capture-pane", "-t", "test", "-p", "-e"])) ?? ""
  }

  /// What tmux knows: `alternate_on`, `pane_dead`, `pane_pid`, `mouse_any_flag`…
  public func state(_ name: String) -> String {
    let text = (try? tmux(["display-message", "-t", "test", "-p", "#{\(name)}"])) ?? ""
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The lines that the program has traced.
  public var trace: [String] {
    let data = (try? Data(contentsOf: folder.appendingPathComponent("trace"))) ?? Data()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// A file in a folder that goes with the terminal.
  public func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// The text of such a file; nil while there is none.
  public func text(_ name: String) -> String? {
    try? String(contentsOfFile: path(name), encoding: .utf8)
  }

  /// Waits until the screen is as wanted and returns it.
  @discardableResult
  public func screen(
    _ wanted: String, within seconds: Double = 20, where isWanted: (String) -> Bool
  ) throws -> String {
    var last = ""
    try wait(for: wanted, within: seconds) {
      last = screen
      return isWanted(last)
    }
    return last
  }

  /// Waits until the screen shows a text and returns the screen.
  @discardableResult
  public func shows(_ text: String, within seconds: Double = 20) throws -> String {
    try screen("the text “\(text)”", within: seconds) { $0.contains(text) }
  }

  /// Waits until the program says that its last frame is drawn and nothing is at work.
  public func idle(within seconds: Double = 60) throws {
    try wait(for: "an idle frame", within: seconds) { trace.last?.hasSuffix(" idle") == true }
  }

  /// Waits until something is so.
  public func wait(
    for wanted: String, within seconds: Double = 20, until isSo: () -> Bool
  ) throws {
    let start = ContinuousClock.now
    while !isSo() {
      guard start.duration(to: .now) < .seconds(seconds) else {
        throw Failure(
          description: "waited \(seconds) s for \(wanted); the screen shows:\n\(screen)")
      }
      watch.wait(milliseconds: 20)
    }
  }

  @discardableResult
  private func tmux(_ arguments: [String]) throws -> String {
    guard let program = TmuxTerminal.find("tmux") else { throw Failure(description: "no tmux") }
    let output = path("output.\(UUID().uuidString)")
    defer { unsafe _ = unlink(output) }
    let status = try Child.run(
      [program, "-S", path("socket"), "-f", path("conf"), "-u"] + arguments,
      environment: variables, output: output)
    let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    guard status == 0 else {
      throw Failure(description: "tmux \(arguments.joined(separator: " ")): \(text)")
    }
    return text
  }

  private static func find(_ program: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}

/// Runs a program to its end. A pipe would be held open by servers that other tests start at
/// the same moment, so the output goes to a file.
private enum Child {
  static func run(
    _ words: [String], environment: [String: String], output: String
  ) throws -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
    // What the runner of the tests ignores, or its threads block, is to arrive in the terminal.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    var id: pid_t = 0
    let error = unsafe posix_spawn(&id, words[0], &actions, &attributes, &arguments, &variables)
    guard error == 0 else {
      throw TmuxTerminal.Failure(description: "\(words[0]) did not start: error \(error)")
    }
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
    return status
  }
}

/// Waits for changes of files in a folder (inotify(7)).
private struct FileWatch {
  private let descriptor: Int32

  init(folder: String) {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    unsafe _ = inotify_add_watch(descriptor, folder, UInt32(IN_MODIFY | IN_CREATE))
  }

  /// Returns when a file changed, or after the time given.
  func wait(milliseconds: Int32) {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&poller, 1, milliseconds) > 0 else { return }
    var bytes = [UInt8](repeating: 0, count: 4096)
    while unsafe read(descriptor, &bytes, bytes.count) > 0 {}
  }
}

/// Programs of this package, built beside the tests.
public enum BuiltProgram {
  /// The path of a built executable.
  public static func path(_ name: String) -> String {
    let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests ?? CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }
}
