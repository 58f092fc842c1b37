internal import Tensors

extension Prune {
  /// Keeps the N largest scores of each M consecutive ones in a row, of equal ones
  /// the last. nil when stopped.
  func largestOfEachGroup(
    _ scores: Tensor, threads: Int, shouldStop: @Sendable () -> Bool
  ) -> Mask? {
    let (rows, columns) = (scores.shape.rows, scores.shape.columns)
    var words = [UInt64](repeating: 0, count: (scores.shape.count + 63) / 64)
    // 64 rows begin and end on a word, whatever the columns.
    let band = 64
    let finished = unsafe words.withUnsafeMutableBufferPointer { words in
      let words = unsafe Shared(words)
      return Parallel.forEach(
        count: Parallel.chunks(rows, of: band), threads: threads, shouldStop: shouldStop
      ) { index in
        unsafe scores.withUnsafeValues { scores in
          for row in Parallel.range(index, of: rows, size: band) {
            for start in stride(from: row * columns, to: (row + 1) * columns, by: m) {
              let group = start..<min(start + m, (row + 1) * columns)
              let kept =
                unsafe group.count == 4
                ? largestOfFour(scores, start) : largest(of: scores, group)
              unsafe Self.set(kept, at: start, words.pointer)
            }
          }
        }
      }
    }
    return finished ? Mask(shape: scores.shape, words: words) : nil
  }

  /// A bit for each of at most 64 scores: whether it is among those that stay.
  @inline(__always)
  private func largest(of scores: UnsafeBufferPointer<Float>, _ group: Range<Int>) -> UInt64 {
    let keep = keepCount(ofGroup: group.count)
    var kept: UInt64 = 0
    for index in group {
      let own = unsafe scores[index].magnitude.bitPattern
      var before = 0
      for other in group {
        let score = unsafe scores[other].magnitude.bitPattern
        if score > own || (score == own && other > index) { before += 1 }
      }
      if before < keep { kept |= 1 << UInt64(index - group.lowerBound) }
    }
    return kept
  }

  /// The same for four scores, without branches.
  @inline(__always)
  private func largestOfFour(_ scores: UnsafeBufferPointer<Float>, _ start: Int) -> UInt64 {
    let keep = keepCount(ofGroup: 4)
    let a = unsafe scores[start].magnitude.bitPattern
    let b = unsafe scores[start + 1].magnitude.bitPattern
    let c = unsafe scores[start + 2].magnitude.bitPattern
    let d = unsafe scores[start + 3].magnitude.bitPattern
    let (ab, ac, ad) = (b >= a ? 1 : 0, c >= a ? 1 : 0, d >= a ? 1 : 0)
    let (bc, bd, cd) = (c >= b ? 1 : 0, d >= b ? 1 : 0, d >= c ? 1 : 0)
    let bits =
      (ab + ac + ad < keep ? 1 : 0) | (1 - ab + bc + bd < keep ? 2 : 0)
      | (2 - ac - bc + cd < keep ? 4 : 0) | (3 - ad - bd - cd < keep ? 8 : 0)
    return UInt64(bits)
  }

  /// Sets bits from `position` on; they may reach into the next word.
  @inline(__always)
  private static func set(
    _ bits: UInt64, at position: Int, _ words: UnsafeMutableBufferPointer<UInt64>
  ) {
    let (word, shift) = (position >> 6, UInt64(position & 63))
    unsafe words[word] |= bits << shift
    let rest = shift == 0 ? 0 : bits >> (64 - shift)
    if rest != 0 { unsafe words[word + 1] |= rest }
  }
}
