internal import CKernels

/// What numbers a product's operands are made of; sums are always f32.
package enum Numbers: Sendable, Hashable, CaseIterable {
  /// f32.
  case full
  /// f32, each as the sum of two bf16: within 2⁻¹⁶ of products of f32 (Henry, Tang and
  /// Heinecke, 2019, arXiv:1904.06376).
  case split
  /// Rounded to bf16.
  case half

  /// The fastest that loses no more than 2⁻¹⁶, and the fastest of all, on this machine.
  package static let exact: Numbers = hasTiles ? .split : .full
  package static let fastest: Numbers =
    hasTiles || pare_best_unit(Numbers.half.code) == Int32(PARE_UNIT_BF16) ? .half : .full

  /// The largest share of a number that a product loses of it.
  package var resolution: Double {
    switch self {
    case .full: 0x1p-24
    case .split: 0x1p-16
    case .half: 0x1p-8
    }
  }

  private static var hasTiles: Bool {
    pare_best_unit(Numbers.split.code) == Int32(PARE_UNIT_TILES)
  }

  var code: Int32 {
    switch self {
    case .full: Int32(PARE_FULL)
    case .split: Int32(PARE_SPLIT)
    case .half: Int32(PARE_HALF)
    }
  }
}
