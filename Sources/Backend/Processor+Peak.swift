internal import CKernels

/// What multiplies and adds in a core, and how fast it can.
package enum ProductUnit: String {
  case avx512 = "AVX-512"
  case avx512BF16 = "AVX-512 BF16"
  case amx = "AMX BF16"

  /// The fastest for f32 or bf16; nil where it is not known how to reach its peak.
  package static func fastest(isHalf: Bool) -> ProductUnit? {
    switch pare_peak_unit(isHalf ? 1 : 0) {
    case Int32(PARE_UNIT_AVX512): .avx512
    case Int32(PARE_UNIT_AVX512_BF16): .avx512BF16
    case Int32(PARE_UNIT_AMX): .amx
    default: nil
    }
  }

  /// Multiplies and adds in one core's registers alone; returns the number of operations, two for
  /// each multiply-add.
  package func run(rounds: Int64) -> Double {
    let unit =
      switch self {
      case .avx512: PARE_UNIT_AVX512
      case .avx512BF16: PARE_UNIT_AVX512_BF16
      case .amx: PARE_UNIT_AMX
      }
    return pare_peak(Int32(unit), rounds)
  }
}
