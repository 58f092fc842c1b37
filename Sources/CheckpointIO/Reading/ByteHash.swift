/// A hash of bytes, eight at a time, for tables that hold what a file names. Seed and factor
/// are others in each process, so that no file can be made of names that collide.
struct ByteHash {
  private static let seed = UInt64.random(in: .min ... .max)
  /// Odd, so that no bit is lost.
  private static let factor = UInt64.random(in: .min ... .max) | 1

  private var state: UInt64
  private let factor: UInt64

  /// `salt` tells apart what has the same bytes.
  init(salt: UInt64 = 0) {
    factor = Self.factor
    state = Self.seed &+ salt &* factor
  }

  /// The hash of some bytes.
  @inline(__always)
  static func of(_ bytes: Span<UInt8>, salt: UInt64 = 0) -> UInt32 {
    var hash = ByteHash(salt: salt)
    for offset in stride(from: 0, to: bytes.count, by: 8) { hash.combine(bytes.word(at: offset)) }
    return hash.value(count: bytes.count)
  }

  /// Takes in eight bytes.
  @inline(__always)
  mutating func combine(_ word: UInt64) {
    let product = (state ^ word).multipliedFullWidth(by: factor)
    state = product.high ^ product.low &+ word
  }

  /// The hash of all that was taken in, and of how many bytes that was.
  @inline(__always)
  func value(count: Int) -> UInt32 {
    let product = (state ^ UInt64(truncatingIfNeeded: count)).multipliedFullWidth(by: factor)
    return UInt32(truncatingIfNeeded: product.high ^ product.low ^ product.low >> 32)
  }
}
