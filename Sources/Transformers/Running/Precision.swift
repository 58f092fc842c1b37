internal import Backend

/// How products are computed.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// f32 throughout.
  case f32
  /// Weights and inputs of products rounded to bf16, sums in f32.
  case bf16

  /// Whether it is faster than f32 on this machine.
  public static var hasFastBF16: Bool { MatrixEngine.hasFastBF16 }
}
