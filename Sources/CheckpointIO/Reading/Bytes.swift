internal import Glibc
package import Tensors

/// A window onto bytes in memory, checked at every access, that keeps what it
/// looks at alive. All reading of files goes through it.
///
/// `@unchecked Sendable`: the bytes are never written while a window exists.
@safe
package struct Bytes: FileBytes, @unchecked Sendable {
  private let mapping: Mapping
  private let start: UnsafePointer<UInt8>
  package let count: Int

  private init(mapping: Mapping, start: UnsafePointer<UInt8>, count: Int) {
    self.mapping = mapping
    unsafe self.start = unsafe start
    self.count = count
  }

  /// The whole of a mapping.
  package init(_ mapping: Mapping) {
    unsafe self.init(mapping: mapping, start: mapping.start, count: mapping.count)
  }

  /// A copy of an array's bytes, for tests and for text made in memory.
  package init(_ array: [UInt8]) { self.init(Mapping(copying: array)) }

  /// Keeps the memory alive: what a borrowing `Tensor` holds on to.
  package var owner: Mapping { mapping }

  /// The byte at an offset; a precondition stops one outside.
  @inline(__always)
  package subscript(offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < count)
    return unsafe start[offset]
  }

  /// The part in `range`, which must lie inside.
  package subscript(range: Range<Int>) -> Bytes {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe Bytes(mapping: mapping, start: start + range.lowerBound, count: range.count)
  }

  /// The little-endian number at an offset, on any alignment.
  @inline(__always)
  package func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type = T.self, at offset: Int
  ) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    return T(
      littleEndian: unsafe UnsafeRawPointer(start + offset).loadUnaligned(as: T.self))
  }

  /// The little-endian number in up to eight bytes from an offset on, 0 for what lies behind
  /// the end: text is compared and hashed in steps of eight.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    if offset <= count - 8 { return load(UInt64.self, at: offset) }
    var word: UInt64 = 0
    for index in stride(from: count - 1, through: offset, by: -1) {
      word = word << 8 | UInt64(self[index])
    }
    return word
  }

  /// Reads the bytes in one go: the system is told before and after, and that the
  /// file is still the one that was opened is checked. Throws what `read` throws,
  /// and `CheckpointError.changed`.
  func reading<R>(_ read: () throws(CheckpointError) -> R) throws(CheckpointError) -> R {
    mapping.expect(range)
    let result = try read()
    try mapping.check(range)
    mapping.forget(range)
    return result
  }

  /// The bytes in memory of their own. Throws `CheckpointError.changed`.
  func copy() throws(CheckpointError) -> [UInt8] {
    try reading { unsafe withUnsafeBytes { unsafe Array($0) } }
  }

  /// Tells the system that they are needed soon.
  func expect() { mapping.expect(range) }

  /// Tells it that they are not, for now.
  func forget() { mapping.forget(range) }

  /// Throws `CheckpointError.changed` when the file is no longer what was opened.
  package func check() throws(CheckpointError) { try mapping.check(range) }

  /// The mapped files that they are of.
  package var files: FileKey { FileKey(mapping, mapping.files(of: range)) }

  /// Where the bytes are in their mapping.
  private var range: Range<Int> {
    let first = unsafe start - mapping.start
    return first..<first + count
  }

  /// Whether both hold the same bytes; reads them.
  package func isEqual(to other: Bytes) -> Bool {
    unsafe count == other.count && memcmp(start, other.start, count) == 0
  }

  /// Whether the bytes begin with an ASCII text.
  package func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { prefix in
      unsafe memcmp(start, prefix.baseAddress!, prefix.count) == 0
    }
  }

  /// The bytes as text; nil if they are not UTF-8.
  package var text: String? {
    unsafe withUnsafeBytes {
      unsafe String(validating: $0.bindMemory(to: UInt8.self), as: UTF8.self)
    }
  }

  /// The text of bytes in `range` that are known to be ASCII.
  func ascii(_ range: Range<Int>) -> String {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let text = unsafe UnsafeBufferPointer(start: start + range.lowerBound, count: range.count)
    return unsafe String(decoding: text, as: UTF8.self)
  }

  /// The bytes themselves, for the conversions to f32.
  package func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
    let result = unsafe try body(bytes)
    extendLifetime(mapping)
    return result
  }
}
