public import Compression
public import Jobs
public import Tensors

/// The weights of a training run after a step, as a step in the tree of revisions.
/// No recipe makes them: they are in memory, and then in a file beside the session.
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
  private var source: Source?
  /// The checkpoint that the run writes while it goes on; nil once the weights have a file.
  private(set) var output: String?

  /// No weights at all.
  public init() {}

  init(
    _ weights: Parameters, step: Int, gamma: Double?, rateFactor: Double?, output: String?
  ) {
    source = .memory(Weights(weights))
    self.step = min(step, Int(Int32.max))
    self.gamma = gamma ?? 0
    self.rateFactor = rateFactor ?? 1
    self.output = output
  }

  /// Those in a file.
  init(file: String) { source = .file(file) }

  /// The same weights, which are now in a file.
  func stored(in file: String) -> TrainedWeights {
    var trained = self
    trained.source = .file(file)
    trained.output = nil
    return trained
  }

  public var title: String { "training, step \(step)" }

  /// The packed checkpoint that has the weights; nil while they are in memory alone.
  public var file: String? {
    if case .file(let path)? = source { path } else { nil }
  }

  /// Whether the weights would be lost with this process.
  public var isInMemory: Bool { weights != nil }

  var weights: Parameters? {
    if case .memory(let weights)? = source { weights.parameters } else { nil }
  }

  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    switch source {
    case .memory(let weights): return weights.parameters
    case .file(let path):
      return try LoadedWeights(path: path).apply(to: parameters, layers: layers, in: job)
    case nil: throw PassError("trained weights are in no recipe; train again")
    }
  }

  private enum Source: Sendable, Hashable {
    case memory(Weights)
    case file(String)
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
