internal import CheckpointIO

/// The files that a training run writes: the checkpoint, and beside it the state that the
/// run can be resumed from and the log. They are claimed for as long as the run takes.
struct TrainingFiles {
  let output: SaveOutput
  let state: SaveOutput

  /// The files of a run that writes `path`. Those that are there are replaced only where
  /// `overwrite` says so.
  ///
  /// Throws `CheckpointError`, and `TrainingFileError` where a state is there.
  init(_ path: String, overwrite: Bool) throws {
    output = try SaveOutput(path, overwrite: overwrite)
    let statePath = TrainingState.path(for: path)
    do {
      state = try SaveOutput(statePath, overwrite: overwrite)
    } catch .exists {
      throw TrainingFileError(
        "\(statePath) is there: --resume goes on with that run, --force begins another")
    }
  }

  /// Gives the claims up.
  func discard() {
    output.discard()
    state.discard()
  }

  /// Throws `CheckpointError` if a run that writes `path` would write over one of `inputs`
  /// or over a file of `source`.
  static func check(_ path: String, inputs: [String], source: Checkpoint?) throws {
    let paths = [path, TrainingState.path(for: path), TrainingLog.path(for: path)]
    try SaveOutput.check(paths, against: inputs)
    for path in paths { try SaveOutput.check(path, against: source) }
  }
}
