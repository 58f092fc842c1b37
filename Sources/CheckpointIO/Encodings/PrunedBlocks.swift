internal import Tensors

/// The blocks that a file has a matrix in, of which a pass has left every weight as it was
/// or made it 0: so they can be kept, whatever the format.
struct PrunedBlocks: Sendable {
  let format: BlockFormat
  /// As the file has them.
  let stored: [UInt8]
  let kept: Mask
  /// Whether no weight is another than before.
  let isWhole: Bool
  /// nil of formats whose weights share bits.
  let coding: BlockCoding?
  /// The blocks that have a kept weight, ascending.
  let live: [Int]

  /// nil where the weights come from no blocks, or are others now. `kept` are the weights
  /// that are not +0, and maybe some that are.
  init?(_ parameter: Parameter, _ values: Tensor, kept: Mask) {
    guard let origin = parameter.origin, !parameter.isTransposed,
      let stored = try? origin.read(),
      stored.count == origin.format.byteCount(of: parameter.shape),
      values.shape == parameter.shape, kept.shape.count == values.shape.count
    else { return nil }
    let likeness = values.likeness(to: stored, origin.format, keeping: kept)
    guard likeness != .other else { return nil }
    format = origin.format
    self.stored = stored
    self.kept = kept
    isWhole = likeness == .same
    coding = BlockCoding.of(format)
    live = Self.liveBlocks(kept, format)
  }

  /// Whether blocks alone give every value back: pruned ones have a code for 0, or no kept
  /// one beside them.
  var holdZeros: Bool {
    isWhole || coding?.zero != nil || live.count * format.weightCount == kept.keptCount
  }

  /// Blocks with a bit of the mask, ascending.
  static func liveBlocks(_ kept: Mask, _ format: BlockFormat) -> [Int] {
    let words = kept.words
    // A block is half a word, or whole ones.
    return (0..<kept.shape.count / format.weightCount).filter { block in
      let first = block * format.weightCount
      if format.weightCount == 32 {
        return words[first / 64] >> UInt64(first % 64) & 0xFFFF_FFFF != 0
      }
      return (first / 64..<(first + format.weightCount) / 64).contains { words[$0] != 0 }
    }
  }

  /// What of a block is no code.
  static func side(_ format: BlockFormat, _ coding: BlockCoding?) -> [Range<Int>] {
    coding?.side ?? [0..<format.byteCount]
  }

  /// What of the live blocks is no code.
  var side: [UInt8] {
    let ranges = Self.side(format, coding)
    var side: [UInt8] = []
    side.reserveCapacity(sideByteCount)
    for block in live {
      let start = block * format.byteCount
      for range in ranges {
        side += stored[start + range.lowerBound..<start + range.upperBound]
      }
    }
    return side
  }

  var sideByteCount: Int {
    live.count * Self.side(format, coding).reduce(0) { $0 + $1.count }
  }

  /// The blocks with pruned weights as 0, or where the format has no code for that as near
  /// to it as their block allows; blocks of pruned weights alone are 0 in every format.
  /// Kept weights have their codes and scales. nil where weights share bits, and a block
  /// has some of either kind.
  func edited() -> (bytes: [UInt8], isExact: Bool)? {
    if isWhole { return (stored, true) }
    var bytes = stored
    let zeros = [UInt8](repeating: 0, count: format.byteCount)
    var next = live[...]
    for block in 0..<stored.count / format.byteCount {
      if next.first == block {
        next = next.dropFirst()
      } else {
        let start = block * format.byteCount
        bytes.replaceSubrange(start..<start + format.byteCount, with: zeros)
      }
    }
    bytes = coding?.pruned(bytes, keeping: kept) ?? bytes
    if coding?.zero != nil { return (bytes, true) }
    let (before, after) = (tensor(of: stored), tensor(of: bytes))
    let isExact = before.flatMap { after?.isPruned($0, keeping: kept) } ?? false
    return isExact || coding != nil ? (bytes, isExact) : nil
  }

  private func tensor(of bytes: [UInt8]) -> Tensor? {
    unsafe bytes.withUnsafeBytes { unsafe Tensor(kept.shape, dequantizing: $0, from: format) }
  }
}
