internal import ArgumentParser
internal import CheckpointIO
internal import Glibc
internal import Workspace

/// The file a command writes.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The file to write; never the input.", valueName: "file"),
    completion: .file())
  var path: String

  @Flag(help: "Overwrite the output if it is there.")
  var force = false

  /// Refuses an output that is the input under any name, that is there without
  /// `--force`, or that cannot be; to be asked before any work is done.
  func check(against input: String) throws {
    guard let there = FileStatus(path) else {
      let folder = folder
      guard let status = FileStatus(folder), status.isFolder else {
        throw CommandError("cannot write \(path): there is no folder \(folder)")
      }
      return
    }
    if there.isSameFile(as: FileStatus(input)) {
      throw UsageError("the output \(path) is the input; write to another file")
    }
    try check(path, there)
  }

  /// Refuses a file that is there without `--force`, and always what no file may replace.
  func check(_ path: String, _ there: FileStatus) throws {
    if let kind = there.kind { throw CommandError("cannot write \(path): it is \(kind)") }
    if !force { throw CommandError("\(path) is there already; --force overwrites it") }
  }

  /// Claims the output for this process, before any work is done. No file of `inputs` is
  /// ever written over.
  func claim(inputs: [String]) throws -> SaveOutput {
    try Self.tellingUsage {
      try SaveOutput(path, overwrite: force, inputs: inputs)
    }
  }

  /// Refuses an output of a training run that is one of its inputs, or whose state or log
  /// would be one.
  func checkTraining(inputs: [String]) throws {
    let state = TrainingState.path(for: path)
    if !force, FileStatus(path)?.kind == nil, FileStatus(state) != nil,
      inputs.allSatisfy({ FileStatus(path)?.isSameFile(as: FileStatus($0)) != true })
    {
      throw CommandError(
        "\(path) and \(state) are there already: --resume goes on with that run, --force begins "
          + "another")
    }
    for input in inputs { try check(against: input) }
    try Self.tellingUsage { try TrainingRun.check(output: path, inputs: inputs) }
  }

  /// The state of the run that writes the output, to go on from.
  func stoppedRun() throws -> TrainingState {
    let state = TrainingState.path(for: path)
    if FileStatus(state) != nil { return try TrainingState(state) }
    guard FileStatus(path) != nil else {
      throw CommandError("there is no \(state) to go on from; begin without --resume")
    }
    // A run removes its state when it is done, and leaves the log.
    guard FileStatus(TrainingLog.path(for: path)) != nil else {
      throw CommandError("there is no \(state) to go on from, and \(path) is there already")
    }
    throw CommandError(
      "the run that wrote \(path) is at its end; --force without --resume begins another")
  }

  /// An input that would be written over is the command line's fault.
  private static func tellingUsage<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch CheckpointError.isInput(let path) {
      throw UsageError("\(CheckpointError.isInput(path: path))")
    }
  }

  /// Refuses a name that asks for what a training run does not write.
  func check(trainingCompresses isCompressing: Bool) throws {
    do {
      try TrainingRun.check(output: path, isCompressing: isCompressing)
    } catch {
      throw UsageError("\(error)")
    }
  }

  private var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

/// A folder that files are written to; made where there is none.
struct OutputFolder {
  private let path: String
  private let isMade: Bool

  /// Throws `CommandError` where there can be none.
  init(_ path: String) throws {
    self.path = path
    if let there = FileStatus(path) {
      guard there.isFolder else { throw CommandError("cannot write \(path): it is no folder") }
      isMade = false
      return
    }
    // Whoever the process's mask allows may read it.
    guard unsafe mkdir(path, 0o777) == 0 else {
      throw CommandError(
        "cannot make the folder \(path): \(unsafe String(cString: strerror(errno)))")
    }
    isMade = true
  }

  /// Leaves no folder behind in which nothing was written.
  func removeIfEmpty() {
    if isMade { unsafe rmdir(path) }
  }
}

/// What the file system says of a path, links followed.
struct FileStatus {
  private let status: stat

  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.status = status
  }

  var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }

  /// What it is instead of a file; nil for a file.
  var kind: String? { SavePlace.kind(status) }

  func isSameFile(as other: FileStatus?) -> Bool {
    guard let other else { return false }
    return status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino
  }
}
