import CKernels

extension DType {
  /// The number by which the C kernels know it.
  package var kernelKind: Int32 {
    let kind =
      switch self {
      case .f32: PARE_F32
      case .bf16: PARE_BF16
      case .f16: PARE_F16
      case .f64: PARE_F64
      case .f8e4m3: PARE_F8E4M3
      case .f8e5m2: PARE_F8E5M2
      case .i64: PARE_I64
      case .i32: PARE_I32
      case .i16: PARE_I16
      case .i8: PARE_I8
      case .u8: PARE_U8
      case .bool: PARE_BOOL
      }
    return Int32(kind)
  }

  /// Whether the statistics read it as it is, without a copy in f32.
  package var isReadDirectly: Bool { self == .f32 || self == .bf16 || self == .f16 }
}

/// The instruction set that the kernels use on this machine.
package enum KernelLevel {
  package static let best = pare_best_level()
}
