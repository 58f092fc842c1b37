/// A cursor over the plain part of JSON: punctuation, ASCII without escapes, lengths. What it
/// does not know is nil or false; it says nothing of where and why.
struct PlainText {
  private let bytes: Bytes
  private(set) var offset: Int

  /// No number of more digits is read, so none overflows.
  private static let digitLimit = 18

  init(_ bytes: Bytes, at offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  /// Consumes a punctuation mark, and white space before it, if it is next.
  @inline(__always)
  mutating func take(_ mark: Unicode.Scalar) -> Bool {
    if offset < bytes.count, bytes[offset] == UInt8(ascii: mark) {
      offset += 1
      return true
    }
    return takeBehindSpace(UInt8(ascii: mark))
  }

  /// Consumes a comma, which is true, or the mark that ends a list; nil for anything else.
  @inline(__always)
  mutating func takeComma(orEnd mark: Unicode.Scalar) -> Bool? {
    if offset < bytes.count, bytes[offset] == UInt8(ascii: mark) {
      offset += 1
      return false
    }
    return take(",") ? true : take(mark) ? false : nil
  }

  @inline(never)
  private mutating func takeBehindSpace(_ mark: UInt8) -> Bool {
    while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    guard offset < bytes.count, bytes[offset] == mark else { return false }
    offset += 1
    return true
  }

  /// The text up to the closing quote, which is consumed, and its hash.
  @inline(__always)
  mutating func name(_ hash: ByteHash) -> (range: Range<Int>, hash: UInt32)? {
    let start = offset
    var hash = hash
    while true {
      let word = bytes.word(at: offset)
      let marks = Self.marks(in: word)
      if marks == 0 {
        hash.combine(word)
        offset += 8
        continue
      }
      let length = marks.trailingZeroBitCount / 8
      let end = offset + length
      guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
      if length > 0 { hash.combine(word & (1 << UInt64(8 * length) - 1)) }
      offset = end + 1
      return (start..<end, hash.value(count: end - start))
    }
  }

  /// The text up to the closing quote, which is consumed, where it has at most seven bytes.
  @inline(__always)
  mutating func word() -> UInt64? {
    let word = bytes.word(at: offset)
    let marks = Self.marks(in: word)
    guard marks != 0 else { return nil }
    let length = marks.trailingZeroBitCount / 8
    guard offset + length < bytes.count, bytes[offset + length] == UInt8(ascii: "\"") else {
      return nil
    }
    offset += length + 1
    return word & (1 << UInt64(8 * length) - 1)
  }

  /// Consumes a text of up to eight bytes if it is next.
  @inline(__always)
  mutating func take(_ text: PlainWord) -> Bool {
    guard bytes.word(at: offset) & text.mask == text.word else { return false }
    offset += text.count
    return true
  }

  /// A number that is a length.
  @inline(__always)
  mutating func length() -> Int? {
    let first = offset
    var number = 0
    while offset < bytes.count, case let digit = bytes[offset] &- 0x30, digit < 10 {
      number = number &* 10 &+ Int(digit)
      offset += 1
    }
    let count = offset - first
    if count == 0 { return lengthBehindSpace() }
    return count <= Self.digitLimit ? number : nil
  }

  @inline(never)
  private mutating func lengthBehindSpace() -> Int? {
    let first = offset
    while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    return offset > first ? length() : nil
  }

  /// The highest bit of each byte that ends plain text: a quote, a backslash, a control
  /// character or no ASCII. Exact up to the first one.
  @inline(__always)
  private static func marks(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high = ones << 7
    let quotes = word ^ ones &* 0x22
    let backslashes = word ^ ones &* 0x5C
    let found =
      (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
      | (word &- ones &* 0x20) & ~word | word
    return found & high
  }
}

/// Up to eight bytes of text as a number, to compare in one step.
struct PlainWord {
  let word: UInt64
  let mask: UInt64
  let count: Int

  init(_ text: String) {
    count = text.utf8.count
    precondition(count <= 8)
    word = text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    mask = count == 8 ? .max : 1 << UInt64(8 * count) - 1
  }
}
