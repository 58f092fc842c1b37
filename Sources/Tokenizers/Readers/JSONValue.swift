/// JSON (RFC 8259) as a tree.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  public struct Member: Sendable, Equatable {
    public let key: String
    public let value: JSONValue
  }

  /// A member of an object; the last of several of one name.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  public var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  public var flag: Bool? {
    guard case .bool(let flag) = self else { return nil }
    return flag
  }

  public var elements: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  public var members: [Member]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  public var real: Double? {
    guard case .number(let number) = self else { return nil }
    return number
  }

  /// A number without a fraction that fits.
  public var integer: Int? { real.flatMap { Int(exactly: $0) } }
}

/// Reads JSON and trusts nothing: errors have the offset of the byte that does not
/// belong.
public struct JSONParser {
  static let nestingLimit = 64
  /// Values of a tree: Gemma 3's tokenizer.json has 1.8 million.
  static let valueLimit = 1 << 23

  private let bytes: [UInt8]
  private var offset = 0
  private var count = 0

  public static func parse(_ bytes: [UInt8]) throws(TokenizerError) -> JSONValue {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 0)
    guard parser.peek() == nil else { throw parser.invalid("text after the end") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func invalid(_ reason: String) -> TokenizerError {
    .malformed(place: "byte \(offset)", reason: reason)
  }

  private mutating func peek() -> UInt8? {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return bytes[offset]
      }
    }
    return nil
  }

  private mutating func consume(_ mark: UInt8) -> Bool {
    guard peek() == mark else { return false }
    offset += 1
    return true
  }

  private mutating func value(depth: Int) throws(TokenizerError) -> JSONValue {
    guard depth < Self.nestingLimit else {
      throw .limitExceeded(what: "levels of JSON", limit: Self.nestingLimit)
    }
    count += 1
    guard count <= Self.valueLimit else {
      throw .limitExceeded(what: "values in JSON", limit: Self.valueLimit)
    }
    switch peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    default: return try word()
    }
  }

  private mutating func object(depth: Int) throws(TokenizerError) -> JSONValue {
    offset += 1
    var members: [JSONValue.Member] = []
    if consume(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      guard peek() == UInt8(ascii: "\"") else { throw invalid("name expected") }
      let key = try string()
      guard consume(UInt8(ascii: ":")) else { throw invalid("':' expected") }
      members.append(JSONValue.Member(key: key, value: try value(depth: depth + 1)))
    } while consume(UInt8(ascii: ","))
    guard consume(UInt8(ascii: "}")) else { throw invalid("'}' expected") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(TokenizerError) -> JSONValue {
    offset += 1
    var elements: [JSONValue] = []
    if consume(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try value(depth: depth + 1)) } while consume(UInt8(ascii: ","))
    guard consume(UInt8(ascii: "]")) else { throw invalid("']' expected") }
    return .array(elements)
  }

  private mutating func word() throws(TokenizerError) -> JSONValue {
    let first = offset
    while offset < bytes.count, isWordByte(bytes[offset]) { offset += 1 }
    let text = String(decoding: bytes[first..<offset], as: UTF8.self)
    switch text {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    default:
      // Python writes infinities, which the standard lacks; Double(_:) reads them.
      guard let number = Double(text) else {
        offset = first
        throw invalid("value expected")
      }
      return .number(number)
    }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
    default: false
    }
  }

  private mutating func string() throws(TokenizerError) -> String {
    offset += 1
    let first = offset
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        return try text(bytes[first..<offset - 1])
      case UInt8(ascii: "\\"): return try escapedString(from: first)
      case 0..<0x20: throw invalid("control character in a string")
      default: offset += 1
      }
    }
    throw invalid("string without an end")
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(TokenizerError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw invalid("text is not UTF-8")
    }
    return text
  }

  private mutating func escapedString(from first: Int) throws(TokenizerError) -> String {
    var units = Array(bytes[first..<offset])
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return try text(units[...])
      case UInt8(ascii: "\\"): appendScalar(try escape(), to: &units)
      case 0..<0x20: throw invalid("control character in a string")
      default: units.append(byte)
      }
    }
    throw invalid("string without an end")
  }

  private mutating func escape() throws(TokenizerError) -> UInt32 {
    guard offset < bytes.count else { throw invalid("string without an end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt32(byte)
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw invalid("unknown escape in a string")
    }
  }

  /// Half a surrogate pair becomes U+FFFD when it is appended.
  private mutating func unicodeEscape() throws(TokenizerError) -> UInt32 {
    let first = try hexadecimal()
    guard (0xD800...0xDBFF).contains(first), offset + 6 <= bytes.count,
      bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
    else { return first }
    let start = offset
    offset += 2
    let second = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(second) else {
      offset = start
      return first
    }
    return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
  }

  private mutating func hexadecimal() throws(TokenizerError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard offset < bytes.count else { throw invalid("four hexadecimal digits expected") }
      let byte = bytes[offset]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
      default: throw invalid("four hexadecimal digits expected")
      }
      offset += 1
    }
    return value
  }
}
