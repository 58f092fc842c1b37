/// Goes through the fields of a protocol buffer message, of known numbers and
/// unknown ones.
///
///     | key: varint = number × 8 + wire type | varint, 8 bytes, length and bytes, or 4 bytes |
struct ProtobufReader {
  enum Value {
    case number(UInt64)
    case word(UInt32)
    case longWord
    case bytes(ArraySlice<UInt8>)
  }

  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// The next field; nil at the end. Throws `TokenizerError.malformed`.
  mutating func next() throws(TokenizerError) -> (number: UInt64, value: Value)? {
    guard !bytes.isEmpty else { return nil }
    let key = try varint()
    switch key & 7 {
    case 0: return (key >> 3, .number(try varint()))
    case 1:
      _ = try take(8)
      return (key >> 3, .longWord)
    case 2: return (key >> 3, .bytes(try take(try varint())))
    case 5:
      let word = try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      return (key >> 3, .word(word))
    case let type: throw invalid("unknown wire type \(type)")
    }
  }

  private func invalid(_ reason: String) -> TokenizerError {
    .malformed(place: "byte \(bytes.startIndex)", reason: reason)
  }

  private mutating func take(_ count: UInt64) throws(TokenizerError) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.count) else { throw invalid("field of \(count) bytes") }
    defer { bytes = bytes.dropFirst(Int(count)) }
    return bytes.prefix(Int(count))
  }

  private mutating func varint() throws(TokenizerError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = bytes.popFirst() else { throw invalid("the file ends in a number") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw invalid("number of more than 64 bits")
  }
}
