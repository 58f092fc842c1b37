public import Jobs
public import Tensors

/// Chooses a quantizer for each layer so that all together fit a number of
/// bytes with the least squared error ‖W − W′‖².
///
/// Each layer's candidates lie in the plane of bytes and error; only those on
/// its lower convex hull can be best for some exchange rate between the two.
/// All hulls' edges are spent in the order of error saved per byte until the
/// budget ends: the Lagrangian solution, optimal up to the last edge.
public struct MixSearch: Sendable {
  /// What could be done to a layer, and what it would cost.
  struct Choice: Sendable {
    /// nil leaves the layer as it is.
    let pass: Quantize?
    let bytes: Int
    let squaredError: Double
  }

  /// Thrown when even the smallest choice for every layer is too large.
  public struct Unreachable: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes of the layers in the smallest mix.
    public let smallest: Int

    public var description: String { "no mix of quantizers makes the layers small enough" }
  }

  /// The quantizers tried on every layer, the smallest codes first.
  static let candidates: [Quantize] = {
    var passes: [Quantize] = []
    var binary = Quantize()
    binary.scheme = .binary
    binary.granularity = .channel
    var ternary = binary
    ternary.scheme = .ternary
    ternary.scale = .mse
    passes += [binary, ternary]
    for bits in 2...8 {
      var quantize = Quantize()
      quantize.bits = bits
      quantize.granularity = .channel
      quantize.scale = .mse
      passes.append(quantize)
    }
    return passes
  }()

  /// The steps that bring the linear layers of `parameters` to `budget` bytes
  /// or less. `byteCount` tells what a layer takes in the file.
  ///
  /// Throws `Unreachable`, `Cancelled`, and what reading or quantizing a layer
  /// throws.
  public static func steps(
    for parameters: Parameters, budget: Int, in job: borrowing JobContext,
    byteCount: (Parameter) throws -> Int
  ) throws -> [Step] {
    let layers = LayerSelection.all.of(parameters)
    var hulls: [[Choice]] = []
    for (index, layer) in layers.enumerated() {
      job.progress(Double(index) / Double(max(layers.count, 1)), layer.place.path)
      hulls.append(lowerHull(try choices(for: layer, in: job, byteCount: byteCount)))
    }
    let chosen = try spend(budget, on: hulls)
    return steps(layers.map(\.name), chosen)
  }

  private static func choices(
    for layer: Parameter, in job: borrowing JobContext, byteCount: (Parameter) throws -> Int
  ) throws -> [Choice] {
    let alone = Parameters([layer])
    var choices = [Choice(pass: nil, bytes: try byteCount(layer), squaredError: 0)]
    for pass in candidates {
      try job.checkpoint()
      let after = try pass.apply(to: alone, layers: .named([layer.name]), in: job.part(0...0))
      let difference = try Comparison(of: alone, with: after, in: job.part(0...0)).total
      choices.append(
        Choice(
          pass: pass, bytes: try byteCount(after[0]), squaredError: difference.squaredError))
    }
    return choices
  }

  /// The choices that are best for some exchange rate, fewest bytes first.
  static func lowerHull(_ choices: [Choice]) -> [Choice] {
    let sorted = choices.sorted { ($0.bytes, $0.squaredError) < ($1.bytes, $1.squaredError) }
    var hull: [Choice] = []
    for choice in sorted {
      if let last = hull.last, choice.squaredError >= last.squaredError { continue }
      while hull.count >= 2,
        slope(hull[hull.count - 2], choice) <= slope(hull[hull.count - 2], hull[hull.count - 1])
      {
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }

  /// Error per byte from one choice to a larger one; negative, steepest first.
  private static func slope(_ a: Choice, _ b: Choice) -> Double {
    (b.squaredError - a.squaredError) / Double(max(b.bytes - a.bytes, 1))
  }

  /// The choice of each layer, by position on its hull.
  static func spend(_ budget: Int, on hulls: [[Choice]]) throws -> [Choice] {
    var position = hulls.map { _ in 0 }
    var spent = hulls.reduce(0) { $0 + ($1.first?.bytes ?? 0) }
    guard spent <= budget else { throw Unreachable(smallest: spent) }
    var edges = hulls.indices.flatMap { layer in
      hulls[layer].indices.dropFirst().map {
        (layer, $0, slope(hulls[layer][$0 - 1], hulls[layer][$0]))
      }
    }
    edges.sort { ($0.2, $0.0, $0.1) < ($1.2, $1.0, $1.1) }
    for (layer, next, _) in edges where position[layer] == next - 1 {
      let more = hulls[layer][next].bytes - hulls[layer][next - 1].bytes
      guard spent + more <= budget else { continue }
      spent += more
      position[layer] = next
    }
    return hulls.indices.map { hulls[$0][position[$0]] }
  }

  /// One step for each quantizer that some layer was given.
  private static func steps(_ names: [String], _ choices: [Choice]) -> [Step] {
    candidates.compactMap { pass in
      let chosen = zip(names, choices).filter { $0.1.pass == pass }.map(\.0)
      return chosen.isEmpty ? nil : Step(pass: pass, layers: .named(chosen))
    }
  }
}
