import CKernels
import Synchronization

/// Magnitudes among which the cut through some tensors probably is, by a sample of them.
struct MagnitudeWindow: Sendable {
  /// Few weights are counted as fast, and a sample of them says less.
  private static let leastCount = 1 << 20
  private static let sampleCount = 1 << 14

  private let tensors: [Tensor]
  /// Bits of the least and the largest magnitude.
  private let low: Int32
  private let high: Int32
  /// About how many weights there are in it.
  private let likelyCount: Int

  /// nil for few weights, and where many are alike: then counting is no slower.
  init?(around count: Int, of tensors: [Tensor]) {
    let total = tensors.reduce(0) { $0 + $1.shape.count }
    guard total >= Self.leastCount, count > 0, count <= total else { return nil }
    let sample = Self.sample(of: tensors, total)
    let share = Double(count) / Double(total)
    let place = share * Double(sample.count)
    // The place of the cut in a sample is binomial: four deviations to either side.
    let reach = 4 * (place * (1 - share)).squareRoot() + 2
    let (first, last) = (Int(place - reach), Int(place + reach))
    low = first > 0 ? sample[first] : 0
    high = last < sample.count ? sample[last] : .max
    let inside = sample.count { [low, high] in $0 >= low && $0 <= high }
    guard inside <= sample.count / 8 else { return nil }
    likelyCount = total / sample.count * inside
    self.tensors = tensors
  }

  /// Evenly spread, in ascending order.
  private static func sample(of tensors: [Tensor], _ total: Int) -> [Int32] {
    var sample: [Int32] = []
    sample.reserveCapacity(sampleCount)
    let step = total / sampleCount
    var start = 0
    for tensor in tensors {
      unsafe tensor.withUnsafeValues { values in
        for index in stride(from: start, to: values.count, by: step) {
          sample.append(unsafe Int32(bitPattern: values[index].magnitude.bitPattern))
        }
        start += (values.count - start + step - 1) / step * step - values.count
      }
    }
    return sample.sorted()
  }

  /// The cut, exactly; nil where it is elsewhere, and when stopped.
  func cut(
    pruning count: Int, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> MagnitudeCut? {
    let found = Mutex((below: 0, inside: [Float]()))
    found.withLock { $0.inside.reserveCapacity(likelyCount + likelyCount / 4) }
    for tensor in tensors {
      let size = tensor.shape.count
      let finished = Parallel.forEach(
        count: Parallel.chunks(size), threads: threads, shouldStop: shouldStop
      ) { chunk in
        let range = Parallel.range(chunk, of: size)
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { room in
          var below = 0
          let taken = unsafe tensor.withUnsafeValues { values in
            guard let start = values.baseAddress, let room = room.baseAddress else { return 0 }
            return unsafe pare_collect(
              KernelLevel.best, start + range.lowerBound, range.count, low, high, room, &below)
          }
          found.withLock {
            $0.below += below
            unsafe $0.inside.append(contentsOf: UnsafeBufferPointer(rebasing: room[..<taken]))
          }
        }
      }
      guard finished else { return nil }
    }
    let (below, inside) = found.withLock { ($0.below, $0.inside) }
    guard below < count, count <= below + inside.count else { return nil }
    let near = Tensor([inside.count], inside)
    return Select.magnitudeCut(
      pruning: count - below, ofTensors: 1, threads: threads, shouldStop: shouldStop
    ) { _ in near }
  }
}
