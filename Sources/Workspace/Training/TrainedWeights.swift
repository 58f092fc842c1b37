public import Compression
public import Jobs
public import Tensors

/// The weights of a training run after a step, as a step in the tree of revisions.
/// It cannot be replayed from a recipe, so that sessions leave it out; what is to
/// last is saved as a checkpoint.
public struct TrainedWeights: GivenWeights {
  public static let name = "trained"
  public static let summary = "weights as a training run left them at a step"
  public static let dials: [Dial<TrainedWeights>] = [
    .integer("step", \.step, in: 0...Int(Int32.max), help: "steps of training"),
    .number("gamma", \.gamma, in: 0...100, step: 0.001, help: "γ at that step"),
    .number("rate-factor", \.rateFactor, in: 0...100, step: 0.01, help: "of the learning rates"),
  ]

  public var step = 0
  public var gamma = 0.0
  public var rateFactor = 1.0
  private var weights: Weights?

  /// No weights at all.
  public init() {}

  init(_ weights: Parameters, step: Int, gamma: Double?, rateFactor: Double?) {
    self.weights = Weights(weights)
    self.step = min(step, Int(Int32.max))
    self.gamma = gamma ?? 0
    self.rateFactor = rateFactor ?? 1
  }

  public var title: String { "training, step \(step)" }

  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    guard let weights else { throw PassError("trained weights are in no recipe; train again") }
    return weights.parameters
  }

  private enum CodingKeys: String, CodingKey { case step, gamma, rateFactor }

  /// Weights that are the same only where they are the same object.
  private final class Weights: Sendable, Hashable {
    let parameters: Parameters

    init(_ parameters: Parameters) { self.parameters = parameters }

    static func == (a: Weights, b: Weights) -> Bool { a === b }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
  }
}
