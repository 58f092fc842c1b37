public import Jobs
public import Tensors

/// Gives each channel the bit depth and exponent that lose least, so many bits in
/// all: self-compression without training.
///
/// Each row's depth b and exponent e minimise
///
///     Σ_j h_j (w_j − w′_j)² + λ · fan-in · b,      w′ = 2^e · rint(clamp(w / 2^e, …))
///
/// with one λ for all selected layers, found by bisection so that the mean depth Q
/// comes as near to `bits` as it can without passing it (the Lagrangian form of
/// mixed precision). h is the mean square of the layer's j-th input on a text that
/// the original writes (`Parameter.inputSquares`), where it can be run, else 1. Only depths just above a jump are
/// worth anything (`ChannelDepth`); exponents are multiples of 1/32. A channel that
/// is not worth its bits goes altogether.
public struct Allocate: WeightPass {
  /// By what an error in a weight is multiplied.
  public enum Weighing: String, Sendable, Hashable, Codable, CaseIterable {
    /// The mean square of its input, where the network can be run.
    case inputs
    /// Nothing: all errors weigh alike.
    case none
  }

  /// Mean bit depth of the selected layers' weights.
  public var bits = 2.0
  /// By what an error in a weight is multiplied.
  public var weighing = Weighing.inputs

  /// Two bits a weight on average.
  public init() {}

  /// The word in recipes and on the command line.
  public static let name = "allocate"
  /// One sentence for help.
  public static let summary = "Give each channel the bit depth it is worth, down to none."

  /// Its settings.
  public static let dials: [Dial<Allocate>] = [
    .number(
      "bits", \.bits, in: 0.25...8, step: 0.05,
      help: "Mean bit depth of the weights, over all selected layers."),
    .choice(
      "weighing", \.weighing,
      help: "Multiply a weight's error by its input's mean square, or by nothing."),
  ]

  /// Depths are weighed against each other over all layers.
  public var isLayerwise: Bool { false }

  /// Unless all errors weigh alike.
  public var measuresInputs: Bool { weighing == .inputs }

  /// `allocate 2 bits`.
  public var title: String {
    "allocate \(DialValue.number((bits * 1e4).rounded() / 1e4)) bits"
      + (weighing == .none ? " · plain" : "")
  }

  /// The model with the selected layers' channels at their depths. Throws
  /// `Cancelled`, and `PassError` for a layer with a weight that is no finite
  /// number.
  public func apply(
    to parameters: Parameters, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> Parameters {
    try validate()
    let chosen = layers.of(parameters).filter { $0.shape.count > 0 }
    let choices = try choices(for: chosen, in: job.part(0...0.9))
    let price = DepthPrice(spending: bits, on: choices)
    let areLarge = chosen.areLarge
    let rounding = job.part(0.9...1)
    var changed: [Parameter] = []
    for (index, (parameter, layer)) in zip(chosen, choices).enumerated() {
      rounding.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try rounding.checkpoint()
      let picked = layer.rows.map { price.choice(of: $0, fanIn: layer.columns) }
      let grid = QuantizationGrid(
        depths: picked.map(\.depth), exponents: picked.map(\.exponent), columns: layer.columns)
      changed.append(
        try parameter.changed(
          lazily: areLarge, threads: job.threads, shouldStop: job.shouldStop
        ) { weights, threads, shouldStop in
          guard
            let rounded = Quantization.apply(
              grid, to: weights.values, threads: threads, shouldStop: shouldStop)
          else { throw Cancelled() }
          return Weights(values: rounded.tensor, grid: grid, mask: weights.mask)
        })
    }
    rounding.progress(1)
    return parameters.replacing(changed)
  }

  private func choices(
    for chosen: [Parameter], in job: borrowing JobContext
  ) throws -> [DepthPrice.Layer] {
    var layers: [DepthPrice.Layer] = []
    for (index, parameter) in chosen.enumerated() {
      job.progress(Double(index) / Double(chosen.count), parameter.place.path)
      try job.checkpoint()
      let weights = try parameter.weights(in: job)
      try parameter.refuseWhatIsNotFinite(weights, job.threads, job.shouldStop)
      guard
        let rows = DepthChoices.all(
          of: weights, importance: try importance(of: parameter, job.threads, job.shouldStop),
          threads: job.threads,
          shouldStop: job.shouldStop)
      else { throw Cancelled() }
      layers.append(DepthPrice.Layer(rows: rows, columns: parameter.shape.columns))
    }
    job.progress(1)
    return layers
  }

  /// h, where there can be one.
  private func importance(
    of parameter: Parameter, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> [Float]? {
    guard weighing == .inputs,
      let squares = try parameter.inputSquares(threads: threads, shouldStop: shouldStop),
      squares.count == parameter.shape.columns, squares.contains(where: { $0 > 0 }),
      squares.allSatisfy({ $0.isFinite && $0 >= 0 })
    else {
      if shouldStop() { throw Cancelled() }
      return nil
    }
    return squares
  }
}
