public import CheckpointIO
internal import FoundationEssentials
internal import Glibc
public import Training

/// A training run as it is kept on disk: a safetensors file with all weights, what
/// the optimizer remembers, and how far the run is.
public struct TrainingState: Sendable {
  /// Where `TrainingProgress` is in the metadata, as JSON.
  static let key = "pare.training"

  /// The state of the run that writes `output`.
  public static func path(for output: String) -> String { output + ".state" }

  /// Whether there is one to resume the run from.
  static func isThere(for output: String) -> Bool {
    unsafe access(path(for: output), R_OK) == 0
  }

  public let checkpoint: Checkpoint
  public let progress: TrainingProgress

  /// Opens the state at a path. Throws `CheckpointError`, and `TrainingFileError`
  /// when it is another kind of file.
  public init(_ path: String) throws {
    checkpoint = try Checkpoint.open(path)
    guard let text = checkpoint.metadata[TrainingState.key],
      let progress = try? JSONDecoder().decode(TrainingProgress.self, from: Data(text.utf8))
    else { throw TrainingFileError("\(path) is no saved training") }
    do {
      try progress.settings.check()
    } catch {
      throw TrainingFileError("\(path) is damaged: \(error)")
    }
    guard progress.step >= 0, progress.elapsed >= 0, progress.elapsed.isFinite else {
      throw TrainingFileError("\(path) is damaged: it says step \(progress.step)")
    }
    self.progress = progress
  }

  /// Writes the state of `trainer`. Throws `CheckpointError`.
  static func write(_ trainer: Trainer, of model: TrainingModel, to output: SaveOutput) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var metadata = model.metadata
    metadata[key] = String(decoding: try encoder.encode(trainer.progress), as: UTF8.self)
    try SavePlan.make(parameters: trainer.state(), metadata: metadata, form: .dense(nil))
      .write(to: output)
  }
}

/// Why the files of a training run cannot be used, one sentence.
public struct TrainingFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
