/// Bytes of a pickle, taken one after the other; never past the end.
struct PickleReader {
  let bytes: Bytes
  /// Where the pickle begins in the file, for errors.
  let origin: Int
  private(set) var position = 0

  init(_ bytes: Bytes, origin: Int) {
    self.bytes = bytes
    self.origin = origin
  }

  /// Offset in the file of the next byte.
  var offset: Int { origin + position }

  mutating func byte() throws(CheckpointError) -> UInt8 { try number(UInt8.self) }

  mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(CheckpointError) -> T {
    let range = try take(MemoryLayout<T>.size)
    return bytes.load(T.self, at: range.lowerBound)
  }

  /// The next `count` bytes; none are copied.
  mutating func take(_ count: Int) throws(CheckpointError) -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else {
      throw .truncated(
        what: "the pickle", offset: offset, needed: count, available: bytes.count - position)
    }
    position += count
    return position - count..<position
  }

  /// Bytes whose count an 8-byte number gives.
  mutating func longRange() throws(CheckpointError) -> Range<Int> {
    let count = try number(UInt64.self)
    return try take(Int(clamping: count))
  }

  mutating func text(_ range: Range<Int>) throws(CheckpointError) -> String {
    guard let text = bytes[range].text else {
      throw .invalidPickle(offset: origin + range.lowerBound, reason: "text is not UTF-8")
    }
    return text
  }

  /// Text up to the end of the line.
  mutating func line() throws(CheckpointError) -> String {
    let start = position
    while position < bytes.count, bytes[position] != 0x0A { position += 1 }
    guard position < bytes.count else {
      throw .truncated(
        what: "a line of the pickle", offset: origin + start, needed: position - start + 1,
        available: position - start)
    }
    position += 1
    return try text(start..<position - 1)
  }

  /// A little-endian two's complement integer of any length.
  mutating func integer(byteCount: Int) throws(CheckpointError) -> PickleValue {
    let range = try take(byteCount)
    guard byteCount <= 8 else { return .hugeInteger }
    guard byteCount > 0 else { return .integer(0) }
    var bits: UInt64 = bytes[range.upperBound - 1] >= 0x80 ? .max : 0
    for index in range.reversed() { bits = bits << 8 | UInt64(bytes[index]) }
    return .integer(Int(Int64(bitPattern: bits)))
  }
}
