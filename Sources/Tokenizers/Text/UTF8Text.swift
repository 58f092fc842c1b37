/// A character in UTF-8 bytes: its scalar and how many bytes it takes. A byte that
/// belongs to no character is U+FFFD, one byte long.
struct DecodedScalar {
  var value: UInt32
  var length: Int

  static let replacement = DecodedScalar(value: 0xFFFD, length: 1)
}

/// The character at an offset (The Unicode Standard, table 3-7). `end` bounds it.
@inline(__always)
func decodeScalar(_ text: Span<UInt8>, at offset: Int, end: Int) -> DecodedScalar {
  let first = text[offset]
  if first < 0x80 { return DecodedScalar(value: UInt32(first), length: 1) }
  return decodeLongScalar(text, at: offset, end: end)
}

@inline(never)
func decodeLongScalar(_ text: Span<UInt8>, at offset: Int, end: Int) -> DecodedScalar {
  let first = UInt32(text[offset])
  let length: Int
  switch first {
  case 0xC2...0xDF: length = 2
  case 0xE0...0xEF: length = 3
  case 0xF0...0xF4: length = 4
  default: return .replacement
  }
  guard offset + length <= end else { return .replacement }
  var value = first & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
  for position in offset + 1..<offset + length {
    let byte = UInt32(text[position])
    guard byte & 0xC0 == 0x80 else { return .replacement }
    value = value << 6 | byte & 0x3F
  }
  let isShortest = length == 2 || value >= (length == 3 ? 0x800 : 0x10000)
  guard isShortest, value <= 0x10FFFF, !(0xD800...0xDFFF).contains(value) else {
    return .replacement
  }
  return DecodedScalar(value: value, length: length)
}

/// Where the character before an offset starts; never below `start`.
func previousScalar(_ text: Span<UInt8>, before offset: Int, start: Int) -> Int {
  var first = offset - 1
  while first > start, offset - first < 4, text[first] & 0xC0 == 0x80 { first -= 1 }
  let isWhole = decodeScalar(text, at: first, end: offset).length == offset - first
  return isWhole ? first : offset - 1
}

/// Appends a scalar as UTF-8; surrogates and values past U+10FFFF become U+FFFD.
func appendScalar(_ value: UInt32, to bytes: inout [UInt8]) {
  if value < 0x80 {
    bytes.append(UInt8(value))
  } else {
    bytes.append(contentsOf: UTF8.encode(Unicode.Scalar(value) ?? "\u{FFFD}")!)
  }
}

/// The scalars of UTF-8 bytes.
package func scalars(of bytes: some Sequence<UInt8>) -> [UInt32] {
  let bytes = Array(bytes)
  let text = bytes.span
  var scalars: [UInt32] = []
  var offset = 0
  while offset < bytes.count {
    let scalar = decodeScalar(text, at: offset, end: bytes.count)
    scalars.append(scalar.value)
    offset += scalar.length
  }
  return scalars
}

/// UTF-8 of scalars.
func utf8(of scalars: some Sequence<UInt32>) -> [UInt8] {
  var bytes: [UInt8] = []
  for scalar in scalars { appendScalar(scalar, to: &bytes) }
  return bytes
}
