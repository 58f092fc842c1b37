public import CheckpointIO
internal import Models
public import Tensors
public import Training

/// A model that is trained, and what its file says of it beside the weights.
public struct TrainingModel: Sendable {
  public let parameters: Parameters
  public let configuration: [String: String]
  public let vocabulary: [String]
  let metadata: [String: String]
  /// What is trained further; nil for a new model.
  let source: Checkpoint?

  /// A model to be trained further. Throws `NetworkError` where it cannot be, and `TextError` when the checkpoint does not
  /// say what its tokens are.
  public init(_ checkpoint: Checkpoint) throws {
    try checkpoint.refuseUnreadCodes()
    try TrainingNetwork.check(
      checkpoint.parameters, configuration: checkpoint.configuration)
    guard let vocabulary = checkpoint.vocabulary else { throw TextError.noCharacters }
    source = checkpoint
    parameters = checkpoint.parameters
    configuration = checkpoint.configuration
    self.vocabulary = vocabulary
    metadata = SavePlan.metadata(of: checkpoint)
  }

  /// A new model for the characters of a text. Throws `TrainingError`.
  public init(_ shape: NetworkShape, vocabulary: [String], seed: UInt64) throws {
    source = nil
    parameters = try FreshNetwork.parameters(shape, vocabulary: vocabulary.count, seed: seed)
    configuration = shape.configuration(vocabulary: vocabulary.count)
    self.vocabulary = vocabulary
    metadata = SavePlan.metadata(configuration: configuration, vocabulary: vocabulary)
      .merging(ModelCatalog.newGPTSharedNames) { $1 }
  }

  /// The model in a training run's saved state.
  init(_ state: TrainingState) throws {
    let checkpoint = state.checkpoint
    guard let vocabulary = checkpoint.vocabulary else { throw TextError.noCharacters }
    source = nil
    parameters = Parameters(
      checkpoint.parameters.filter {
        !$0.name.hasPrefix(Optimizer.prefix) && !$0.name.hasPrefix(SelfCompression.prefix)
      })
    configuration = checkpoint.configuration
    self.vocabulary = vocabulary
    metadata = checkpoint.metadata.filter { $0.key != TrainingState.key }
  }
}

extension TrainingModel {
  /// A new model for the characters of a text file, to be trained by `settings`.
  /// Throws `TextError`, and `TrainingError` when it cannot be made or is too large
  /// for the machine.
  public init(_ shape: NetworkShape, textPath: String, _ settings: TrainingSettings) throws {
    let text = try TextFile(path: textPath, part: .whole).contents()
    let vocabulary = TrainingText.vocabulary(of: text)
    try shape.check()
    try TrainingMemory.check(
      shape, weights: shape.weights(vocabulary: vocabulary.count), settings)
    try self.init(shape, vocabulary: vocabulary, seed: settings.seed)
  }
}
