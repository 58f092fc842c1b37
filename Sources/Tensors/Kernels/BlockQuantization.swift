import CKernels

extension BlockFormat {
  /// Whether values can be stored in it, and not only read.
  public var isWritable: Bool { pare_quantizes(kernelFormat) != 0 }

  /// Whether what is stored depends on the importance of columns.
  public var isWeighted: Bool { pare_weighs(kernelFormat) != 0 }
}

extension Tensor {
  /// The values in blocks, byte for byte as ggml's reference quantizers store them; nil
  /// when stopped. Values that are not finite make blocks without meaning.
  ///
  /// `importance` is the mean square of what each column is multiplied with, as in
  /// llama.cpp's importance matrices; formats that are not weighted do without.
  ///
  /// Precondition: the format is writable, rows are whole numbers of blocks, and there are
  /// as many importances as columns.
  public func blocks(
    of format: BlockFormat, importance: [Float]? = nil, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> [UInt8]? {
    guard let size = format.byteCount(of: shape), format.isWritable else {
      preconditionFailure("rows of whole blocks, in a writable format")
    }
    let columns = shape.dimensions.last ?? 1
    precondition(importance.map { $0.count == columns } ?? true, "an importance a column")
    // Small chunks, as a block takes some microseconds; importance belongs to whole rows.
    let smallest = 1 << 13
    let weights = format.isWeighted ? importance : nil
    let chunk = weights == nil ? smallest : max(smallest / max(columns, 1), 1) * columns
    var isFinished = true
    let bytes = unsafe withUnsafeValues { values in
      unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        let source = unsafe Shared(values.baseAddress)
        let target = unsafe Shared(buffer.baseAddress)
        isFinished = Parallel.forEach(
          count: Parallel.chunks(shape.count, of: max(chunk, 1)), threads: threads,
          shouldStop: shouldStop
        ) { index in
          let range = Parallel.range(index, of: shape.count, size: chunk)
          let values = unsafe source.pointer.map { unsafe $0 + range.lowerBound }
          let bytes = unsafe target.pointer.map {
            unsafe $0 + range.lowerBound / format.weightCount * format.byteCount
          }
          if let weights {
            unsafe pare_quantize_weighted(
              KernelLevel.best, format.kernelFormat, values, weights, range.count / columns,
              columns, bytes)
          } else {
            unsafe pare_quantize_blocks(
              KernelLevel.best, format.kernelFormat, values, range.count, bytes)
          }
        }
        initialized = isFinished ? size : 0
      }
    }
    return isFinished ? bytes : nil
  }
}
