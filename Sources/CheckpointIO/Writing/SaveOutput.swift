/// The place of a file that is going to be written, claimed before the work begins.
///
/// The claim is the lock of the temporary file beside the place. Of two processes that are
/// to write one file the second is refused at once, and whatever appears at the place
/// meanwhile is replaced only where `overwrite` allows it.
public final class SaveOutput {
  /// As it was asked for; may lead over links.
  public let path: String
  private let overwrite: Bool
  /// Files that are never written over.
  private let inputs: [String]
  private var claimed: ReplacementFile?
  /// Whether a file written here has taken the place; the next may replace it.
  private var isWritten = false

  /// Claims a place until a file is written or this object is gone. `inputs` are files that
  /// no save to it may write over, whatever names it has to make.
  ///
  /// Throws `CheckpointError.isInput`, `.exists` where a file is there and may not be replaced, and
  /// `.cannotWrite` where none can be written or another process has the claim.
  public convenience init(
    _ path: String, overwrite: Bool, inputs: [String] = []
  ) throws(CheckpointError) {
    try Self.check([path], against: inputs)
    let name = FilePath.lastComponent(path)
    guard let own = ShardName(name)?.whole else {
      try self.init(claiming: path, overwrite, inputs)
      try ShardSwitch.finish(at: ShardedPlan.index(for: path))
      return
    }
    // The temporary file of a shard may belong to a set that is not in its place yet.
    let whole = FilePath.folder(path) + own
    if ShardSwitch.isBegun(at: ShardedPlan.index(for: whole)) {
      withExtendedLifetime(try SaveOutput(whole, overwrite: true)) {}
    }
    try self.init(claiming: path, overwrite, inputs)
  }

  /// Claims the place of a shard, whose set is known to be whole.
  convenience init(shard path: String, overwrite: Bool) throws(CheckpointError) {
    try self.init(claiming: path, overwrite, [])
  }

  private init(
    claiming path: String, _ overwrite: Bool, _ inputs: [String]
  ) throws(CheckpointError) {
    self.path = path
    self.inputs = inputs
    self.overwrite = overwrite
    claimed = try ReplacementFile(for: path, overwrite: overwrite)
  }

  var mayReplace: Bool { overwrite || isWritten }

  /// The file to write, which takes the claim over.
  func take() throws(CheckpointError) -> ReplacementFile {
    if let file = claimed.take() { return file }
    return try ReplacementFile(for: path, overwrite: mayReplace)
  }

  /// To be called once the file has its place.
  func noteWritten() { isWritten = true }

  /// Gives the claim up, and what an earlier save left in it.
  package func discard() { claimed.take()?.discard() }

  /// Throws as `check(_:against:)` if one of `paths` may not be written.
  func check(_ paths: [String], of source: Checkpoint?) throws(CheckpointError) {
    for path in paths { try Self.check(path, against: source) }
    try Self.check(paths, against: inputs)
  }

  /// Throws `CheckpointError.sameFile` or `.cannotWrite` if a save to `path` would write
  /// over a file of an open checkpoint, or over one beside it that says more about it.
  package static func check(_ path: String, against source: Checkpoint?) throws(CheckpointError) {
    guard let source else { return }
    let place = try SavePlace(path)
    for file in [place.path, place.temporary] {
      guard let identity = FileIdentity(path: file) else { continue }
      if source.identities.contains(identity) {
        throw .sameFile(path: file == place.path ? path : file)
      }
      guard let own = source.path else { continue }
      let sidecars = Sidecars.names.map { FilePath.folder(own) + $0 }
      if sidecars.contains(where: { FileIdentity(path: $0) == identity }) {
        throw .cannotWrite(path: path, reason: "it belongs to the checkpoint that is open")
      }
    }
  }

  /// Throws `CheckpointError.isInput` if a save to one of `paths` would write over one of
  /// `inputs`, by whatever names; temporary files count.
  public static func check(
    _ paths: [String], against inputs: [String]
  ) throws(CheckpointError) {
    let identities = Set(inputs.compactMap { FileIdentity(path: $0) })
    for path in paths {
      let place = try SavePlace(path)
      for file in [place.path, place.temporary] {
        if let identity = FileIdentity(path: file), identities.contains(identity) {
          throw .isInput(path: file == place.path ? path : file)
        }
      }
    }
  }
}
