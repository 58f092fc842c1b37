package import CheckpointIO

extension ReadingLimit {
  /// Those of the other files that are read.
  package static let ofWork = [
    ReadingLimit("recipe", Recipe.byteLimit, "bytes"),
    ReadingLimit("recipe", Recipe.stepLimit, "passes"),
    ReadingLimit("session", Session.byteLimit, "bytes"),
    ReadingLimit("session", StoredSession.revisionLimit, "revisions"),
    ReadingLimit("session", KeptWeights.byteLimit, "bytes of trained weights"),
    ReadingLimit("training log", TrainingLog.byteLimit, "bytes"),
    ReadingLimit("training log", TrainingLog.lineLimit, "bytes of a line"),
    ReadingLimit("text", TextFile.byteLimit, "bytes"),
  ]
}
