import CKernels

extension BlockFormat {
  /// The number by which the C kernels know it.
  package var kernelFormat: Int32 {
    let format =
      switch self {
      case .q8_0: PARE_Q8_0
      case .q4_0: PARE_Q4_0
      case .q4_1: PARE_Q4_1
      case .q5_0: PARE_Q5_0
      case .q5_1: PARE_Q5_1
      case .q1_0: PARE_Q1_0
      case .q2_0: PARE_Q2_0
      case .q2K: PARE_Q2_K
      case .q3K: PARE_Q3_K
      case .q4K: PARE_Q4_K
      case .q5K: PARE_Q5_K
      case .q6K: PARE_Q6_K
      case .iq4NL: PARE_IQ4_NL
      case .iq4XS: PARE_IQ4_XS
      case .tq1_0: PARE_TQ1_0
      case .tq2_0: PARE_TQ2_0
      case .mxfp4: PARE_MXFP4
      case .nvfp4: PARE_NVFP4
      case .iq1S: PARE_IQ1_S
      case .iq1M: PARE_IQ1_M
      case .iq2XXS: PARE_IQ2_XXS
      case .iq2XS: PARE_IQ2_XS
      case .iq2S: PARE_IQ2_S
      case .iq3XXS: PARE_IQ3_XXS
      case .iq3S: PARE_IQ3_S
      case .q8K: PARE_Q8_K
      }
    return Int32(format)
  }
}

extension BlockFormat {
  /// Reads whole blocks on this thread.
  package func dequantizeRow(
    _ bytes: UnsafePointer<UInt8>, blocks: Int, into weights: UnsafeMutablePointer<Float>
  ) {
    unsafe pare_dequantize(KernelLevel.best, kernelFormat, bytes, blocks, weights, 0)
  }

  /// What a last cache of the usual 32 MB holds beside the rest of a program.
  private static let cacheByteCount = 24 << 20

  /// Reads `count` weights, whole blocks; false when stopped. What would not stay in the
  /// cache, beside the blocks that are read, is written past it: no line of memory is
  /// fetched only to be overwritten.
  func dequantize(
    _ blocks: Shared<UnsafePointer<UInt8>?>, into weights: Shared<UnsafeMutablePointer<Float>?>,
    count: Int, threads: Int, shouldStop: @Sendable () -> Bool = { false }
  ) -> Bool {
    let room = Self.cacheByteCount - count / weightCount * byteCount
    // A unit of work is a whole number of every format's blocks.
    let unit = Parallel.chunk(filling: count)
    return Parallel.forEach(
      count: Parallel.chunks(count, of: unit), threads: threads, shouldStop: shouldStop
    ) { index in
      let range = Parallel.range(index, of: count, size: unit)
      let isStreamed = range.upperBound * MemoryLayout<Float>.stride > room
      unsafe pare_dequantize(
        KernelLevel.best, kernelFormat,
        blocks.pointer.map { unsafe $0 + range.lowerBound / weightCount * byteCount },
        range.count / weightCount, weights.pointer.map { unsafe $0 + range.lowerBound },
        isStreamed ? 1 : 0)
    }
  }
}

extension Tensor {
  /// The weights of blocks, at any address; nil when stopped. Any bytes are
  /// weights of some kind: scales may be infinite or NaN. Precondition: rows of
  /// whole blocks, and as many bytes as `BlockFormat.byteCount(of:)` says.
  public init?(
    _ shape: Shape, dequantizing bytes: UnsafeRawBufferPointer, from format: BlockFormat,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) {
    precondition(format.byteCount(of: shape).map { $0 <= bytes.count } ?? false)
    var isFinished = true
    unsafe self.init(shape) { values in
      isFinished = unsafe format.dequantize(
        Shared(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)),
        into: Shared(values.baseAddress), count: values.count, threads: threads,
        shouldStop: shouldStop)
    }
    guard isFinished else { return nil }
  }
}
