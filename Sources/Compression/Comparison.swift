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
    /// NaNs and infinities; the sums leave them out.
    public let nonFinite: NonFiniteChange

    /// ‖W − W′‖ / ‖W‖ (Frobenius): 0 where nothing changed, infinite where
    /// zeros became something, NaN where a NaN or an infinity appeared or vanished.
    public var error: Double {
      if nonFinite.hasChanged { return .nan }
      return squaredError == 0 ? 0 : (squaredError / squaredNorm).squareRoot()
    }

    /// Share of the weights after that are 0.
    public var sparsity: Double { weights == 0 ? 0 : Double(zeros) / Double(weights) }

    static func + (a: Difference, b: Difference) -> Difference {
      Difference(
        weights: a.weights + b.weights, zeros: a.zeros + b.zeros, kept: a.kept + b.kept,
        squaredNorm: a.squaredNorm + b.squaredNorm, squaredError: a.squaredError + b.squaredError,
        nonFinite: a.nonFinite + b.nonFinite)
    }

    static func sum(_ layers: some Sequence<Layer>) -> Difference {
      let nothing = Difference(
        weights: 0, zeros: 0, kept: 0, squaredNorm: 0, squaredError: 0,
        nonFinite: NonFiniteChange())
      return layers.reduce(nothing) { $0 + $1.difference }
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

  /// Layers that both models have in the same shape, in the order of the first: the linear
  /// layers of the blocks, and those that passes were given besides.
  public let layers: [Layer]
  /// Of `layers`, those that passes were given; nil where they were given all linear layers.
  public let given: [Layer]?
  /// Weights outside `layers`, such as embeddings and norms, if they were asked for.
  public let others: [Layer]
  /// Layers that the second has in another shape: what it has, and no error.
  public let reshaped: [Layer]
  /// Names of layers and others of the first that the second has not, or not in that shape.
  public let missing: [String]

  /// Whether there is a layer among `missing`.
  private let isReshaped: Bool

  /// All layers of one shape together.
  public var total: Difference { .sum(layers) }

  /// All layers that the second has, whatever their shapes; the error is that of `total`.
  public var presentTotal: Difference { .sum(layers + reshaped) }

  /// The error of all layers; nil if there are no layers, or if some are gone or have another
  /// shape.
  public var layerError: Double? { layers.isEmpty || isReshaped ? nil : total.error }

  /// Compares layer by layer, holding two tensors at a time; a layer that is the
  /// very same in both is read once. `given` is what passes worked on; `others` asks for
  /// all other weights too. `visit` gets each that is compared, as it is after. Throws
  /// `Cancelled`, and what reading throws.
  public init(
    of before: Parameters, with after: Parameters, given: [LayerSelection] = [],
    others: Bool = false, in job: borrowing JobContext,
    visit: (Parameter, Weights) -> Void = { _, _ in }
  ) throws {
    let isLimited = given.contains { $0 != .all }
    let chosen = before.filter { parameter in
      LayerSelection.all.contains(parameter) || given.contains { $0.contains(parameter) }
        || others && parameter.isWeight
    }
    var compared: [Layer] = []
    var rest: [Layer] = []
    var limited: [Layer] = []
    var isReshaped = false
    var reshaped: [Layer] = []
    var missing: [String] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      let isGiven = given.contains { $0.contains(parameter) }
      let isLayer = isGiven || LayerSelection.all.contains(parameter)
      guard let other = after[parameter.name], other.shape == parameter.shape else {
        missing.append(parameter.name)
        isReshaped = isReshaped || isLayer
        if isLayer, let other = after[parameter.name] {
          let difference = try Difference(
            alone: other, threads: job.threads, shouldStop: job.shouldStop)
          reshaped.append(
            Layer(name: parameter.name, place: parameter.place, difference: difference))
        }
        continue
      }
      let present = try parameter.loaded(in: job)
      let changed = parameter.isIdentical(to: other) ? present : try other.loaded(in: job)
      let difference = try Difference(
        from: present, to: changed, threads: job.threads, shouldStop: job.shouldStop)
      visit(other, changed)
      let layer = Layer(name: parameter.name, place: parameter.place, difference: difference)
      if isLayer {
        compared.append(layer)
      } else {
        rest.append(layer)
      }
      if isLimited && isGiven { limited.append(layer) }
    }
    layers = compared
    self.given = isLimited ? limited : nil
    self.others = rest
    self.reshaped = reshaped
    self.missing = missing
    self.isReshaped = isReshaped
    job.progress(1)
  }
}

extension Comparison {
  /// Layers and others whose weights are not all finite, before or after.
  public var nonFinite: [Layer] {
    (layers + reshaped + others).filter { !$0.difference.nonFinite.isEmpty }
  }

  /// Those that passes were given, together; nil as `given`.
  public var givenTotal: Difference? { given.map { .sum($0) } }

  /// The others, together; nil if there are no others.
  public var othersTotal: Difference? { others.isEmpty ? nil : .sum(others) }
}

extension Parameter {
  /// Whether it is a weight of the network, of any number of axes.
  public var isWeight: Bool {
    dtype.isFloatingPoint && place.role != .buffer && place.role != .optimizer
  }
}

extension Comparison.Difference {
  /// A layer that there is nothing to compare with.
  init(
    alone layer: Parameter, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws {
    let present = try layer.present(threads: threads, shouldStop: shouldStop)
    guard
      let summary = Statistics.summary(
        of: present.values, threads: threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    self.init(
      weights: layer.shape.count, zeros: summary.zeroCount, kept: present.keptCount,
      squaredNorm: 0, squaredError: 0, nonFinite: NonFiniteChange(unchanged: summary))
  }

  /// Compares two layers of one shape. Throws `Cancelled`.
  package init(
    from present: Weights, to changed: Weights, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws {
    let (first, second) = (present.values, changed.values)
    guard
      let summary = Statistics.summary(of: second, threads: threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    var (norm, error) = (summary.sumOfSquares, 0.0)
    var nonFinite = NonFiniteChange(unchanged: summary)
    if !first.isIdentical(to: second) {
      guard
        let difference = TensorDifference(
          from: first, to: second, threads: threads, shouldStop: shouldStop)
      else { throw Cancelled() }
      (norm, error) = (difference.sumOfSquares, difference.squaredError)
      nonFinite = difference.nonFinite
    }
    self.init(
      weights: second.shape.count, zeros: summary.zeroCount, kept: changed.keptCount,
      squaredNorm: norm, squaredError: error, nonFinite: nonFinite)
  }
}
