import Foundation

/// The built program, run as a user runs it: words in, words and a status out.
enum Program {
  /// What a run left behind.
  struct Outcome {
    let status: Int32
    let output: String
    let error: String

    /// The output as JSON; nil when it is none.
    var json: Any? {
      try? JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed)
    }

    /// The output as a JSON object; empty when it is none.
    var fields: [String: Any] { json as? [String: Any] ?? [:] }
  }

  /// The executable, beside the one that runs the tests.
  static let path: String = {
    let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folder = URL(fileURLWithPath: tests ?? CommandLine.arguments[0]).deletingLastPathComponent()
    return folder.appendingPathComponent("pare").path
  }()

  /// Runs `pare` with `arguments` and waits for its end. Nothing of the user's
  /// settings reaches it; `environment` is all it sees besides a home of its own.
  static func run(
    _ arguments: [String], in folder: Scratch, environment: [String: String] = [:]
  ) throws -> Outcome {
    let running = try start(arguments, in: folder, environment: environment)
    running.process.waitUntilExit()
    return try running.outcome()
  }

  /// Runs `pare` from a line of a shell, in which `"$@"` is the program with its arguments.
  static func run(
    inShell line: String, _ arguments: [String], in folder: Scratch
  ) throws -> Outcome {
    let words = ["-c", line, "sh", path] + arguments
    let running = try start(words, of: "/bin/sh", in: folder)
    running.process.waitUntilExit()
    return try running.outcome()
  }

  /// Starts `pare` without waiting.
  static func start(
    _ arguments: [String], of program: String = path, in folder: Scratch,
    environment: [String: String] = [:]
  ) throws -> Running {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    process.environment = [
      "HOME": folder.home.path, "XDG_STATE_HOME": folder.home.path, "LANG": "C.UTF-8",
      "TERM": "dumb",
    ].merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let output = try folder.stream()
    let error = try folder.stream()
    process.standardOutput = output.handle
    process.standardError = error.handle
    try withSignalsUnblocked { try process.run() }
    return Running(process: process, output: output.url, error: error.url)
  }

  /// Tests run on threads that block signals, which a child would inherit.
  private static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var former = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &former)
    defer { unsafe _ = pthread_sigmask(SIG_SETMASK, &former, nil) }
    try body()
  }

  /// A process that was started.
  struct Running {
    let process: Process
    fileprivate let output: URL
    fileprivate let error: URL

    /// What it left; to be asked after its end.
    func outcome() throws -> Outcome {
      Outcome(
        status: process.terminationReason == .exit ? process.terminationStatus : -1,
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        error: String(decoding: try Data(contentsOf: error), as: UTF8.self))
    }
  }
}

/// A folder for one test, gone when the test ends.
final class Scratch {
  let url: URL
  /// Where the program keeps its state; outside `url`, so that a test can
  /// compare what lies there.
  let home: URL
  private var streams = 0

  init() throws {
    let root = FileManager.default.temporaryDirectory
      .appendingPathComponent("pare-\(UUID().uuidString)")
    url = root.appendingPathComponent("work")
    home = root.appendingPathComponent("home")
    for folder in [url, home] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }

  /// The path of a file in it.
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// The bytes of a file in it.
  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: url.appendingPathComponent(name))
  }

  /// The names of all that lies in it, hidden files included.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
  }

  fileprivate func stream() throws -> (url: URL, handle: FileHandle) {
    streams += 1
    let file = home.appendingPathComponent("stream.\(streams)")
    try Data().write(to: file)
    return (file, try FileHandle(forWritingTo: file))
  }
}

/// Files of the project and, where they are, the shared real ones.
enum Fixtures {
  /// The package's root.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A file in `Checkpoints/`.
  static func checkpoint(_ name: String) -> String {
    root.appendingPathComponent("Checkpoints/\(name)").path
  }

  /// The folder of shared real inputs; nil where it is not.
  static let shared: URL? = {
    let folder =
      ProcessInfo.processInfo.environment["PARE_SHARED_DATA"].map { URL(fileURLWithPath: $0) }
      ?? root.appendingPathComponent("../shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder.standardizedFileURL : nil
  }()
}
