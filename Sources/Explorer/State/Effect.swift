internal import CheckpointIO
public import Compression
public import Jobs
public import Workspace

/// What the run loop is to do once a key has changed the state. The state
/// itself never acts.
public enum Effect: Sendable, Hashable {
  case run(Step, on: RevisionID)
  case preview(Step, on: RevisionID, layer: String?)
  case cancelPreview
  case undo, redo
  case go(RevisionID)
  case delete(RevisionID)
  case measure(RevisionID)
  case cancelJob(JobID)
  case pauseJob(JobID, Bool)
  case retryJob(JobID)
  case requestLayer(String, of: RevisionID)
  case requestSpectrum(String, of: RevisionID)
  case requestCodes(String, of: RevisionID)
  case requestSensitivity(RevisionID)
  case requestRouters(RevisionID)
  case requestFigures(RevisionID, visible: [String])
  case sample([RevisionID], prompt: String, seed: UInt64)
  case stopSampling
  case save(RevisionID, path: String, as: SaveRequest, overwrite: Bool)
  /// Search the best mix of quantizers for a size, and run it.
  case reach(MixTarget, on: String?, from: RevisionID)
  case writeRecipe(RevisionID, path: String, overwrite: Bool)
  case runRecipe(path: String, on: RevisionID)
  /// Takes the weights of another file beside the original.
  case stand(besidePath: String)
  case export(path: String, overwrite: Bool)
  case train(TrainingRequest)
  case steerTraining(TrainingChange)
  case resumeTraining
  case readTrainingLog(of: RevisionID)
  case setMouse(Bool)
  case copy(String)
  case suspend
  case quit
}

/// A change of the state, and what is to be done because of it: pure, so that
/// a script of keys always leads to the same screen.
public typealias Action = @Sendable (inout AppState) -> [Effect]
