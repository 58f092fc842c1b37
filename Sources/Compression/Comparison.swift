public import Jobs
public import Tensors

/// How far a model's layers are from those of another revision of it.
public struct Comparison: Sendable, Hashable {
  /// One layer, or several together.
  public struct Difference: Sendable, Hashable {
    /// All weights of the layer.
    public let weights: Int
    /// Weights after that are exactly 0, pruned or rounded.
    public let zeros: Int
    /// Weights after that no mask has pruned.
    public let kept: Int
    /// Σ w² before.
    public let squaredNorm: Double
    /// Σ (w − w′)².
    public let squaredError: Double

    /// ‖W − W′‖ / ‖W‖ (Frobenius): 0 where nothing changed, infinite where
    /// zeros became something.
    public var error: Double { squaredError == 0 ? 0 : (squaredError / squaredNorm).squareRoot() }

    /// Share of the weights after that are 0.
    public var sparsity: Double { weights == 0 ? 0 : Double(zeros) / Double(weights) }

    static func + (a: Difference, b: Difference) -> Difference {
      Difference(
        weights: a.weights + b.weights, zeros: a.zeros + b.zeros, kept: a.kept + b.kept,
        squaredNorm: a.squaredNorm + b.squaredNorm, squaredError: a.squaredError + b.squaredError)
    }
  }

  /// A layer and its difference.
  public struct Layer: Sendable, Hashable {
    /// The name in the checkpoint.
    public let name: String
    /// Where it stands in the model.
    public let place: Place
    /// How far it is from what it was.
    public let difference: Difference
  }

  /// Layers that both models have in the same shape, in the order of the first.
  public let layers: [Layer]
  /// Names of layers of the first that the second has not, or not in that shape.
  public let missing: [String]

  /// All layers together.
  public var total: Difference {
    let nothing = Difference(weights: 0, zeros: 0, kept: 0, squaredNorm: 0, squaredError: 0)
    return layers.reduce(nothing) { $0 + $1.difference }
  }

  /// Compares layer by layer, holding two tensors at a time; a layer that is the
  /// very same in both is read once. Throws `Cancelled`, and what reading throws.
  public init(
    of before: Parameters, with after: Parameters, layers selection: LayerSelection = .all,
    in job: borrowing JobContext
  ) throws {
    let chosen = selection.of(before)
    var compared: [Layer] = []
    var missing: [String] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      guard let other = after[parameter.name], other.shape == parameter.shape else {
        missing.append(parameter.name)
        continue
      }
      let difference = try Difference(
        of: parameter, with: other, threads: job.threads, shouldStop: job.shouldStop)
      compared.append(
        Layer(name: parameter.name, place: parameter.place, difference: difference))
    }
    layers = compared
    self.missing = missing
    job.progress(1)
  }
}

extension Comparison.Difference {
  /// Streams two layers of one shape. Weights that are not finite in both count
  /// as no error.
  init(
    of before: Parameter, with after: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws {
    let present = try before.present(threads: threads, shouldStop: shouldStop)
    let changed =
      before.isIdentical(to: after)
      ? present : try after.present(threads: threads, shouldStop: shouldStop)
    let (first, second) = (present.values, changed.values)
    guard
      let summary = Statistics.summary(of: second, threads: threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    var (norm, error) = (summary.sumOfSquares, 0.0)
    if !first.isIdentical(to: second) {
      guard
        let difference = TensorDifference(
          from: first, to: second, threads: threads, shouldStop: shouldStop)
      else { throw Cancelled() }
      (norm, error) = (difference.sumOfSquares, difference.squaredError)
    }
    self.init(
      weights: after.shape.count, zeros: summary.zeroCount, kept: changed.keptCount,
      squaredNorm: norm, squaredError: error)
  }
}
