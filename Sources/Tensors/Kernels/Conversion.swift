import CKernels

/// Numbers of a checkpoint to f32 and back.
public enum Conversion {
  /// `count` numbers of `dtype`, little-endian and at any address, as f32.
  ///
  /// Floating-point numbers up to 32 bits convert exactly, wider numbers to the
  /// nearest. False when stopped, and then some are left out. Precondition:
  /// `bytes` and `values` are long enough.
  @discardableResult
  public static func widen(
    _ bytes: UnsafeRawBufferPointer, as dtype: DType,
    into values: UnsafeMutableBufferPointer<Float>,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> Bool {
    let count = values.count
    precondition(bytes.count >= count * dtype.byteCount)
    let source = unsafe Shared(bytes.baseAddress)
    let target = unsafe Shared(values.baseAddress)
    let unit = Parallel.chunk(filling: count)
    return Parallel.forEach(
      count: Parallel.chunks(count, of: unit), threads: threads, shouldStop: shouldStop
    ) { index in
      let range = Parallel.range(index, of: count, size: unit)
      unsafe pare_widen(
        KernelLevel.best, dtype.kernelKind,
        source.pointer.map { unsafe $0 + range.lowerBound * dtype.byteCount },
        target.pointer.map { unsafe $0 + range.lowerBound }, range.count)
    }
  }

  /// f32 as floating-point numbers of `dtype`, to nearest, ties to even.
  ///
  /// What is too large becomes infinite (NaN in F8_E4M3, which has no infinity).
  /// Precondition: `dtype` is floating point and `bytes` long enough.
  public static func narrow(
    _ values: UnsafeBufferPointer<Float>, as dtype: DType,
    into bytes: UnsafeMutableRawBufferPointer,
    threads: Int = Parallel.defaultThreads
  ) {
    let count = values.count
    precondition(dtype.isFloatingPoint && bytes.count >= count * dtype.byteCount)
    let source = unsafe Shared(values.baseAddress)
    let target = unsafe Shared(bytes.baseAddress)
    Parallel.forEach(count: Parallel.chunks(count), threads: threads) { index in
      let range = Parallel.range(index, of: count)
      unsafe pare_narrow(
        KernelLevel.best, dtype.kernelKind, source.pointer.map { unsafe $0 + range.lowerBound },
        target.pointer.map { unsafe $0 + range.lowerBound * dtype.byteCount }, range.count)
    }
  }
}

extension DType {
  /// `count` numbers, little-endian and at any address, as f32, on this thread. Precondition:
  /// there are as many bytes.
  package func widenRow(
    _ bytes: UnsafeRawBufferPointer, into values: UnsafeMutablePointer<Float>, count: Int
  ) {
    precondition(bytes.count >= count * byteCount)
    unsafe pare_widen(KernelLevel.best, kernelKind, bytes.baseAddress, values, count)
  }
}

extension Tensor {
  /// Values of a checkpoint as f32. Precondition: as many bytes as `shape` and
  /// `dtype` need.
  public init(
    _ shape: Shape, converting bytes: UnsafeRawBufferPointer, from dtype: DType,
    threads: Int = Parallel.defaultThreads
  ) {
    unsafe self.init(shape) {
      unsafe Conversion.widen(bytes, as: dtype, into: $0, threads: threads)
    }
  }

  /// The same; nil when stopped.
  public init?(
    _ shape: Shape, converting bytes: UnsafeRawBufferPointer, from dtype: DType, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) {
    var isFinished = true
    unsafe self.init(shape) {
      isFinished = unsafe Conversion.widen(
        bytes, as: dtype, into: $0, threads: threads, shouldStop: shouldStop)
    }
    guard isFinished else { return nil }
  }

  /// The bytes that a checkpoint stores for the values as `dtype`, a floating
  /// point one (see `Conversion.narrow`).
  public func bytes(as dtype: DType, threads: Int = Parallel.defaultThreads) -> [UInt8] {
    let size = shape.count * dtype.byteCount
    return unsafe withUnsafeValues { values in
      unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        unsafe Conversion.narrow(
          values, as: dtype, into: UnsafeMutableRawBufferPointer(buffer), threads: threads)
        initialized = size
      }
    }
  }

  /// The same into memory of the right size.
  package func store(
    as dtype: DType, into memory: UnsafeMutableRawBufferPointer,
    threads: Int = Parallel.defaultThreads
  ) {
    unsafe withUnsafeValues {
      unsafe Conversion.narrow($0, as: dtype, into: memory, threads: threads)
    }
  }

  /// The matrix with rows and columns exchanged; shape `[columns, rows]`.
  public func transposed(threads: Int = Parallel.defaultThreads) -> Tensor {
    let (rows, columns) = (shape.rows, shape.columns)
    return unsafe withUnsafeValues { values in
      unsafe Tensor([columns, rows]) { out in
        let source = unsafe Shared(values.baseAddress)
        let target = unsafe Shared(out.baseAddress)
        let band = 64
        Parallel.forEach(count: Parallel.chunks(rows, of: band), threads: threads) { index in
          let range = Parallel.range(index, of: rows, size: band)
          unsafe pare_transpose(
            source.pointer, rows, columns, range.lowerBound, range.upperBound, target.pointer)
        }
      }
    }
  }
}
