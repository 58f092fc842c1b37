import CKernels
import Synchronization

/// A range of magnitudes that probably holds the cut, found by a sample of the weights. One read of
/// all weights then decides those outside of the range and collects the few inside, which are decided
/// at the end.
struct MagnitudeWindow: Sendable {
  /// Few weights are counted as fast, and a sample of them says less.
  private static let leastCount = 1 << 20
  /// One weight of 512 is sampled, but no fewer and no more than `sampleCounts`.
  private static let weightsPerSample = 1 << 9
  private static let sampleCounts = 1 << 14...1 << 17

  private let tensors: [Tensor]
  /// Bits of the least and the largest magnitude.
  private let low: Int32
  private let high: Int32

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
    low = first > 0 ? Self.magnitude(at: first, of: sample).bits : 0
    high = last < sample.count ? Self.magnitude(at: last, of: sample).bits : .max
    let inside = sample.count { [low, high] in
      (low...high).contains(Int32(bitPattern: $0.magnitude.bitPattern))
    }
    guard inside <= sample.count / 8 else { return nil }
    self.tensors = tensors
  }

  /// Evenly spread.
  private static func sample(of tensors: [Tensor], _ total: Int) -> [Float] {
    let count = min(
      max(total / weightsPerSample, sampleCounts.lowerBound), sampleCounts.upperBound)
    var sample: [Float] = []
    sample.reserveCapacity(count)
    let step = total / count
    var start = 0
    for tensor in tensors {
      unsafe tensor.withUnsafeValues { values in
        for index in stride(from: start, to: values.count, by: step) {
          unsafe sample.append(values[index])
        }
        start += (values.count - start + step - 1) / step * step - values.count
      }
    }
    return sample
  }

  /// Bits of the magnitude at a place in ascending order, and how many magnitudes are less.
  private static func magnitude(at place: Int, of values: [Float]) -> (bits: Int32, below: Int) {
    var below = 0
    let bits = unsafe values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return UInt32(0) }
      return unsafe pare_select(start, values.count, place, &below)
    }
    return (Int32(bitPattern: bits), below)
  }

  /// What one read of some weights finds.
  private struct Found {
    var below = 0
    /// Weights inside of the window, and where they are.
    var values: [Float] = []
    var places: [UInt32] = []
  }

  /// Exact masks; nil where the cut is outside of the window, and when stopped.
  func masks(
    pruning count: Int, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> [Mask]? {
    var (masks, found): ([[UInt64]], [[Found]]) = ([], [])
    for tensor in tensors {
      var words = [UInt64](repeating: 0, count: (tensor.shape.count + 63) / 64)
      guard let parts = read(tensor, into: &words, threads, shouldStop) else { return nil }
      masks.append(words)
      found.append(parts)
    }
    var (rest, inside): (Int, [Float]) = (count, [])
    inside.reserveCapacity(found.joined().reduce(0) { $0 + $1.values.count })
    for part in found.joined() {
      rest -= part.below
      inside += part.values
    }
    guard rest > 0, rest <= inside.count else { return nil }
    let (cut, below) = Self.magnitude(at: rest - 1, of: inside)
    var ties = rest - below
    for index in masks.indices {
      Self.drop(found[index], upTo: cut, &ties, from: &masks[index], threads)
    }
    return zip(tensors, masks).map { Mask(shape: $0.shape, words: $1) }
  }

  /// Sets the bits of weights that are not below the window; nil when stopped.
  private func read(
    _ tensor: Tensor, into words: inout [UInt64], _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) -> [Found]? {
    let size = tensor.shape.count
    let found = Mutex([Found](repeating: Found(), count: Parallel.chunks(size)))
    let finished = unsafe words.withUnsafeMutableBufferPointer { words in
      guard let bits = words.baseAddress else { return true }
      let target = unsafe Shared(bits)
      return Parallel.forEach(
        count: Parallel.chunks(size), threads: threads, shouldStop: shouldStop
      ) { chunk in
        let range = Parallel.range(chunk, of: size)
        let part = unsafe read(
          range, of: tensor, into: target.pointer + range.lowerBound / UInt64.bitWidth)
        found.withLock { $0[chunk] = part }
      }
    }
    return finished ? found.withLock { $0 } : nil
  }

  /// Weights that are read into one room: what is larger comes from the system, as new pages.
  private static let piece = 1 << 12

  private func read(
    _ range: Range<Int>, of tensor: Tensor, into words: UnsafeMutablePointer<UInt64>
  ) -> Found {
    var part = Found()
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.piece) { values in
      unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.piece) { places in
        unsafe tensor.withUnsafeValues { all in
          guard let start = all.baseAddress, let room = values.baseAddress,
            let indices = places.baseAddress
          else { return }
          for first in stride(from: 0, to: range.count, by: Self.piece) {
            let taken = unsafe pare_collect(
              KernelLevel.best, start + range.lowerBound + first,
              min(Self.piece, range.count - first), low, high, words + first / UInt64.bitWidth,
              room, indices, &part.below)
            unsafe part.values.append(contentsOf: values[..<taken])
            for index in 0..<taken {
              unsafe part.places.append(UInt32(first) + indices[index])
            }
          }
        }
      }
    }
    return part
  }

  /// Clears the bits of weights less than the cut, and of the first `ties` that equal it.
  private static func drop(
    _ parts: [Found], upTo cut: Int32, _ ties: inout Int, from words: inout [UInt64],
    _ threads: Int
  ) {
    let tied = Mutex([Int](repeating: 0, count: parts.count))
    unsafe words.withUnsafeMutableBufferPointer { words in
      guard let bits = words.baseAddress else { return }
      let target = unsafe Shared(bits)
      Parallel.forEach(count: parts.count, threads: threads) { chunk in
        let first = unsafe target.pointer + chunk * Parallel.chunk / UInt64.bitWidth
        var count = 0
        for (value, place) in zip(parts[chunk].values, parts[chunk].places) {
          let magnitude = Int32(bitPattern: value.magnitude.bitPattern)
          if magnitude < cut {
            unsafe first[Int(place / 64)] &= ~(1 << UInt64(place % 64))
          } else if magnitude == cut {
            count += 1
          }
        }
        if count > 0 { tied.withLock { [count] in $0[chunk] = count } }
      }
    }
    for (chunk, count) in tied.withLock({ $0 }).enumerated() where count > 0 && ties > 0 {
      let first = chunk * Parallel.chunk / UInt64.bitWidth
      for (value, place) in zip(parts[chunk].values, parts[chunk].places)
      where ties > 0 && Int32(bitPattern: value.magnitude.bitPattern) == cut {
        words[first + Int(place / 64)] &= ~(1 << UInt64(place % 64))
        ties -= 1
      }
    }
  }
}
