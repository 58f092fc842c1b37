/// Everything about a model that is going to be written, in whatever format: a file,
/// or several.
public protocol FilePlan: Sendable {
  /// Exactly what the tensors' files will take, headers included.
  var byteCount: Int { get }

  /// How many tensors are written.
  var tensorCount: Int { get }

  /// What the files will not have, such as optimizer state.
  var omissions: [String] { get }

  /// What the files will not hold as the checkpoint has it, `omissions` among it.
  var losses: [SaveLoss] { get }

  /// The paths of all files of a save to `path`; the last is the one to open.
  func paths(for path: String) -> [String]

  /// Writes the files: to temporary ones beside them, which take their places once all is
  /// on the disk. A process killed at any moment leaves the old checkpoint or the new one,
  /// whole. Memory is bounded by the largest tensor.
  ///
  /// Where `recipe` says how the weights came of the checkpoint, a write that is
  /// stopped or killed leaves the temporary files, and the next one of the same
  /// recipe, checkpoint and path goes on after the tensors that are whole, which is
  /// made sure of every `syncedAtOnce` bytes (some seconds of a disk). Returns how
  /// many those were.
  ///
  /// Throws `CheckpointError.sameFile` when one of the paths is the open checkpoint by
  /// whatever name, `.exists` when a file is there that may not be replaced, `.stopped`
  /// once `shouldStop` says so, `.changed`, `.cannotWrite`, and what reading a tensor
  /// throws; nothing is changed then.
  @discardableResult
  func write(
    to output: SaveOutput, recipe: String?, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int
}

extension FilePlan {
  public func paths(for path: String) -> [String] { [path] }

  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Int {
    try write(
      to: output, recipe: recipe, syncing: 1 << 30, progress: progress, shouldStop: shouldStop)
  }

  /// The same to a path that is claimed only now; a file that is there is replaced.
  @discardableResult
  public func write(
    to path: String, recipe: String? = nil, syncing syncedAtOnce: Int = 1 << 30,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Int {
    try write(
      to: SaveOutput(path, overwrite: true), recipe: recipe, syncing: syncedAtOnce,
      progress: progress, shouldStop: shouldStop)
  }

  /// The files that a write to `path` left to go on with.
  public func unfinishedFiles(for path: String) -> [String] {
    paths(for: path).compactMap(UnfinishedSave.file)
  }
}
