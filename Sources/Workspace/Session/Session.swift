public import CheckpointIO
internal import FoundationEssentials
internal import Glibc
internal import Tensors

/// What is remembered of the work on one checkpoint between two runs: the
/// revisions' recipes and metrics, the place on screen, and the training run that
/// was begun last. Weights that recipes make are rebuilt; those that training
/// made lie beside the session, see `KeptWeights`.
///
/// One JSON file a checkpoint in `$XDG_STATE_HOME/pare` (by default
/// `~/.local/state/pare`), named after the checkpoint's content, so that it is
/// found again after `mv` and `touch`, and another file under the same name has
/// a session of its own. It is replaced as a whole: written to a sibling,
/// synchronised, renamed. Of two programs at work on one checkpoint each keeps
/// the other's revisions: see `StoredSession.take`.
public struct Session: Sendable {
  /// Beyond what thousands of revisions take.
  static let byteLimit = 64 << 20

  /// Where it is stored.
  public let path: String
  /// What of the stored session was not taken over and why, one sentence.
  public let warning: String?
  /// The place on screen, in the explorer's own words.
  public var place: [String: String]
  /// The revisions; nil when nothing was stored.
  public package(set) var tree: RevisionTree?
  /// On which text the stored losses were measured.
  var textKey: String?
  /// The training run that was begun last and did not come to its end.
  var startedRun: StartedRun?
  /// Files of deleted revisions, to be removed.
  var discarded: Set<String> = []
  /// The checkpoint's name, for whoever looks at the file.
  let name: String
  /// What was stored when it was read.
  let known: StoredSession.Known

  /// The session of a checkpoint: what is stored of it, or an empty one. A
  /// file that cannot be understood is set aside under the ending `.bad`.
  ///
  /// Costs reading one small file and `Checkpoint.contentKey`.
  public init(directory: String, checkpoint: Checkpoint) {
    self.init(
      directory: directory, name: checkpoint.name, contentKey: checkpoint.contentKey,
      formerly: FormerSessionName(checkpoint).text)
  }

  /// The session of the checkpoint with that content. Where there is none, what is stored
  /// under the name that it had formerly is taken over.
  package init(
    directory: String, name: String, contentKey: UInt64, formerly formerName: String? = nil
  ) {
    path = "\(directory)/\(contentKey.hexadecimal).json"
    self.name = name
    let folder = KeptWeights.folder(besideSession: path)
    do {
      let stored = try Self.read(path) ?? formerName.flatMap { try Self.read("\(directory)/\($0)") }
      let restored = try stored?.restored(weightsIn: folder)
      place = stored?.place ?? [:]
      tree = restored?.tree
      textKey = stored?.textKey
      startedRun = stored?.startedRun
      known = stored?.known ?? StoredSession.Known()
      warning = restored?.warning
    } catch {
      place = [:]
      known = StoredSession.Known()
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

  /// Writes the session together with what another program has stored since it was read;
  /// its folder is made where it is missing. Throws `SessionError`.
  package func write() throws { _ = try write(knowing: known) }

  /// The same where this program has written it before: `known` is what it then left.
  func write(
    knowing known: StoredSession.Known, _ presence: WeightsPresence? = nil
  ) throws -> StoredSession.Known {
    do {
      try WholeFile.makeFolders(above: path)
      return try FolderLock.holding(folderOf: path) {
        var stored = StoredSession(self)
        let mine = stored.known
        do {
          if let other = try Self.read(path) {
            _ = try other.restored(weightsIn: KeptWeights.folder(besideSession: path))
            stored.take(from: other, knowing: known)
          }
        } catch {
          // What cannot be used is set aside, as when it is read.
          unsafe rename(path, path + ".bad")
        }
        try WholeFile.write(Self.encoded(stored), to: path, access: .owner)
        presence?.alone {
          KeptWeights.removeUnused(
            besideSession: path, used: stored.weightFiles, discarded: discarded)
        }
        return mine
      }
    } catch {
      throw SessionError("the session was not kept: \(error)")
    }
  }

  private static func encoded(_ stored: StoredSession) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return Array(try encoder.encode(stored))
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
}

/// Why a session could not be read or written, one sentence.
public struct SessionError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

extension UInt64 {
  /// Sixteen digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
