internal import Backend

/// How products are computed.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// As in f32: what products lose stays below 2⁻¹⁶ of a number.
  case f32
  /// Weights and inputs of products rounded to bf16, sums in f32.
  case bf16

  /// The largest share of a number that a product loses of it on this machine.
  public var resolution: Double { numbers.resolution }

  /// What products are made of.
  var numbers: Numbers { self == .f32 ? .exact : .fastest }

  /// Whether training in it is faster than in f32 on this machine.
  public static var hasFastBF16: Bool { MatrixEngine.hasFastBF16 }
}
