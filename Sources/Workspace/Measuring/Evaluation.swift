internal import CheckpointIO
internal import Jobs
internal import Tensors

/// The losses of a checkpoint's revisions on one text.
final class Evaluation: Sendable {
  let checkpoint: Checkpoint
  let text: EvaluationText
  let part: TextPart
  /// Tells one text from another, so that stored losses are not mixed up.
  let key: String
  /// Why the network does not run; nil when it does.
  let whyNotRunnable: String?

  init(checkpoint: Checkpoint, text: EvaluationText, part: TextPart) throws {
    self.checkpoint = checkpoint
    self.text = text
    self.part = part
    key = "\(text) \(part)"
    whyNotRunnable = "no architecture is known yet"
  }

  func measure(
    _ parameters: Parameters, isOriginal: Bool, in job: borrowing JobContext
  ) throws -> MeasuredLoss {
    MeasuredLoss(loss: 0)
  }
}

struct MeasuredLoss: Sendable {
  let loss: Double
}

extension Metrics {
  mutating func take(_ measured: MeasuredLoss) { loss = measured.loss }
}
