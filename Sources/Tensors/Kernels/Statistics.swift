import CKernels

/// Figures of a tensor's values, from one or two reads of them.
///
/// No figure depends on the number of threads or on the instruction set: sums
/// run over fixed chunks in sixteen lanes and are added in order. All functions
/// give nil when `shouldStop` stopped them.
public enum Statistics {
  /// Extremes, moments and counts of a tensor's values.
  public static func summary(
    of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Summary? {
    unsafe tensor.withUnsafeValues {
      unsafe summary(
        rawBytes: UnsafeRawBufferPointer($0), dtype: .f32, threads: threads,
        shouldStop: shouldStop)
    }
  }

  /// The same, straight from the bytes of a checkpoint, at any address. Bytes
  /// past the last whole number are left out.
  public static func summary(
    rawBytes: UnsafeRawBufferPointer, dtype: DType, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Summary? {
    let source = unsafe KernelSource(rawBytes, dtype)
    let pivot = source.pivot
    let scale = source.scale(about: pivot)
    var parts = [pare_moments](
      repeating: pare_moments(), count: Parallel.chunks(source.count))
    let finished = unsafe parts.withUnsafeMutableBufferPointer { buffer in
      let parts = unsafe Shared(buffer)
      return Parallel.forEach(
        count: buffer.count, threads: threads, shouldStop: shouldStop
      ) { index in
        unsafe source.withChunk(Parallel.range(index, of: source.count)) { values, kind, count in
          unsafe pare_scan(
            KernelLevel.best, kind, values, count, pivot, scale, 0, nil, &parts.pointer[index])
        }
      }
    }
    return finished ? Summary(parts, pivot: Double(pivot), count: source.count) : nil
  }

  /// Counts in `bins` equally wide bins over `range`, or over the finite values'
  /// extremes, which then are found first.
  public static func histogram(
    of tensor: Tensor, bins: Int, range: ClosedRange<Float>? = nil,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) -> Histogram? {
    unsafe tensor.withUnsafeValues {
      unsafe histogram(
        rawBytes: UnsafeRawBufferPointer($0), dtype: .f32, bins: bins, range: range,
        threads: threads, shouldStop: shouldStop)
    }
  }

  /// The same, straight from the bytes of a checkpoint. `bins` is held to
  /// 1…65,536; up to 64 are the fastest.
  public static func histogram(
    rawBytes: UnsafeRawBufferPointer, dtype: DType, bins: Int,
    range: ClosedRange<Float>? = nil, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Histogram? {
    let source = unsafe KernelSource(rawBytes, dtype)
    let bins = min(max(bins, 1), 1 << 16)
    if let range {
      return source.histogram(
        bins: bins, range: range, isInside: false, threads: threads, shouldStop: shouldStop)
    }
    guard
      let summary = unsafe summary(
        rawBytes: rawBytes, dtype: dtype, threads: threads, shouldStop: shouldStop)
    else { return nil }
    return source.histogram(
      bins: bins, range: summary.minimum...summary.maximum,
      isInside: summary.finiteCount == summary.count, threads: threads, shouldStop: shouldStop)
  }
}

extension Summary {
  /// Joins sums about a pivot; the central moments follow by the binomial theorem.
  init(_ parts: [pare_moments], pivot: Double, count: Int) {
    var total = pare_moments()
    (total.minimum, total.maximum) = (.infinity, -.infinity)
    for part in parts {
      total.sum1 += part.sum1
      total.sum2 += part.sum2
      total.sum3 += part.sum3
      total.sum4 += part.sum4
      total.minimum = min(total.minimum, part.minimum)
      total.maximum = max(total.maximum, part.maximum)
      total.finite += part.finite
      total.nan += part.nan
      total.zero += part.zero
    }
    self.init()
    self.count = count
    finiteCount = Int(total.finite)
    nanCount = Int(total.nan)
    infiniteCount = count - finiteCount - nanCount
    zeroCount = Int(total.zero)
    guard finiteCount > 0 else { return }
    // Adding 0 turns −0 into 0: which of them comes first is no property of the values.
    minimum = total.minimum + 0
    maximum = total.maximum + 0
    let n = Double(finiteCount)
    let (m1, m2, m3, m4) = (total.sum1 / n, total.sum2 / n, total.sum3 / n, total.sum4 / n)
    let variance = max(m2 - m1 * m1, 0)
    mean = pivot + m1
    standardDeviation = variance.squareRoot()
    sumOfSquares = max(total.sum2 + pivot * (2 * total.sum1 + n * pivot), 0)
    let fourth = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1 * m1 * m1 * m1
    kurtosis = variance > 0 && minimum < maximum ? fourth / (variance * variance) : nil
  }
}
