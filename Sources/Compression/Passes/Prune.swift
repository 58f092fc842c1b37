/// Zeroes weights for good: single ones, N of M, tiles, channels or inputs.
///
/// Exactly `amount × count` go, rounded to nearest with halves to even (as
/// PyTorch counts); of equal ones the first in the checkpoint's order. What is
/// pruned already stays so and is counted first. A NaN counts as the largest of
/// magnitudes, so it is seen rather than lost.
public struct Prune: CalibratedPass, WeightPass {
  /// What decides which weights go.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    /// The smallest in magnitude; of structures, in root mean square.
    case magnitude
    /// A seeded draw.
    case random
    /// All up to a magnitude, however many they are.
    case threshold
    /// Of each row those with the least |w| · ‖x‖, where x is what goes into the layer
    /// (Sun et al., Wanda, 2023).
    case wanda
    /// Those that cost least once the others make up for them, 128 columns at a time
    /// (Frantar and Alistarh, SparseGPT, 2023).
    case sparsegpt
    /// A search for what stays and its values together, which makes up as well for what earlier
    /// layers did to the inputs (Meng et al., ALPS, 2024).
    case alps

    /// Whether it has to see what goes into layers.
    var isCalibrated: Bool { self == .wanda || movesWeights }

    /// Whether what stays makes up for what goes.
    var movesWeights: Bool { self == .sparsegpt || self == .alps }
  }

  /// Within what the amount is counted.
  public enum Scope: String, Sendable, Hashable, Codable, CaseIterable {
    case layer, model, channel
  }

  /// What goes as one.
  public enum Structure: String, Sendable, Hashable, Codable, CaseIterable {
    case none
    /// Of each M consecutive inputs of a channel the N largest stay; of a last
    /// group of L < M, N·L/M rounded up.
    case nOfM = "n:m"
    case tile
    /// Whole output rows.
    case channel
    /// Whole input columns.
    case input
  }

  /// What decides which weights go.
  public var method = Method.magnitude
  /// Share of the weights, tiles, channels or inputs that go.
  public var amount = 0.5
  /// Largest magnitude that goes, in the weights' own unit.
  public var threshold = 0.01
  /// Within what the amount is counted.
  public var scope = Scope.layer
  /// What goes as one.
  public var structure = Structure.none
  /// Weights that stay of each `m`.
  public var n = 2
  /// Consecutive inputs of which `n` stay.
  public var m = 4
  /// Channels a tile spans.
  public var tileRows = 4
  /// Inputs a tile spans.
  public var tileColumns = 4
  /// Which random draw.
  public var seed = 0
  /// On what text methods see what goes into layers.
  public var calibration = Calibration()

  /// Half of each layer's weights, the smallest.
  public init() {}

  /// The word in recipes and on the command line.
  public static let name = "prune"
  /// One sentence for help.
  public static let summary = "Zero the weights that matter least, or whole structures of them."

  /// An amount of nothing.
  public static var identity: Prune? {
    var pass = Prune()
    pass.amount = 0
    return pass
  }

  /// Its settings.
  public static let dials: [Dial<Prune>] =
    [
      .choice("method", \.method, help: "What decides which weights go."),
      .number(
        "amount", \.amount, in: 0...1, step: 0.01, unit: .share,
        help: "Share of the weights, tiles, channels or inputs that go.",
        when: { $0.method != .threshold && $0.structure != .nOfM }),
      .number(
        "threshold", \.threshold, in: 0...1, step: 0.001,
        help: "Largest magnitude that goes.", when: { $0.method == .threshold }),
      .choice(
        "scope", \.scope, help: "Within what the amount is counted.",
        when: {
          $0.method != .threshold && $0.structure != .nOfM && !$0.isPerRow
        }),
      .choice("structure", \.structure, help: "What goes as one."),
      .integer(
        "n", \.n, in: 1...64, help: "Weights that stay of each M.",
        when: { $0.structure == .nOfM }),
      .integer(
        "m", \.m, in: 2...64, help: "Consecutive inputs of which N stay.",
        when: { $0.structure == .nOfM }),
      .integer(
        "tile-rows", \.tileRows, in: 1...256, help: "Channels a tile spans.",
        when: { $0.structure == .tile }),
      .integer(
        "tile-columns", \.tileColumns, in: 1...256, help: "Inputs a tile spans.",
        when: { $0.structure == .tile }),
      .integer(
        "seed", \.seed, in: 0...999_999, help: "Which random draw.",
        when: { $0.method == .random }),
    ]
    + Calibration.dials(
      of: \.calibration, when: { $0.method.isCalibrated }, makesUp: { $0.method.movesWeights },
      follows: { $0.method == .alps })

  /// `prune magnitude 50 %`.
  public var title: String {
    var words = ["prune"]
    switch (structure, method) {
    case (.nOfM, .random): words.append("random \(n):\(m)")
    case (.nOfM, .wanda), (.nOfM, .sparsegpt), (.nOfM, .alps):
      words.append("\(method.rawValue) \(n):\(m)")
    case (.nOfM, _): words.append("\(n):\(m)")
    case (_, .threshold): words.append("up to \(DialValue.number(threshold))")
    case (_, .magnitude), (_, .random), (_, .wanda), (_, .sparsegpt), (_, .alps):
      words.append("\(method.rawValue) \(percent(amount))")
    }
    switch structure {
    case .none, .nOfM: break
    case .tile: words.append("· tiles \(tileRows)×\(tileColumns)")
    case .channel: words.append("· channels")
    case .input: words.append("· inputs")
    }
    if countsShares, scope != .layer, !isPerRow {
      words.append("· per \(scope.rawValue)")
    }
    return words.joined(separator: " ")
  }

  /// Refuses N > M, N of M by a threshold, and channels within a channel.
  public func validate() throws {
    if structure == .nOfM, n > m {
      throw PassError("prune keeps n of m weights, so n is at most m, not \(n) of \(m)")
    }
    if structure == .nOfM, method == .threshold {
      throw PassError("prune keeps n of m by magnitude or at random, not by a threshold")
    }
    if method.isCalibrated { try calibration.validate() }
    if method == .sparsegpt, structure != .none, structure != .nOfM {
      throw PassError(
        "prune sparsegpt takes single weights, or n of m, not a whole \(structure.rawValue); alps "
          + "does")
    }
    if method.isCalibrated, !isPerRow, structure != .nOfM, scope == .model {
      throw PassError("prune \(method.rawValue) counts within a layer or a channel, not the model")
    }
    if structure == .channel, scope == .channel, countsShares {
      throw PassError("prune compares whole channels within a layer or the model, not a channel")
    }
  }

  /// Unless the amount is counted over the whole model, or layers are pruned in turn.
  public var isLayerwise: Bool { !method.isCalibrated && (!countsShares || scope != .model) }

  /// Whether what goes into layers decides.
  public var measuresInputs: Bool { method.isCalibrated }

  /// Whether of each row as many go, as Wanda's authors have it.
  var isPerRow: Bool { method == .wanda && structure == .none }

  /// Whether the amount applies, rather than a threshold or N of M.
  var countsShares: Bool { method != .threshold && structure != .nOfM }

  /// How many of `count` units go.
  func quota(of count: Int) -> Int {
    Int((amount * Double(count)).rounded(.toNearestOrEven))
  }

  /// `50 %`, with as many digits as it takes.
  private func percent(_ share: Double) -> String {
    "\(DialValue.number((share * 1e6).rounded() / 1e4)) %"
  }
}
