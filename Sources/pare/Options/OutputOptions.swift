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
    if there.isFolder { throw CommandError("cannot write \(path): it is a folder") }
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
    for input in inputs { try check(against: input) }
    try Self.tellingUsage { try TrainingRun.check(output: path, inputs: inputs) }
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

/// What the file system says of a path, links followed.
struct FileStatus {
  private let status: stat

  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.status = status
  }

  var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }

  func isSameFile(as other: FileStatus?) -> Bool {
    guard let other else { return false }
    return status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino
  }
}
