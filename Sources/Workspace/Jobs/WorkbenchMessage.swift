public import Jobs

/// What background jobs post to the main thread; `Workbench.receive` folds it.
public enum WorkbenchMessage: Sendable {
  /// Nothing but a wish to be received.
  case wake
  case started(JobID)
  case progressed(JobID, Progress)
  /// A part of a job's result, as soon as it is there.
  case partial(JobID, any Sendable)
  case finished(JobID, JobOutcome<any Sendable>)
  /// Weights of a revision were written beside the session, to a file of that path, or not.
  case kept(RevisionID, Result<String, SessionError>)
}
