internal import Backend
public import Jobs
public import Models
public import Tensors
internal import Transformers

/// Chooses levels for each layer so that all together fit a number of bytes with the least damage.
///
/// Damage is the squared error ‖W − W′‖², or, where the base pass sees what goes into layers, nats: what
/// a layer's outputs lose, tr D H Dᵀ, times its sensitivity, which is the divergence of the model's
/// predictions when that layer alone is rounded to 3 bits, over what its outputs lose by that.
///
/// Each layer's choices lie in the plane of bytes and damage; only those on its lower convex hull can
/// be best for some exchange rate between the two. All hulls' edges are spent in the order of damage saved
/// per byte until the budget ends: the Lagrangian solution, optimal up to the last edge.
public struct MixSearch: Sendable {
  /// What could be done to a layer, and what it would cost.
  struct Choice: Sendable {
    let level: LevelMix.Level
    let bytes: Int
    let damage: Double
  }

  /// Thrown when even the smallest choice for every layer is too large.
  public struct Unreachable: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes of the layers in the smallest mix.
    public let smallest: Int

    public var description: String { "no mix of quantizers makes the layers small enough" }
  }

  /// Which levels layers may have.
  public enum Kind: Sendable, Hashable {
    /// Binary, ternary, and 2 to 8 bits.
    case bits
    /// Block formats of ggml's.
    case blocks

    var levels: [LevelMix.Level] {
      switch self {
      case .bits: [.scheme(.binary), .scheme(.ternary)] + (2...8).map { .bits($0) }
      case .blocks:
        [.q2K, .q3K, .iq4NL, .q4_0, .q4K, .q4_1, .q5_0, .q5K, .q5_1, .q6K, .q8_0]
          .map { .block($0) }
      }
    }
  }

  /// Levels are those of this pass, but for its own.
  private let base: Quantize
  /// What the layers take as they are.
  public let presentByteCount: Int
  private let paths: [String]
  public var layerCount: Int { paths.count }
  private let hulls: [[Choice]]

  /// Tokens on which sensitivities are measured.
  private static let tokens = 256

  /// Tries all levels on the linear layers of a model. `byteCount` tells what a layer takes in the file
  /// with these weights. Throws `Cancelled`, `PassError`, and what reading layers and running the
  /// model throws.
  public init(
    _ model: ModelState, by base: Quantize, levels kind: Kind, in job: borrowing JobContext,
    byteCount: (Parameter, Weights) throws -> Int
  ) throws {
    let layers = LayerSelection.all.of(model.parameters).filter { $0.shape.count > 0 }
    var tried: [String: Layer] = [:]
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    func take(_ parameter: Parameter, _ inputs: LayerInputs?) throws {
      tried[parameter.name] = try Layer(
        parameter, inputs, base, kind, threads, shouldStop, byteCount)
    }
    if base.measuresInputs {
      // Nothing has drifted yet.
      try LayerwiseCompression(needs: .products, calibration: base.calibration).visit(
        layers, of: model, in: job.part(0...0.6)
      ) { parameter, inputs in
        try take(parameter, inputs)
        return nil
      }
      let sensitivities = try Self.sensitivities(
        of: model, layers.compactMap { layer in tried[layer.name].map { (layer, $0) } },
        by: base, in: job.part(0.6...1))
      for (name, sensitivity) in sensitivities {
        guard let layer = tried[name] else { continue }
        tried[name]?.choices = layer.choices.map {
          Choice(level: $0.level, bytes: $0.bytes, damage: $0.damage * sensitivity)
        }
      }
    } else {
      for (index, layer) in layers.enumerated() {
        try job.checkpoint()
        job.progress(Double(index) / Double(max(layers.count, 1)), layer.place.path)
        try take(layer, nil)
      }
    }
    self.base = base
    presentByteCount = tried.values.reduce(0) { $0 + ($1.choices.first?.bytes ?? 0) }
    // What separates the words of a mix is no part of a pattern.
    paths = layers.map { String($0.place.path.map { ",=* \t\n".contains($0) ? "?" : $0 }) }
    hulls = layers.map { Self.lowerHull(tried[$0.name]?.choices ?? []) }
  }

  /// The pass that brings the layers to `budget` bytes or less, and its damage; nil where all may stay
  /// as they are. Throws `Unreachable`.
  public func pass(budget: Int) throws -> (pass: Quantize, bytes: Int, damage: Double)? {
    pass(try Self.spend(budget, on: hulls))
  }

  /// The smallest mix whose damage is no more than so much; nil where that is none.
  public func pass(damage: Double) -> (pass: Quantize, bytes: Int, damage: Double)? {
    pass(Self.spend(upTo: damage, on: hulls))
  }

  private func pass(_ chosen: [Choice]) -> (pass: Quantize, bytes: Int, damage: Double)? {
    guard chosen.contains(where: { $0.level != .none }) else { return nil }
    var groups: [LevelMix.Level: [String]] = [:]
    for (path, choice) in zip(paths, chosen) { groups[choice.level, default: []].append(path) }
    let entries = groups.sorted { $0.key.text < $1.key.text }.map {
      (level: $0.key, patterns: $0.value)
    }
    var pass = base
    pass.mix = LevelMix(entries).text
    return (
      pass, chosen.reduce(0) { $0 + $1.bytes }, chosen.reduce(0) { $0 + $1.damage }
    )
  }

  /// A layer that all levels were tried on.
  private struct Layer {
    var choices: [Choice]
    /// What its outputs lose by the probe; nil where no text is run.
    let probeLoss: Double?

    init(
      _ parameter: Parameter, _ inputs: LayerInputs?, _ base: Quantize, _ kind: Kind,
      _ threads: Int, _ shouldStop: @Sendable () -> Bool,
      _ byteCount: (Parameter, Weights) throws -> Int
    ) throws {
      let weights = try parameter.present(threads: threads, shouldStop: shouldStop)
      try parameter.refuseWhatIsNotFinite(weights.values, threads, shouldStop)
      func loss(_ after: Weights) throws -> Double {
        if let inputs {
          return try inputs.loss(from: weights.values, to: after.values, shouldStop: shouldStop)
        }
        guard
          let difference = TensorDifference(
            from: weights.values, to: after.values, threads: threads, shouldStop: shouldStop)
        else { throw Cancelled() }
        return difference.squaredError
      }
      choices = [
        Choice(level: .none, bytes: try byteCount(parameter, weights), damage: 0)
      ]
      for level in kind.levels {
        let pass = base.at(level)
        // Rows may be no whole blocks, and binary has no method but its own.
        guard (try? pass.refuse(parameter)) != nil, (try? pass.validate()) != nil else { continue }
        if shouldStop() { throw Cancelled() }
        let after =
          try inputs.map {
            try pass.edit.edit(weights, of: parameter, $0, shouldStop: shouldStop)
          } ?? pass.quantized(weights, of: parameter, threads, shouldStop)
        choices.append(
          Choice(
            level: level, bytes: try byteCount(parameter.replacing(after), after),
            damage: try loss(after)))
      }
      probeLoss =
        base.measuresInputs
        ? try loss(base.probe.quantized(weights, of: parameter, threads, shouldStop)) : nil
    }
  }

  /// The divergence of predictions when a layer alone is rounded, over what its outputs lose.
  private static func sensitivities(
    of model: ModelState, _ layers: [(Parameter, Layer)], by base: Quantize,
    in job: borrowing JobContext
  ) throws -> [String: Double] {
    let (threads, shouldStop) = (job.threads, job.shouldStop)
    do {
      let all = try base.calibration.tokens(for: model, threads: threads, shouldStop: shouldStop)
        .tokens
      let network = try Network.make(model.parameters, configuration: model.configuration)
      let reference = try Reference(
        network, tokens: Array(all.prefix(tokens)),
        precision: MatrixEngine.hasFastBF16 ? .bf16 : .f32, threads: threads,
        shouldStop: shouldStop, progress: { _ in })
      var found: [String: Double] = [:]
      for (index, (parameter, layer)) in layers.enumerated() {
        try job.checkpoint()
        job.progress(Double(index) / Double(layers.count), parameter.place.path)
        guard let loss = layer.probeLoss, loss > 0 else { continue }
        let weights = try parameter.present(threads: threads, shouldStop: shouldStop)
        let probed = try base.probe.quantized(weights, of: parameter, threads, shouldStop)
        let changed = model.parameters.replacing([parameter.replacing(probed)])
        let disturbed = try Network.make(
          changed, configuration: model.configuration, sharing: network)
        let divergence = try disturbed.compare(
          to: reference, threads: threads, shouldStop: shouldStop
        ).divergence
        found[parameter.name] = divergence / loss
      }
      return found
    } catch NetworkError.stopped {
      throw Cancelled()
    }
  }

  /// The choices that are best for some exchange rate, fewest bytes first.
  static func lowerHull(_ choices: [Choice]) -> [Choice] {
    let sorted = choices.sorted { ($0.bytes, $0.damage) < ($1.bytes, $1.damage) }
    var hull: [Choice] = []
    for choice in sorted {
      if let last = hull.last, choice.damage >= last.damage { continue }
      while hull.count >= 2,
        slope(hull[hull.count - 2], choice) <= slope(hull[hull.count - 2], hull[hull.count - 1])
      {
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }

  /// Damage per byte from one choice to a larger one; negative, steepest first.
  private static func slope(_ a: Choice, _ b: Choice) -> Double {
    (b.damage - a.damage) / Double(max(b.bytes - a.bytes, 1))
  }

  /// The choice of each layer within a number of bytes.
  static func spend(_ budget: Int, on hulls: [[Choice]]) throws -> [Choice] {
    let smallest = hulls.reduce(0) { $0 + ($1.first?.bytes ?? 0) }
    guard smallest <= budget else { throw Unreachable(smallest: smallest) }
    return spend(on: hulls) { bytes, _ in bytes <= budget }
  }

  /// The same until the damage is no more than so much.
  static func spend(upTo damage: Double, on hulls: [[Choice]]) -> [Choice] {
    var isReached = hulls.reduce(0) { $0 + ($1.first?.damage ?? 0) } <= damage
    return spend(on: hulls) { _, after in
      if isReached { return false }
      isReached = after <= damage
      return true
    }
  }

  /// Goes along all hulls' edges, the steepest first, where `isTaken` says so of what all layers would
  /// take and lose then.
  private static func spend(
    on hulls: [[Choice]], _ isTaken: (_ bytes: Int, _ damage: Double) -> Bool
  ) -> [Choice] {
    var position = hulls.map { _ in 0 }
    var bytes = hulls.reduce(0) { $0 + ($1.first?.bytes ?? 0) }
    var damage = hulls.reduce(0) { $0 + ($1.first?.damage ?? 0) }
    var edges = hulls.indices.flatMap { layer in
      hulls[layer].indices.dropFirst().map {
        (layer, $0, slope(hulls[layer][$0 - 1], hulls[layer][$0]))
      }
    }
    edges.sort { ($0.2, $0.0, $0.1) < ($1.2, $1.0, $1.1) }
    for (layer, next, _) in edges where position[layer] == next - 1 {
      let (from, to) = (hulls[layer][next - 1], hulls[layer][next])
      let after = (bytes + to.bytes - from.bytes, damage + to.damage - from.damage)
      guard isTaken(after.0, after.1) else { continue }
      (bytes, damage) = after
      position[layer] = next
    }
    return hulls.indices.compactMap { layer in
      hulls[layer].isEmpty ? nil : hulls[layer][position[layer]]
    }
  }
}

extension Quantize {
  /// What disturbs a layer to see how much that matters: 3 bits hurt every layer a little, and none
  /// beyond comparison.
  fileprivate var probe: Quantize {
    var probe = at(.bits(3))
    (probe.method, probe.scheme) = (.nearest, .affine)
    return probe
  }
}
