internal import Tensors

/// Rounds weights to few levels: `scale × (code − zero)`, to nearest with halves
/// to even.
///
/// With `b` bits and the largest magnitude `a` of a group:
///
///     symmetric   scale a / (2^(b−1) − 1)            codes −2^(b−1) … 2^(b−1) − 1
///     affine      scale (max − min) / (2^b − 1)      codes 0 … 2^b − 1, zero = rint(−min / scale),
///                 where min ≤ 0 ≤ max, so that 0 is a level
///     ternary     scale mean |w| (Ma et al. 2024)    codes −1 … 1
///     binary      scale mean |w| (Rastegari 2016)    −scale and +scale, for 0 too
///
/// One symmetric bit is binary. Pruned weights stay zero and out of the means.
/// With `scale` mse the scale is the one of least squared error that a search
/// finds (`Quantization.ScaleRule`), never worse than the above; binary's mean is
/// that already.
public struct Quantize: CalibratedPass, WeightPass {
  /// How weights are rounded.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    /// Each to the nearest level.
    case nearest
    /// Column by column, those with the largest inputs first; those that follow make up for the
    /// error (Frantar et al., GPTQ, 2022).
    case gptq
    /// The same towards weights that make up as well for what the layers before have done to the
    /// inputs (after Zhang et al., Qronos, 2025).
    case qronos
  }

  /// Which levels there are.
  public enum Scheme: String, Sendable, Hashable, Codable, CaseIterable {
    case symmetric, affine, ternary, binary
    /// Those of a block format of ggml's, as GGUF files have them.
    case blocks
  }

  /// Block formats that can be written (`BlockFormat`).
  public enum Block: String, Sendable, Hashable, Codable, CaseIterable {
    case q8_0, q6K = "q6_k", q5K = "q5_k", q5_1, q5_0, q4K = "q4_k", q4_1, q4_0
    case iq4NL = "iq4_nl"
    case mxfp4, q3K = "q3_k", q2K = "q2_k"
    case tq2_0, tq1_0

    var format: BlockFormat {
      guard let format = BlockFormat(rawValue: rawValue.uppercased()) else {
        preconditionFailure("a block format")
      }
      return format
    }
  }

  /// What shares a scale.
  public enum Granularity: String, Sendable, Hashable, Codable, CaseIterable {
    case channel, group, tensor
  }

  /// How a scale is chosen.
  public enum Fit: String, Sendable, Hashable, Codable, CaseIterable {
    /// By the largest magnitude, so that nothing is clipped; ternary by the mean.
    case absmax
    /// By least squared error.
    case mse
  }

  /// How weights are rounded.
  public var method = Method.nearest
  /// Which levels there are.
  public var scheme = Scheme.symmetric
  /// Bits of a code; ternary and binary have their own.
  public var bits = 4
  /// The block format, where that is the scheme.
  public var block = Block.q4K
  /// What shares a scale.
  public var granularity = Granularity.channel
  /// Consecutive inputs of a channel that share a scale; the last group of a
  /// channel may be shorter.
  public var groupSize = 64
  /// How a scale is chosen.
  public var scale = Fit.absmax
  /// Levels of some layers: `3=block.0.*,block.1.mlp.* q6_k=block.*.attn_v`.
  public var mix = ""
  /// On what text methods see what goes into layers.
  public var calibration = Calibration(damping: 0.1, drift: 1)

  /// Four symmetric bits, one scale a channel.
  public init() {}

  /// The word in recipes and on the command line.
  public static let name = "quantize"
  /// One sentence for help.
  public static let summary = "Round weights to a few levels that share a scale."

  /// Its settings.
  public static let dials: [Dial<Quantize>] =
    [
      .choice("method", \.method, help: "How weights are rounded."),
      .choice("scheme", \.scheme, help: "Which levels there are."),
      .integer(
        "bits", \.bits, in: 1...8, help: "Bits a weight's code takes.",
        when: { $0.scheme == .symmetric || $0.scheme == .affine }),
      .choice(
        "block", \.block, help: "The format of ggml's blocks.", when: { $0.scheme == .blocks }),
      .choice(
        "granularity", \.granularity, help: "What shares a scale.",
        when: { $0.scheme != .blocks }),
      .integer(
        "group-size", \.groupSize, in: 2...65_536,
        help: "Consecutive inputs of a channel that share a scale.",
        when: { $0.granularity == .group && $0.scheme != .blocks }),
      .choice(
        "scale", \.scale, help: "Fit the scale to the largest magnitude, or to the least error.",
        when: { !$0.isBinary && $0.scheme != .blocks }),
      .text(
        "mix", \.mix, .words,
        help: "Other levels for some layers: 3=block.0.*,block.1.mlp.* q6_k=block.*.attn_v none=…"),
    ]
    + Calibration.dials(
      of: \.calibration, when: { $0.method != .nearest }, makesUp: { $0.method != .nearest },
      follows: { $0.method == .qronos })

  /// Unless layers are rounded in turn.
  public var isLayerwise: Bool { method == .nearest }

  /// Whether what goes into layers decides.
  public var measuresInputs: Bool { method != .nearest }

  /// Refuses two levels for methods that need more.
  public func validate() throws {
    if method != .nearest { try calibration.validate() }
    if !mix.isEmpty {
      for (level, _) in try LevelMix(mix).entries where level != .none {
        try at(level).validate()
      }
    }
    if isBinary, method != .nearest {
      throw PassError("quantize \(method.rawValue) needs more than the two levels of binary")
    }
    if scheme == .blocks, method != .nearest, BlockCoding.of(block.format) == nil {
      throw PassError(
        "quantize \(method.rawValue) rounds weight by weight, and those of \(block.rawValue) share bits"
      )
    }
  }

  /// `quantize int4 · group 64`.
  public var title: String {
    let name = method == .nearest ? "" : "\(method.rawValue) "
    let others = mix.isEmpty ? "" : " · mix"
    if scheme == .blocks { return "quantize \(name)\(block.rawValue)\(others)" }
    let levels =
      switch scheme {
      case .symmetric: "int\(bits)"
      case .affine: "uint\(bits)"
      case .ternary, .binary, .blocks: scheme.rawValue
      }
    let sharing = granularity == .group ? "group \(groupSize)" : granularity.rawValue
    return "quantize \(name)\(levels) · \(sharing)" + (scale == .mse && !isBinary ? " · mse" : "")
      + others
  }

  /// Whether there are two levels, neither of them 0.
  var isBinary: Bool { levels == .binary }

  /// The levels there are, but for blocks.
  var levels: Quantization.Levels {
    switch scheme {
    case .symmetric: bits == 1 ? .binary : .symmetric(bits: bits)
    case .affine, .blocks: .affine(bits: bits)
    case .ternary: .ternary
    case .binary: .binary
    }
  }

  /// Consecutive weights that share a scale; nil when all of a layer do.
  func groupLength(in shape: Shape) -> Int? {
    switch granularity {
    case .tensor: nil
    case .channel: max(shape.columns, 1)
    case .group: groupSize
    }
  }
}
