import CKernels
import Synchronization

/// How many weights there are of each magnitude, to 7 significant bits.
///
/// The first round of an exact selection.
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

  /// The same as sums, for a tensor of one type.
  public func distribution(isWhole: Bool) -> MagnitudeDistribution {
    MagnitudeDistribution(counts, isWhole: isWhole)
  }
}

/// How many weights of a layer there are up to each magnitude.
public struct MagnitudeDistribution: Sendable {
  /// Whether weights of one bucket have one magnitude, as those of bf16 have.
  public let isWhole: Bool
  /// The bucket of the least weight.
  private let first: Int
  /// Weights in the buckets before each, and at the end all.
  private let before: [Int]
  /// Σ w² of the same.
  private let squares: [Double]

  fileprivate init(_ counts: [Int], isWhole: Bool) {
    let first = counts.firstIndex { $0 > 0 } ?? 0
    let last = counts.lastIndex { $0 > 0 } ?? 0
    var before = [0]
    var squares = [0.0]
    for bucket in first...last {
      before.append(before[bucket - first] + counts[bucket])
      squares.append(
        squares[bucket - first]
          + Double(counts[bucket]) * Self.meanSquare(of: bucket, isWhole: isWhole))
    }
    self.isWhole = isWhole
    self.first = first
    self.before = before
    self.squares = squares
  }

  /// Of weights spread evenly over a bucket.
  private static func meanSquare(of bucket: Int, isWhole: Bool) -> Double {
    let low = Double(Float(bitPattern: UInt32(bucket) << 16))
    if isWhole { return low * low }
    let high = Double(Float(bitPattern: UInt32(bucket) << 16 | 0xffff))
    return (low * low + low * high + high * high) / 3
  }

  /// Weights in all.
  public var total: Int { before[before.count - 1] }

  /// The buckets that weights are in.
  public var buckets: Range<Int> { first..<first + before.count - 1 }

  /// Weights in the buckets before one.
  public func count(below bucket: Int) -> Int {
    before[min(max(bucket - first, 0), before.count - 1)]
  }

  /// Weights in a bucket.
  public func count(in bucket: Int) -> Int { count(below: bucket + 1) - count(below: bucket) }

  /// The bucket of the weight of that rank by |w|. Precondition: 0 ≤ rank < total.
  public func bucket(of rank: Int) -> Int {
    var (low, high) = (0, before.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if before[middle] <= rank { low = middle } else { high = middle }
    }
    return first + low
  }

  /// Weights whose |w| has these bits or lower ones; weights are taken as spread evenly over the
  /// bucket that is cut, unless they are whole.
  public func count(upTo bits: UInt32) -> (count: Int, isExact: Bool) {
    let (bucket, low) = (Int(bits >> 16), Int(bits & 0xffff))
    let (below, there) = (count(below: bucket), count(in: bucket))
    if isWhole || there == 0 || low == 0xffff { return (below + there, true) }
    return (below + Int(Double(there) * Double(low + 1) / 0x10000), false)
  }

  /// The bucket of the weight of that rank among those of several layers; nil where there is no
  /// such rank. O(layers).
  public static func bucket(of rank: Int, in layers: [MagnitudeDistribution]) -> Int? {
    guard rank >= 0 else { return nil }
    var (low, high) = (0, 1 << 15)
    func before(_ bucket: Int) -> Int { layers.reduce(0) { $0 + $1.count(below: bucket) } }
    guard rank < before(high) else { return nil }
    while high - low > 1 {
      let middle = (low + high) / 2
      if before(middle) <= rank { low = middle } else { high = middle }
    }
    return low
  }

  /// Σ w² of the `count` smallest weights, each taken as one in the middle of its bucket: within
  /// 1 %, and for weights that lie at random, within 0.01 %.
  public func squares(ofSmallest count: Int) -> Double {
    guard count > 0, total > 0 else { return 0 }
    let bucket = bucket(of: min(count, total) - 1)
    let rest = Double(count - self.count(below: bucket))
    return squares[bucket - first] + rest * Self.meanSquare(of: bucket, isWhole: isWhole)
  }
}

extension Tensor {
  /// The largest magnitude of each `length` consecutive weights; a NaN is larger than infinity.
  public func largestMagnitudes(ofBlocks length: Int, threads: Int) -> Tensor {
    let (count, blocks) = (shape.count, (shape.count + length - 1) / length)
    let size = 1 << 9
    return unsafe Tensor([blocks]) { out in
      let out = unsafe Shared(out)
      Parallel.forEach(count: Parallel.chunks(blocks, of: size), threads: threads) { chunk in
        unsafe withUnsafeValues { values in
          for block in Parallel.range(chunk, of: blocks, size: size) {
            var largest: UInt32 = 0
            for index in block * length..<min((block + 1) * length, count) {
              largest = unsafe max(largest, values[index].bitPattern & 0x7FFF_FFFF)
            }
            unsafe out.pointer.initializeElement(at: block, to: Float(bitPattern: largest))
          }
        }
      }
    }
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
