import CKernels
import Synchronization

/// Numbers that a kernel reads: memory and how it is to be understood.
///
/// `@unchecked Sendable`: nobody writes to the memory while a kernel runs.
@safe
struct KernelSource: @unchecked Sendable {
  let dtype: DType
  let count: Int
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) {
    unsafe self.bytes = unsafe bytes
    self.dtype = dtype
    count = bytes.count / dtype.byteCount
  }

  /// Calls `body` with numbers that the statistics' kernels understand, their
  /// kind and how many: those in place, or converted ones.
  func withChunk<R>(
    _ range: Range<Int>, _ body: (UnsafeRawPointer?, Int32, Int) throws -> R
  ) rethrows -> R {
    let start = unsafe bytes.baseAddress.map { unsafe $0 + range.lowerBound * dtype.byteCount }
    guard !dtype.isReadDirectly else {
      return unsafe try body(start, dtype.kernelKind, range.count)
    }
    return unsafe try withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) {
      unsafe pare_widen(
        KernelLevel.best, dtype.kernelKind, start, $0.baseAddress, range.count)
      return unsafe try body(UnsafeRawPointer($0.baseAddress), DType.f32.kernelKind, range.count)
    }
  }

  /// Some finite values spread over the numbers, ascending.
  private var samples: [Float] {
    let samples = 15
    let stride = max(count / samples, 1)
    let values = (0..<min(samples, count)).map { sample in
      unsafe withChunk(sample * stride..<sample * stride + 1) { start, kind, count in
        var value: Float = 0
        unsafe pare_widen(KernelLevel.best, kind, start, &value, count)
        return value
      }
    }
    return values.filter(\.isFinite).sorted()
  }

  /// The median of the samples: moments about it lose no digits, however far from
  /// 0 the values lie.
  var pivot: Float {
    let samples = samples
    return samples.isEmpty ? 0 : samples[samples.count / 2]
  }

  /// A power of two that brings the samples' distances from the pivot near 1, so
  /// that their fourth powers neither overflow nor vanish in f32.
  func scale(about pivot: Float) -> Float {
    let farthest = samples.map { abs($0 - pivot) }.max() ?? 0
    guard farthest > 0, farthest.isFinite else { return 1 }
    // Small enough a power that its fourth and its inverse's are fine in f64.
    let exponent = min(max(Int(farthest.exponent), -100), 100)
    return Float(sign: .plus, exponent: -exponent, significand: 1)
  }

  /// Counts are whole numbers, so chunks may be added in any order. `isInside`
  /// promises that all values are finite and in the range.
  func histogram(
    bins: Int, range: ClosedRange<Float>, isInside: Bool, threads: Int,
    shouldStop: @Sendable () -> Bool
  ) -> Histogram? {
    let width = Double(range.upperBound) - Double(range.lowerBound)
    // In a range of one value 0 · ∞ is no number, which falls into the first bin,
    // and what lies above it falls into the last, where it is taken out again.
    let inverse = width > 0 ? Float(Double(bins) / width) : .infinity
    let totals = Mutex([UInt64](repeating: 0, count: bins + 3))
    let size = dtype.isReadDirectly ? 1 << 19 : Parallel.chunk
    // From the end: what was read before, for the extremes, may still be in a cache there.
    let chunks = Parallel.chunks(count, of: size)
    let finished = Parallel.forEach(count: chunks, threads: threads, shouldStop: shouldStop) {
      index in
      let part = Parallel.range(chunks - 1 - index, of: count, size: size)
      var counts = [UInt64](repeating: 0, count: bins + 3)
      unsafe withChunk(part) { values, kind, count in
        unsafe counts.withUnsafeMutableBufferPointer { counts in
          guard let start = counts.baseAddress else { return }
          unsafe pare_histogram(
            KernelLevel.best, kind, values, count, range.lowerBound, range.upperBound, inverse,
            UInt32(bins), isInside ? 1 : 0, start, start + bins)
        }
      }
      totals.withLock { for i in $0.indices { $0[i] &+= counts[i] } }
    }
    guard finished else { return nil }
    let counts = totals.withLock { $0.map { Int($0) } }
    return Histogram(
      lowerBound: range.lowerBound, upperBound: range.upperBound, counts: Array(counts[..<bins]),
      belowCount: counts[bins], aboveCount: counts[bins + 1], nanCount: counts[bins + 2])
  }
}
