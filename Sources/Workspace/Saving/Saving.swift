internal import CheckpointIO
internal import Glibc
internal import Jobs
internal import Tensors

/// Writes revisions: the one road to a file for the explorer and the command
/// line, so that both write the same bytes.
enum Saving {
  /// Shares of a save's time, about.
  static let planning = 0.0...0.4
  static let writing = 0.4...1.0

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

  /// The same for files of any kind.
  static func plan(
    _ parameters: Parameters, of checkpoint: Checkpoint, as request: SaveRequest, to path: String,
    in job: borrowing JobContext
  ) throws -> PlannedSave {
    let threads = job.threads
    return try stoppable(job) { progress, shouldStop in
      try request.plan(
        parameters, of: checkpoint, to: path, threads: threads, progress: progress,
        shouldStop: shouldStop)
    }
  }

  /// Writes a planned file; returns how many tensors were there already, which are some
  /// only where `recipe` says how the weights came about (see `FilePlan.write`). An
  /// existing file is replaced only where `overwrite` says so. Throws `Cancelled`,
  /// `SavingError`, and `CheckpointError`.
  static func write(
    _ plan: any FilePlan, to path: String, recipe: String? = nil, overwrite: Bool,
    in job: borrowing JobContext
  ) throws -> Int {
    for file in plan.paths(for: path) { try refuseExisting(file, overwrite) }
    return try stoppable(job) { progress, shouldStop in
      try plan.write(to: path, recipe: recipe, progress: progress, shouldStop: shouldStop)
    }
  }

  /// Throws `SavingError` where a file is there that is not to be replaced.
  static func refuseExisting(_ path: String, _ overwrite: Bool) throws {
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
