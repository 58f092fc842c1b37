/// A cursor over JSON text (RFC 8259) that trusts nothing: it throws with the
/// offset of the first byte that does not belong, and never goes deeper than
/// `nestingLimit`.
///
/// One pass, no tree unless `value()` is asked for one, so that a header of
/// 100,000 tensors costs little more than reading it.
package struct JSONCursor {
  /// As deep as any header or configuration has a reason to be.
  static let nestingLimit = 64
  /// Values that trees are made of: a hundred thousand packed tensors have a
  /// million. A few bytes of text make a value of many in memory.
  static let valueLimit = 4 << 20

  private let bytes: Bytes
  /// Added to offsets in errors: where `bytes` begins in the file.
  private let origin: Int
  private(set) var offset = 0
  private var valueCount = 0

  package init(_ bytes: Bytes, origin: Int = 0) {
    self.bytes = bytes
    self.origin = origin
  }

  /// The next byte that is no white space, not yet consumed; 0 at the end.
  mutating func peek() -> UInt8 {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      case let byte: return byte
      }
    }
    return 0
  }

  /// Goes on at an offset up to which the text was read otherwise.
  mutating func skip(to offset: Int) { self.offset = offset }

  /// Consumes one punctuation mark.
  mutating func expect(_ mark: Unicode.Scalar) throws(CheckpointError) {
    guard peek() == UInt8(ascii: mark) else { throw invalid("'\(mark)' expected") }
    offset += 1
  }

  /// Consumes a punctuation mark if it is next.
  mutating func consume(_ mark: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: mark) else { return false }
    offset += 1
    return true
  }

  /// Goes through an object: `body` gets each key and must consume its value.
  mutating func object(
    _ body: (inout JSONCursor, String) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    if consume("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try body(&self, key)
    } while consume(",")
    try expect("}")
  }

  /// Goes through an array: `body` must consume each element.
  mutating func array(
    _ body: (inout JSONCursor) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("[")
    if consume("]") { return }
    repeat { try body(&self) } while consume(",")
    try expect("]")
  }

  /// A string with its escapes resolved.
  mutating func string() throws(CheckpointError) -> String {
    try expect("\"")
    let first = offset
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x22:
        let text = bytes[first..<offset].text
        offset += 1
        guard let text else { throw invalid("text is not UTF-8") }
        return text
      case 0x5C: return try escapedString(from: first)
      case 0..<0x20: throw invalid("control character in a string")
      default: offset += 1
      }
    }
    throw invalid("string without an end")
  }

  /// An integer of 64 bits; a fraction or an exponent is refused.
  mutating func integer() throws(CheckpointError) -> Int {
    let first = peek()
    let isNegative = first == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    let start = offset
    var magnitude = 0
    while offset < bytes.count, case 0x30...0x39 = bytes[offset] {
      let (tens, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(bytes[offset] - 0x30))
      guard !overflow, !carry else { throw invalid("number exceeds 64 bits") }
      magnitude = sum
      offset += 1
    }
    guard offset > start else { throw invalid("integer expected") }
    if offset < bytes.count, [0x2E, 0x65, 0x45].contains(bytes[offset]) {
      throw invalid("integer expected, found a fraction")
    }
    return isNegative ? -magnitude : magnitude
  }

  /// The text after the value, which may only be white space.
  mutating func end() throws(CheckpointError) {
    _ = peek()
    guard offset == bytes.count else { throw invalid("text after the end") }
  }

  /// Any value as a tree.
  mutating func value(depth: Int = 0) throws(CheckpointError) -> JSON {
    guard depth < JSONCursor.nestingLimit else {
      throw invalid("nested deeper than \(JSONCursor.nestingLimit)")
    }
    valueCount += 1
    guard valueCount <= JSONCursor.valueLimit else {
      throw .limitExceeded(what: "the number of values in JSON", limit: JSONCursor.valueLimit)
    }
    switch peek() {
    case UInt8(ascii: "{"):
      var members: [JSON.Member] = []
      try object { (cursor, key) throws(CheckpointError) in
        members.append(JSON.Member(key: key, value: try cursor.value(depth: depth + 1)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSON] = []
      try array { (cursor) throws(CheckpointError) in
        elements.append(try cursor.value(depth: depth + 1))
      }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    default: return try word()
    }
  }

  func invalid(_ reason: String) -> CheckpointError {
    .invalidJSON(offset: origin + offset, reason: reason)
  }

  private mutating func word() throws(CheckpointError) -> JSON {
    let first = offset
    while offset < bytes.count, isWordByte(bytes[offset]) { offset += 1 }
    let text = bytes[first..<offset].text ?? ""
    switch text {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    // Python writes these into JSON although the standard has none.
    case "NaN", "Infinity", "-Infinity": return .number(text)
    default:
      guard let head = text.utf8.first, head == 0x2D || (0x30...0x39).contains(head),
        Double(text) != nil
      else {
        offset = first
        throw invalid("value expected")
      }
      return .number(text)
    }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
    default: false
    }
  }

  private mutating func escapedString(from first: Int) throws(CheckpointError) -> String {
    var units: [UInt8] = []
    unsafe bytes[first..<offset].withUnsafeBytes { unsafe units.append(contentsOf: $0) }
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case 0x22:
        guard let text = String(validating: units, as: UTF8.self) else {
          throw invalid("text is not UTF-8")
        }
        return text
      case 0x5C: units.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw invalid("control character in a string")
      default: units.append(byte)
      }
    }
    throw invalid("string without an end")
  }

  private mutating func escape() throws(CheckpointError) -> Unicode.Scalar {
    guard offset < bytes.count else { throw invalid("string without an end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw invalid("unknown escape")
    }
  }

  private mutating func unicodeEscape() throws(CheckpointError) -> Unicode.Scalar {
    let unit = try fourHexDigits()
    guard (0xD800..<0xDC00).contains(unit) else {
      guard let scalar = Unicode.Scalar(unit) else { throw invalid("half a surrogate pair") }
      return scalar
    }
    guard offset + 1 < bytes.count, bytes[offset] == 0x5C,
      bytes[offset + 1] == UInt8(ascii: "u")
    else { throw invalid("half a surrogate pair") }
    offset += 2
    let low = try fourHexDigits()
    guard (0xDC00..<0xE000).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    else { throw invalid("half a surrogate pair") }
    return scalar
  }

  private mutating func fourHexDigits() throws(CheckpointError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw invalid("string without an end") }
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
        throw invalid("hexadecimal digit expected")
      }
      unit = unit << 4 | UInt32(digit)
      offset += 1
    }
    return unit
  }
}

/// A JSON value; numbers keep their spelling.
package enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([Member])

  package struct Member: Sendable, Hashable {
    let key: String
    let value: JSON
  }

  /// Parses a whole text.
  package init(_ bytes: Bytes) throws(CheckpointError) {
    var cursor = JSONCursor(bytes)
    self = try cursor.value()
    try cursor.end()
  }

  /// A member of an object; the last of several of one name.
  package subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// The words of a scalar (`384`, `true`, `gelu`); nil for the others.
  package var scalarText: String? {
    switch self {
    case .bool(let flag): flag ? "true" : "false"
    case .number(let text), .string(let text): text
    case .null, .array, .object: nil
    }
  }

  /// The texts of a list of numbers, flags and strings.
  var scalars: [String]? {
    guard case .array(let elements) = self else { return nil }
    let texts = elements.compactMap(\.scalarText)
    return texts.count == elements.count ? texts : nil
  }

  package var integer: Int? {
    guard case .number(let text) = self else { return nil }
    return Int(text)
  }

  package var strings: [String]? {
    guard case .array(let elements) = self else { return nil }
    var strings: [String] = []
    for element in elements {
      guard case .string(let text) = element else { return nil }
      strings.append(text)
    }
    return strings
  }
}
