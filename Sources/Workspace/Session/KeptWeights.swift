internal import CheckpointIO
internal import Dispatch
internal import Glibc
internal import Tensors

/// Weights that training made, as files beside the session: a packed checkpoint for each
/// revision, with the log of its run up to its step.
enum KeptWeights {
  /// What the files of one checkpoint's session may take together.
  static let byteLimit = 4_000_000_000
  /// Seconds after which a file that no session names is no longer one that is being written.
  private static let oldAge = 86_400
  private static let ending = ".safetensors"

  /// The folder of a session's weights.
  static func folder(besideSession path: String) -> String {
    (path.hasSuffix(".json") ? String(path.dropLast(5)) : path) + ".weights"
  }

  /// A name for a new file in it.
  static func newName() -> String { UInt64.random(in: 0...UInt64.max).hexadecimal + ending }

  /// Whether a session may name such a file and it is there.
  static func isThere(_ name: String, in folder: String) -> Bool {
    let digits = name.utf8.dropLast(ending.utf8.count)
    guard name.hasSuffix(ending), digits.count == 16,
      digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return false }
    return unsafe access("\(folder)/\(name)", R_OK) == 0
  }

  /// Removes the files of deleted revisions, and those that a program which was killed left
  /// there, unless the session names them.
  static func removeUnused(besideSession path: String, used: Set<String>, discarded: Set<String>) {
    let folder = folder(besideSession: path)
    let now = time(nil)
    for (name, status) in files(in: folder) {
      // A log belongs to the weights that it lies beside.
      let owner = String(name.prefix(16)) + ending
      let isOld = Int(now - status.st_mtim.tv_sec) > oldAge
      if !used.contains(owner), isOld || discarded.contains(owner) {
        unsafe unlink("\(folder)/\(name)")
      }
    }
  }

  /// Bytes that the files in a folder take.
  static func byteCount(in folder: String) -> Int {
    files(in: folder).reduce(0) { $0 + Int($1.status.st_size) }
  }

  private static func files(in folder: String) -> [(name: String, status: stat)] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var files: [(String, stat)] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      var status = stat()
      if unsafe lstat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG {
        files.append((name, status))
      }
    }
    return files
  }
}

/// Writes weights that training made in the background, one file after another.
final class WeightKeeper: Sendable {
  /// What is to be written, and where.
  struct Request: Sendable {
    let parameters: Parameters
    let metadata: [String: String]
    let folder: String
    /// The log of the run, and the step up to which it is the revision's.
    let logPath: String?
    let step: Int
    let byteLimit: Int
  }

  private let queue = DispatchQueue(label: "pare.weights", qos: .utility)

  /// Writes it; `done` gets the file, or why there is none, one sentence.
  func keep(
    _ request: Request, done: @escaping @Sendable (Result<String, SessionError>) -> Void
  ) {
    queue.async {
      do {
        done(.success(try Self.write(request)))
      } catch {
        done(.failure(SessionError("\(error)")))
      }
    }
  }

  private static func write(_ request: Request) throws -> String {
    let path = "\(request.folder)/\(KeptWeights.newName())"
    try WholeFile.makeFolders(above: path)
    let plan = try SavePlan.make(
      parameters: request.parameters, metadata: request.metadata, form: .packed)
    let total = KeptWeights.byteCount(in: request.folder) + plan.byteCount
    guard total <= request.byteLimit else {
      throw SessionError(
        "its \(plan.byteCount) bytes would take the kept weights beyond "
          + "\(request.byteLimit) bytes")
    }
    // The log first: a file with weights is complete.
    if let log = try? request.logPath.flatMap({ try TrainingLog($0) }) {
      try log.through(step: request.step).write(to: TrainingLog.path(for: path))
    }
    do {
      try plan.write(to: path)
    } catch {
      unsafe unlink(TrainingLog.path(for: path))
      throw error
    }
    return path
  }
}
