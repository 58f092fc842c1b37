internal import CheckpointIO
internal import FoundationEssentials
internal import Glibc
internal import Tensors

/// What is remembered of the work on one checkpoint between two runs: the
/// revisions' recipes and metrics, and the place on screen. Weights are not
/// kept; they are rebuilt by replaying the recipes.
///
/// One JSON file a checkpoint in `$XDG_STATE_HOME/pare` (by default
/// `~/.local/state/pare`), named after the checkpoint and a hash of its
/// resolved path, size and time of change, so that another file under the same
/// name has a session of its own. It is replaced as a whole: written to a
/// sibling, synchronised, renamed. Of two programs at work on one checkpoint
/// the last to write wins.
public struct Session: Sendable {
  /// Beyond what thousands of revisions take.
  static let byteLimit = 64 << 20

  /// Where it is stored.
  public let path: String
  /// Why a stored session was not taken over, one sentence.
  public let warning: String?
  /// The place on screen, in the explorer's own words.
  public var place: [String: String]
  /// The revisions; nil when nothing was stored.
  public package(set) var tree: RevisionTree?
  /// On which text the stored losses were measured.
  var textKey: String?

  /// The session of a checkpoint: what is stored of it, or an empty one. A
  /// file that cannot be understood is set aside under the ending `.bad`.
  ///
  /// Costs reading one small file. `checkpointPath` is nil for the checkpoint
  /// inside the program.
  public init(
    directory: String, checkpointPath: String?, checkpointName: String, checkpointBytes: Int
  ) {
    let key = Self.key(path: checkpointPath, name: checkpointName, bytes: checkpointBytes)
    path = "\(directory)/\(Self.fileName(checkpointName))-\(key).json"
    do {
      let stored = try Self.read(path)
      place = stored?.place ?? [:]
      tree = try stored?.restoredTree()
      textKey = stored?.textKey
      warning = nil
    } catch {
      place = [:]
      let isAside = unsafe rename(path, path + ".bad") == 0
      warning =
        "the stored session could not be used (\(error))"
        + (isAside ? " and was set aside as \(path).bad" : "")
    }
  }

  /// `$XDG_STATE_HOME/pare`, by default `~/.local/state/pare`; nil when
  /// `PARE_NO_SESSION` is set to 1, or nobody says where home is.
  public static func standardDirectory(environment: (String) -> String?) -> String? {
    if environment("PARE_NO_SESSION") == "1" { return nil }
    // The base directory specification has a relative path ignored.
    if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/pare" }
    return environment("HOME").flatMap { $0.isEmpty ? nil : $0 + "/.local/state/pare" }
  }

  /// The environment of this process, for `standardDirectory`.
  public static func processEnvironment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// Writes the session; its folder is made where it is missing. Throws
  /// `SessionError`.
  package func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let data = try encoder.encode(StoredSession(self))
    do {
      try WholeFile.makeFolders(above: path)
      try WholeFile.write(Array(data), to: path, access: .owner)
    } catch {
      throw SessionError("the session was not kept: \(error)")
    }
  }

  private static func read(_ path: String) throws -> StoredSession? {
    guard let bytes = try WholeFile.read(path, limit: byteLimit) else { return nil }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      return try decoder.decode(StoredSession.self, from: Data(bytes))
    } catch is DecodingError {
      throw SessionError("it is not what Pare writes")
    }
  }

  /// FNV-1a, 64 bits (Fowler, Noll and Vo), over what tells one file from
  /// another.
  private static func key(path: String?, name: String, bytes: Int) -> String {
    var identity = "\(name)\0\(bytes)"
    if let path {
      let resolved = unsafe realpath(path, nil)
      if let resolved = unsafe resolved {
        identity += unsafe "\0" + String(cString: resolved)
        unsafe free(resolved)
      }
      var status = stat()
      if unsafe stat(path, &status) == 0 {
        identity += "\0\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      }
    }
    let digits = String(Fingerprint(of: identity.utf8).value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The checkpoint's name as far as it is harmless in a file name.
  private static func fileName(_ name: String) -> String {
    let harmless = name.unicodeScalars.prefix(60).map { scalar -> Character in
      let isHarmless =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
        || scalar == "-" || scalar == "_" || scalar == "."
      return isHarmless ? Character(scalar) : "_"
    }
    return String(harmless)
  }
}

/// Why a session could not be read or written, one sentence.
public struct SessionError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
