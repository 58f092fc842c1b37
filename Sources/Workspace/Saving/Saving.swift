internal import CheckpointIO
internal import Glibc
internal import Jobs
internal import Tensors

/// Writes revisions: the one road to a file for the explorer and the command
/// line, so that both write the same bytes.
enum Saving {
  /// How much of a save's time planning takes, about.
  private static let planShare = 0.4

  /// Plans a file of `parameters`, which come of `checkpoint`. Throws
  /// `Cancelled`, and what reading a tensor throws.
  static func plan(
    _ parameters: Parameters, of checkpoint: Checkpoint, form: SaveForm,
    in job: borrowing JobContext
  ) throws -> SavePlan {
    try stoppable(job) { progress, shouldStop in
      try SavePlan.make(
        parameters: parameters, of: checkpoint, form: form, progress: progress,
        shouldStop: shouldStop)
    }
  }

  /// Writes a file and returns its plan. An existing file is replaced only
  /// where `overwrite` says so. Throws `Cancelled`, `SavingError`, and
  /// `CheckpointError`.
  static func save(
    _ parameters: Parameters, of checkpoint: Checkpoint, to path: String, form: SaveForm,
    overwrite: Bool, in job: borrowing JobContext
  ) throws -> SavePlan {
    try refuseExisting(path, overwrite)
    let plan = try plan(
      parameters, of: checkpoint, form: form, in: job.part(0...planShare))
    try refuseExisting(path, overwrite)
    _ = try stoppable(job.part(planShare...1)) { progress, shouldStop in
      try plan.write(to: path, progress: progress, shouldStop: shouldStop)
    }
    return plan
  }

  private static func refuseExisting(_ path: String, _ overwrite: Bool) throws {
    if !overwrite, unsafe access(path, F_OK) == 0 {
      throw SavingError("\(path) is there already; add --force to replace it")
    }
  }

  private static func stoppable<Result>(
    _ job: borrowing JobContext,
    _ body: ((Double, String) -> Void, @Sendable () -> Bool) throws -> Result
  ) throws -> Result {
    let report = job.reporter
    do {
      return try body({ report($0, $1) }, job.shouldStop)
    } catch CheckpointError.stopped {
      throw Cancelled()
    }
  }
}

/// Why a revision was not saved, one sentence.
public struct SavingError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
