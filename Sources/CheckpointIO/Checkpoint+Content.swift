internal import Tensors

extension Checkpoint {
  /// Bytes from the start, where most formats have their header, and from the end, where
  /// zip archives have theirs.
  private static let headByteCount = 256 << 10
  private static let tailByteCount = 64 << 10
  /// Two fine-tunings of one model have the same header and size: a few of the weights tell
  /// them apart.
  private static let sampleCount = 32
  private static let sampleByteCount = 512

  /// Tells this checkpoint from others by what it holds, whatever its name, place and times:
  /// a hash of its size, of the headers of all its files, and of a few samples of the weights.
  ///
  /// Reads less than half a megabyte, and 4 KiB more for each shard.
  public var contentKey: UInt64 {
    var key = Fingerprint()
    key.add(UInt64(fileByteCount))
    for start in bytes.owner.fileStarts { add(start..<start + 4096, to: &key) }
    add(0..<Self.headByteCount, to: &key)
    add(bytes.count - Self.tailByteCount..<bytes.count, to: &key)
    let distance = bytes.count / (Self.sampleCount + 1)
    for number in 1...Self.sampleCount {
      add(number * distance..<number * distance + Self.sampleByteCount, to: &key)
    }
    return key.value
  }

  /// Adds the part of `range` that there is.
  private func add(_ range: Range<Int>, to key: inout Fingerprint) {
    let part = bytes[range.clamped(to: 0..<bytes.count)]
    unsafe part.withUnsafeBytes { unsafe key.add($0) }
  }
}
