/// Reads a GGUF header from front to back. Every length is compared with the
/// bytes that are left before anything is done with it.
struct GGUFCursor {
  let file: Bytes
  private(set) var offset: Int

  init(_ file: Bytes, at offset: Int = 0) {
    self.file = file
    self.offset = offset
  }

  var remaining: Int { file.count - offset }

  /// A little-endian number. Throws `CheckpointError.truncated`.
  mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type = T.self, _ what: @autoclosure () -> String
  ) throws(CheckpointError) -> T {
    let range = try bytes(MemoryLayout<T>.size, what())
    return file.load(T.self, at: range.lowerBound)
  }

  /// So many bytes. Throws `CheckpointError.truncated`.
  mutating func bytes(_ count: Int, _ what: @autoclosure () -> String) throws(CheckpointError)
    -> Range<Int>
  {
    guard count <= remaining else {
      throw .truncated(what: what(), offset: offset, needed: count, available: remaining)
    }
    defer { offset += count }
    return offset..<offset + count
  }

  /// Where the bytes of a text are, behind its length.
  mutating func text(_ what: @autoclosure () -> String) throws(CheckpointError) -> Range<Int> {
    let length = try number(UInt64.self, what())
    return try bytes(Int(clamping: length), what())
  }

  /// A count of items of at least `size` bytes each; throws if they cannot fit in the rest.
  mutating func count(
    ofAtLeast size: Int, _ what: @autoclosure () -> String
  ) throws(CheckpointError) -> Int {
    let start = offset
    let count = try number(UInt64.self, what())
    guard count <= UInt64(remaining / size) else {
      let (needed, overflow) = Int(clamping: count).multipliedReportingOverflow(by: size)
      throw .truncated(
        what: what(), offset: start, needed: overflow ? .max : needed, available: remaining)
    }
    return Int(count)
  }
}
