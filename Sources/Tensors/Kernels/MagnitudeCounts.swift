import CKernels
import Synchronization

/// How many weights there are of each magnitude, to 7 significant bits.
///
/// The first round of an exact selection; by itself it answers at once, and
/// within 1 %, which share of the weights a threshold prunes: what a dial's
/// preview needs.
public struct MagnitudeCounts: Sendable {
  private var counts = [Int](repeating: 0, count: 1 << 15)
  /// Weights counted.
  public private(set) var total = 0

  /// Counts of no weights.
  public init() {}

  /// Adds a tensor's weights; false when stopped, and then nothing was added.
  public mutating func add(
    _ tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Bool {
    let finished = unsafe RadixCounts.add(
      tensor, to: &counts, tables: 4, threads: threads, shouldStop: shouldStop
    ) { unsafe pare_count_high(KernelLevel.best, $0, $1, $2) }
    if finished { total += tensor.shape.count }
    return finished
  }

  /// The bucket of the weight of that rank by |w|, and how many are in those
  /// before it. Precondition: 0 ≤ rank < total.
  func bucket(of rank: Int) -> (bucket: Int, before: Int) {
    var before = 0
    for (bucket, count) in counts.enumerated() {
      if before + count > rank { return (bucket, before) }
      before += count
    }
    return (counts.count - 1, before)
  }

  /// A magnitude under which about `count` weights lie: the upper end of the
  /// bucket that holds the `count`-th.
  public func approximateThreshold(pruning count: Int) -> Float {
    guard count > 0, total > 0 else { return 0 }
    let bucket = bucket(of: min(count, total) - 1).bucket
    return Float(bitPattern: UInt32(bucket) << 16 | 0xffff)
  }

  /// About how many weights have |w| ≤ `threshold`: those of whole buckets, and
  /// the share of the bucket it cuts.
  public func approximateCount(upTo threshold: Float) -> Int {
    guard threshold >= 0 else { return 0 }
    let bits = Int(threshold.bitPattern)
    let whole = counts[..<(bits >> 16)].reduce(0, +)
    return whole + counts[bits >> 16] * (bits & 0xffff) / 0xffff
  }
}

/// One round of a radix search, in parallel.
enum RadixCounts {
  /// Adds to `counts` what `kernel` counts in several tables. Returns false when stopped, and
  /// leaves `counts` unchanged.
  static func add(
    _ tensor: Tensor, to counts: inout [Int], tables: Int, threads: Int,
    shouldStop: @Sendable () -> Bool,
    kernel: @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<UInt32>) -> Void
  ) -> Bool {
    let buckets = counts.count
    let count = tensor.shape.count
    // Large pieces: each clears and adds a table of its own. Sums of whole numbers
    // are the same however the weights are cut.
    let size = min(max(count / max(threads, 1) + 1, 1 << 17), 1 << 22)
    let totals = Mutex([Int](repeating: 0, count: buckets))
    let finished = Parallel.forEach(
      count: Parallel.chunks(count, of: size), threads: threads, shouldStop: shouldStop
    ) { piece in
      var table = [UInt32](repeating: 0, count: tables * buckets)
      unsafe tensor.withUnsafeValues { values in
        guard let start = values.baseAddress else { return }
        unsafe table.withUnsafeMutableBufferPointer { table in
          guard let table = table.baseAddress else { return }
          let range = Parallel.range(piece, of: count, size: size)
          unsafe kernel(start + range.lowerBound, range.count, table)
        }
      }
      totals.withLock { totals in
        unsafe totals.withUnsafeMutableBufferPointer { totals in
          unsafe table.withUnsafeBufferPointer { unsafe join($0, into: totals) }
        }
      }
    }
    guard finished else { return false }
    totals.withLock { totals in
      unsafe totals.withUnsafeBufferPointer { totals in
        unsafe counts.withUnsafeMutableBufferPointer { unsafe join(totals, into: $0) }
      }
    }
    return true
  }

  /// Adds tables that follow one another to one table. Wrapping sums, which no
  /// count of weights in memory reaches, so that the compiler takes many at once.
  private static func join<Count: FixedWidthInteger>(
    _ tables: UnsafeBufferPointer<Count>, into totals: UnsafeMutableBufferPointer<Int>
  ) {
    for start in stride(from: 0, to: tables.count, by: totals.count) {
      for bucket in 0..<totals.count {
        unsafe totals[bucket] &+= Int(truncatingIfNeeded: tables[start + bucket])
      }
    }
  }
}
