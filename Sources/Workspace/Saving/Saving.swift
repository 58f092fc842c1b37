internal import CheckpointIO
internal import Jobs
internal import Models

/// Writes revisions: the one road to a file for the explorer and the command
/// line, so that both write the same bytes.
enum Saving {
  /// Shares of a save's time, about.
  static let planning = 0.0...0.4
  static let writing = 0.4...1.0

  /// Plans a file of `model`, which comes of `checkpoint`; what is `known` is not read. Throws
  /// `Cancelled`, and what reading a tensor throws.
  static func plan(
    _ model: ModelState, of checkpoint: Checkpoint, form: SaveForm,
    known: [String: PackedFacts] = [:], in job: borrowing JobContext
  ) throws -> SavePlan {
    try stoppable(job) { progress, shouldStop in
      try SavePlan.make(
        parameters: model.parameters, of: checkpoint,
        metadata: SavePlan.metadata(of: model, from: checkpoint), form: form, known: known,
        progress: progress, shouldStop: shouldStop)
    }
  }

  /// The same for files of any kind.
  static func plan(
    _ model: ModelState, of checkpoint: Checkpoint, as request: SaveRequest, to path: String,
    known: [String: PackedFacts] = [:], in job: borrowing JobContext
  ) throws -> PlannedSave {
    let threads = job.threads
    return try stoppable(job) { progress, shouldStop in
      try request.plan(
        model, of: checkpoint, to: path, known: known, threads: threads, progress: progress,
        shouldStop: shouldStop)
    }
  }

  /// Writes a planned file; returns how many tensors were there already, which are some
  /// only where `recipe` says how the weights came about (see `FilePlan.write`). Throws
  /// `Cancelled` and `CheckpointError`.
  static func write(
    _ plan: any FilePlan, to output: SaveOutput, recipe: String? = nil,
    in job: borrowing JobContext
  ) throws -> Int {
    try stoppable(job) { progress, shouldStop in
      try plan.write(to: output, recipe: recipe, progress: progress, shouldStop: shouldStop)
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
