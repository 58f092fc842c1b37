/// SHA-256 (FIPS 180-4), to compare values with digests that others computed.
public enum SHA256 {
  private static let primes: [Int] = {
    var primes: [Int] = []
    var candidate = 2
    while primes.count < 64 {
      if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes
  }()

  /// First 32 bits of the fraction of a prime's cube root (section 4.2.2) or
  /// square root (5.3.3), found without rounding by integer bisection.
  private static func fraction(ofRoot degree: Int, _ number: Int) -> UInt32 {
    var (low, high) = (UInt64(0), UInt64(1) << 36)
    while high - low > 1 {
      let middle = (low + high) / 2
      if power(middle, degree) <= scaled(number, degree) { low = middle } else { high = middle }
    }
    return UInt32(truncatingIfNeeded: low)
  }

  private static func power(_ base: UInt64, _ degree: Int) -> UInt128 {
    (0..<degree).reduce(UInt128(1)) { product, _ in product * UInt128(base) }
  }

  private static func scaled(_ number: Int, _ degree: Int) -> UInt128 {
    UInt128(number) << UInt128(32 * degree)
  }

  private static let constants = primes.map { fraction(ofRoot: 3, $0) }
  private static let start = primes.prefix(8).map { fraction(ofRoot: 2, $0) }

  /// The digest of bytes, in hexadecimal.
  public static func digest(_ message: [UInt8]) -> String {
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    let bits = UInt64(message.count) * 8
    padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * $0)) }
    var state = start
    for block in stride(from: 0, to: padded.count, by: 64) {
      compress(padded[block..<block + 64], into: &state)
    }
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private static func compress(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
    var words = [UInt32](repeating: 0, count: 64)
    for (index, byte) in block.enumerated() {
      words[index / 4] = words[index / 4] << 8 | UInt32(byte)
    }
    for index in 16..<64 {
      let (a, b) = (words[index - 15], words[index - 2])
      words[index] =
        words[index - 16] &+ words[index - 7] &+ (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3)
        &+ (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10)
    }
    var s = state
    for index in 0..<64 {
      let (a, e) = (s[0], s[4])
      let first =
        s[7] &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ (e & s[5] ^ ~e & s[6])
        &+ constants[index] &+ words[index]
      let second =
        (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ (a & s[1] ^ a & s[2] ^ s[1] & s[2])
      s = [first &+ second, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    for index in 0..<8 { state[index] &+= s[index] }
  }

  private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word >> count | word << (32 - count)
  }
}
