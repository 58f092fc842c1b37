/// The order in which units go, as integers: 0 for those that are gone already,
/// else 1 + the score's 31 bits. Floats of one sign order like their bits.
typealias Rank = UInt32

/// Where a ranking is cut: all ranks below `rank` go, and of those equal to it
/// the first `ties`, in order.
struct Cut: Sendable, Hashable {
  var rank: Rank
  var ties: Int

  /// Nothing goes.
  static let nothing = Cut(rank: 0, ties: 0)

  /// All magnitudes up to `threshold` go.
  static func upTo(_ threshold: Double) -> Cut {
    let nearest = Float(threshold)
    let largest = Double(nearest) > threshold ? nearest.nextDown : nearest
    return largest < 0 ? nothing : Cut(rank: magnitudeRank(of: largest) + 1, ties: 0)
  }
}

/// The rank of a magnitude; the sign does not matter, NaN comes last.
@inline(__always)
func magnitudeRank(of value: Float) -> Rank { value.bitPattern & 0x7FFF_FFFF + 1 }

/// Finds the cut below which exactly `quota` ranks lie, by two histograms of 16
/// bits each: the ranks are streamed twice, never stored or sorted.
///
/// `each` calls its argument with all ranks, in runs of any length. O(count).
func cut(
  quota: Int, each: (_ body: (UnsafeBufferPointer<Rank>) throws -> Void) throws -> Void
) rethrows -> Cut {
  guard quota > 0 else { return .nothing }
  var counts = [Int](repeating: 0, count: 1 << 16)
  try unsafe each { ranks in
    for index in ranks.indices { unsafe counts[Int(ranks[index] >> 16)] += 1 }
  }
  let (high, before) = bucket(of: quota, in: counts)
  counts = [Int](repeating: 0, count: 1 << 16)
  try unsafe each { ranks in
    for index in ranks.indices {
      let rank = unsafe ranks[index]
      if rank >> 16 == UInt32(high) { counts[Int(rank & 0xFFFF)] += 1 }
    }
  }
  let (low, ties) = bucket(of: before, in: counts)
  return Cut(rank: UInt32(high) << 16 | UInt32(low), ties: ties)
}

/// The bucket that holds the `quota`-th entry, and how many entries of that
/// bucket belong to the first `quota`.
private func bucket(of quota: Int, in counts: [Int]) -> (index: Int, remaining: Int) {
  var remaining = quota
  for (index, count) in counts.enumerated() {
    if remaining <= count { return (index, remaining) }
    remaining -= count
  }
  return (counts.count - 1, remaining)
}
