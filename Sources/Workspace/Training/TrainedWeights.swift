internal import Models
internal import Tensors

/// The weights of a training run after a step. No recipe makes them: they are in memory, and
/// then in a file beside the session.
public struct TrainedWeights: Sendable, Hashable {
  /// Steps of training.
  let step: Int
  private var source: Source
  /// The checkpoint that the run writes while it goes on; nil once the weights have a file.
  private(set) var output: String?

  init(_ weights: Parameters, step: Int, output: String?) {
    source = .memory(Weights(weights))
    self.step = step
    self.output = output
  }

  /// Those in a file.
  init(file: String, step: Int) {
    source = .file(file)
    self.step = step
  }

  /// The same weights, which are now in a file.
  func stored(in file: String) -> TrainedWeights { TrainedWeights(file: file, step: step) }

  var title: String { "training, step \(step)" }

  /// The packed checkpoint that has the weights; nil while they are in memory alone.
  public var file: String? {
    if case .file(let path) = source { path } else { nil }
  }

  /// Whether the weights would be lost with this process.
  public var isInMemory: Bool { weights != nil }

  var weights: Parameters? {
    if case .memory(let weights) = source { weights.parameters } else { nil }
  }

  /// The model that `model` was trained to. Throws `RevisionError` where the file of its weights
  /// cannot be read or is of another network.
  func model(for model: ModelState) throws(RevisionError) -> ModelState {
    switch source {
    case .memory(let weights): model.with(weights.parameters)
    case .file(let path): try LoadedWeights(path: path).model(for: model)
    }
  }

  private enum Source: Sendable, Hashable {
    case memory(Weights)
    case file(String)
  }

  /// Weights that are the same only where they are the same object.
  private final class Weights: Sendable, Hashable {
    let parameters: Parameters

    init(_ parameters: Parameters) { self.parameters = parameters }

    static func == (a: Weights, b: Weights) -> Bool { a === b }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
  }
}
