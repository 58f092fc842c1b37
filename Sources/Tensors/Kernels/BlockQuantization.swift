import CKernels

extension BlockFormat {
  /// Whether values can be stored in it, and not only read.
  public var isWritable: Bool { pare_quantizes(kernelFormat) != 0 }
}

extension Tensor {
  /// The values in blocks, byte for byte as ggml's reference quantizers store them
  /// (without an importance matrix); nil when stopped. Values that are not finite
  /// make blocks without meaning.
  ///
  /// Precondition: the format is writable, and rows are whole numbers of blocks.
  public func blocks(
    of format: BlockFormat, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> [UInt8]? {
    guard let size = format.byteCount(of: shape), format.isWritable else {
      preconditionFailure("rows of whole blocks, in a writable format")
    }
    let count = shape.count
    // Small chunks: a block takes some microseconds.
    let chunk = 1 << 13
    var isFinished = true
    let bytes = unsafe withUnsafeValues { values in
      unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        let source = unsafe Shared(values.baseAddress)
        let target = unsafe Shared(buffer.baseAddress)
        isFinished = Parallel.forEach(
          count: Parallel.chunks(count, of: chunk), threads: threads, shouldStop: shouldStop
        ) { index in
          let range = Parallel.range(index, of: count, size: chunk)
          unsafe pare_quantize_blocks(
            KernelLevel.best,
            format.kernelFormat, source.pointer.map { unsafe $0 + range.lowerBound },
            range.count,
            target.pointer.map {
              unsafe $0 + range.lowerBound / format.weightCount * format.byteCount
            })
        }
        initialized = isFinished ? size : 0
      }
    }
    return isFinished ? bytes : nil
  }
}
