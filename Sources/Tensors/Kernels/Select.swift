import CKernels
import Synchronization

/// Where magnitude pruning cuts: weights whose |w| is less go, those whose |w| is
/// more stay, and of those that equal it the first `tiesLeft` go.
///
/// |w| is ordered by its bits, so that infinities and then NaNs come last.
public struct MagnitudeCut: Sendable, Hashable {
  /// |w| at the cut.
  public let magnitude: Float
  /// Weights of that magnitude which are still to go.
  public private(set) var tiesLeft: Int

  /// A cut at a magnitude's bits.
  package init(bits: UInt32, ties: Int) {
    magnitude = Float(bitPattern: bits)
    tiesLeft = ties
  }

  /// The mask of the next tensor; tensors must come in the order in which they
  /// were counted. nil when stopped, and then the cut is as before.
  public mutating func mask(
    of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Mask? {
    let bits = Int32(bitPattern: magnitude.bitPattern)
    var ties = [Int](repeating: 0, count: Parallel.chunks(tensor.shape.count))
    // Where no tie is to go any more, all of them stay.
    let isSettled = tiesLeft == 0
    guard
      var words = MaskWords.compare(
        tensor, threshold: isSettled ? bits - 1 : bits, ties: isSettled ? -1 : bits,
        counts: &ties, threads: threads, shouldStop: shouldStop)
    else { return nil }
    if !isSettled {
      var left = tiesLeft
      let going = ties.map { tied in
        defer { left -= min(left, tied) }
        return min(left, tied)
      }
      guard
        MaskWords.keepTies(
          ties, after: going, of: tensor, bits, &words, threads: threads, shouldStop: shouldStop)
      else { return nil }
      tiesLeft = left
    }
    return Mask(shape: tensor.shape, words: words)
  }
}

/// Exact selection of the smallest weights by (|w|, tensor, index).
///
/// Two rounds of a radix search find the cut: the first counts bits 30…16 of
/// every weight, the second bits 15…0 of those in the bucket that holds it. Of many weights in
/// memory a sample tells about where it is, and then one read of them makes masks.
public enum Select {
  /// Where to cut to prune exactly `count` weights of all tensors together
  /// (held to 0…all). nil when stopped.
  public static func magnitudeCut(
    pruning count: Int, of tensors: [Tensor], threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> MagnitudeCut? {
    magnitudeCut(
      pruning: count, ofTensors: tensors.count, threads: threads, shouldStop: shouldStop
    ) { tensors[$0] }
  }

  /// The same for `tensorCount` tensors that `tensor` reads, each of them twice,
  /// so that only one need be in memory.
  public static func magnitudeCut(
    pruning count: Int, ofTensors tensorCount: Int, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }, tensor: (Int) throws -> Tensor
  ) rethrows -> MagnitudeCut? {
    var magnitudes = MagnitudeCounts()
    for index in 0..<tensorCount {
      guard
        try magnitudes.add(tensor(index), threads: threads, shouldStop: shouldStop)
      else { return nil }
    }
    let count = min(max(count, 0), magnitudes.total)
    guard count > 0 else { return MagnitudeCut(bits: 0, ties: 0) }
    let (bucket, before) = magnitudes.bucket(of: count - 1)
    var low = [Int](repeating: 0, count: 1 << 16)
    for index in 0..<tensorCount {
      let finished = unsafe try RadixCounts.add(
        tensor(index), to: &low, tables: 1, threads: threads, shouldStop: shouldStop
      ) { unsafe pare_count_low(KernelLevel.best, $0, $1, UInt32(bucket), $2) }
      guard finished else { return nil }
    }
    var rest = count - before
    var code = 0
    while code < low.count - 1, low[code] < rest {
      rest -= low[code]
      code += 1
    }
    return MagnitudeCut(bits: UInt32(bucket) << 16 | UInt32(code), ties: rest)
  }

  /// Masks that prune exactly `count` weights of all tensors together. nil when
  /// stopped.
  public static func masks(
    pruning count: Int, of tensors: [Tensor], threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> [Mask]? {
    let window = MagnitudeWindow(around: count, of: tensors)
    if let masks = window?.masks(pruning: count, threads: threads, shouldStop: shouldStop) {
      return masks
    }
    guard
      var cut = magnitudeCut(
        pruning: count, of: tensors, threads: threads, shouldStop: shouldStop)
    else { return nil }
    var masks: [Mask] = []
    for tensor in tensors {
      guard let mask = cut.mask(of: tensor, threads: threads, shouldStop: shouldStop) else {
        return nil
      }
      masks.append(mask)
    }
    return masks
  }

  /// A mask that prunes exactly `count` weights of one tensor. nil when stopped.
  public static func mask(
    pruning count: Int, of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Mask? {
    masks(pruning: count, of: [tensor], threads: threads, shouldStop: shouldStop)?.first
  }

  /// A mask that prunes exactly `count` weights of each row (held to 0…columns).
  /// nil when stopped.
  public static func mask(
    pruningPerRow count: Int, of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Mask? {
    let count = min(max(count, 0), tensor.shape.columns)
    return unsafe MaskWords.rows(tensor, threads: threads, shouldStop: shouldStop) {
      row, words, offset in
      unsafe MaskWords.prune(count, of: row, words, offset)
    }
  }

  /// Indices of the `count` smallest scores, ascending, ties by index; NaN comes
  /// last. O(n log n): for channels and tiles, not for weights.
  public static func smallest(_ count: Int, of scores: [Float]) -> [Int] {
    let order = scores.indices.sorted { first, second in
      let (a, b) = (scores[first], scores[second])
      if a == b || (a.isNaN && b.isNaN) { return first < second }
      return a < b || (b.isNaN && !a.isNaN)
    }
    return order.prefix(max(count, 0)).sorted()
  }
}
