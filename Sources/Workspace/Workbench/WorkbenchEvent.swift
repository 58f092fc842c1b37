public import Transformers

/// What changed since the last `Workbench.receive`.
public enum WorkbenchEvent: Sendable {
  case jobChanged(JobRecord)
  /// A pass is done; the tree has its revision.
  case revisionAdded(RevisionID)
  case metricsChanged(RevisionID)
  case layerReady(LayerSnapshot)
  /// Figures of layers by name, some layers at a time.
  case blockFigures(RevisionID, [String: LayerStatistics])
  case spectrumReady(Spectrum)
  case codesReady(LayerCodes)
  /// What the routers of a revision did with the text its loss was measured on.
  case routersReady(RevisionID, [RouterLoad])
  /// Loss that layers add when disturbed, by name, some at a time.
  case sensitivity(RevisionID, [String: Double])
  case previewReady(Preview)
  /// What a revision has written so far, the prompt left out.
  case sample(RevisionID, text: String, tokensPerSecond: Double, isDone: Bool)
  case training(TrainingNews)
  /// Weights that training made could not be written beside the session, and why: they are
  /// lost with this process unless they are saved.
  case notKept(RevisionID, String)
  case saved(RevisionID, SavedFile)
  /// A file is about to be written that takes more bytes than the one it comes of.
  case saveGrows(path: String, from: Int, to: Int)
  /// A save was stopped; the next one to the same path goes on from the file that is kept.
  case saveStopped(kept: String)
  /// Something nobody waits for went wrong, one sentence.
  case failed(String)
}
