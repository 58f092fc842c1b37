/// A network's size and the settings that train it well.
public struct TrainingPreset: Sendable, Hashable {
  public let name: String
  public let summary: String
  public let shape: NetworkShape
  public let settings: TrainingSettings

  /// All there are.
  public static let all = [shakespeareChar, tiny, nanoGPT]

  /// The reference network, trained with Muon in as few steps as two cores like.
  public static let shakespeareChar = TrainingPreset(
    name: "shakespeare-char", summary: "6 blocks, 384 wide, Muon, about an hour on two cores",
    shape: NetworkShape(blocks: 6, heads: 6, width: 384, context: 256),
    settings: TrainingSettings(
      length: .steps(1758), batch: 16, context: 256, dropout: 0.1,
      optimizer: OptimizerSettings(
        // Without decay Muon's steps, all of one length, make the matrices three times as
        // large by the end, and later steps turn them that much less.
        method: .muon, adamW: AdamW(rate: 3e-3, decay: 0), muon: Muon(decay: 0.1), clip: 0),
      schedule: .constantThenLinear(warmup: 50, share: 0.4)))

  /// nanoGPT's settings for machines without a GPU (its README).
  public static let tiny = TrainingPreset(
    name: "tiny", summary: "4 blocks, 128 wide, AdamW, a minute or two",
    shape: NetworkShape(blocks: 4, heads: 4, width: 128, context: 64),
    settings: TrainingSettings(
      length: .steps(2000), batch: 12, context: 64, dropout: 0,
      optimizer: OptimizerSettings(method: .adamw),
      schedule: .cosine(warmup: 100, floor: 0.1)))

  /// nanoGPT's settings for a GPU (config/train_shakespeare_char.py).
  public static let nanoGPT = TrainingPreset(
    name: "nanogpt", summary: "6 blocks, 384 wide, AdamW, 5,000 steps of batch 64",
    shape: NetworkShape(blocks: 6, heads: 6, width: 384, context: 256),
    settings: TrainingSettings(
      length: .steps(5000), batch: 64, context: 256, dropout: 0.2,
      optimizer: OptimizerSettings(method: .adamw),
      schedule: .cosine(warmup: 100, floor: 0.1)))
}
