public import TestSupport

/// Damages bytes as transmission, malice and bad writers do.
public enum Mutation {
  /// Some seeds are numbers and some are text: what each is sensitive to.
  private static let marks = Array("0123456789-.,:[]{}\"'\\\n ~!&*#|>eE".utf8)
  private static let numbers: [UInt64] = [
    0, 1, .max, 1 << 63, .max >> 1, 1 << 31, 1 << 32, 0xFFFF_FFFF, 1 << 40,
  ]

  /// A copy with one to four changes; `other` is what pieces may come from.
  public static func of(
    _ bytes: [UInt8], _ other: [UInt8], _ random: inout SplitMix64
  ) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes, other, &random) }
    return bytes
  }

  private static func change(
    _ bytes: inout [UInt8], _ other: [UInt8], _ random: inout SplitMix64
  ) {
    guard !bytes.isEmpty else {
      bytes = other
      return
    }
    let offset = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(offset + Int.random(in: 1...16, using: &random), bytes.count)
    switch Int.random(in: 0..<9, using: &random) {
    case 0: bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[offset] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes[offset] = marks.randomElement(using: &random) ?? 0
    case 3:
      let number = ZipBytes.little(numbers.randomElement(using: &random) ?? 0, 8)
      let width = min([1, 2, 4, 8].randomElement(using: &random) ?? 1, bytes.count - offset)
      bytes.replaceSubrange(offset..<offset + width, with: number[..<width])
    case 4: bytes.removeSubrange(offset..<end)
    case 5: bytes.insert(contentsOf: bytes[offset..<end], at: offset)
    case 6: bytes.removeSubrange(offset...)
    case 7:
      let digits = String(numbers.randomElement(using: &random) ?? 0)
      bytes.replaceSubrange(offset..<end, with: Array(digits.utf8))
    default:
      guard !other.isEmpty else { return }
      let start = Int.random(in: 0..<other.count, using: &random)
      let piece = other[start..<min(start + end - offset, other.count)]
      bytes.replaceSubrange(offset..<end, with: piece)
    }
  }
}
