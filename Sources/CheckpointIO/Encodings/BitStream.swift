/// Numbers of any width one after the other, least significant bit first.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var waiting: UInt64 = 0
  private var filled: UInt64 = 0

  var bitCount: Int { 8 * bytes.count + Int(filled) }

  /// The low `width` bits of a number; width 0…32.
  mutating func write(_ number: UInt64, width: Int) {
    guard width > 0 else { return }
    waiting |= (number & (1 << UInt64(width) - 1)) << filled
    filled += UInt64(width)
    while filled >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: waiting))
      waiting >>= 8
      filled -= 8
    }
  }

  mutating func write(_ flag: Bool) { write(flag ? 1 : 0, width: 1) }

  mutating func write(_ value: Float) { write(UInt64(value.bitPattern), width: 32) }

  /// A number from 0 up in Elias's gamma code of n + 1 = 2^k + rest: k zeros, a
  /// one, and the k bits of the rest; 1 bit for 0, 3 for 1 and 2, 5 for 3…6.
  mutating func writeCount(_ number: Int) {
    let value = UInt64(number) + 1
    let width = 63 - value.leadingZeroBitCount
    for _ in 0..<width { write(false) }
    write(true)
    write(value, width: min(width, 32))
    write(value >> 32, width: max(width - 32, 0))
  }

  /// A number of either sign: 0, −1, 1, −2, … as counts 0, 1, 2, 3, …
  mutating func writeSigned(_ number: Int) {
    writeCount(number < 0 ? -2 * number - 1 : 2 * number)
  }

  /// All bytes, the last one filled up with zeros.
  consuming func finished() -> [UInt8] {
    if filled > 0 { bytes.append(UInt8(truncatingIfNeeded: waiting)) }
    return bytes
  }
}

/// What a `BitWriter` wrote. Behind the end there are zeros; whoever reads asks
/// `isOverrun` before using what it got.
struct BitReader {
  private let source: Bytes
  private(set) var position = 0

  init(_ source: Bytes) { self.source = source }

  var isOverrun: Bool { position > 8 * source.count }
  /// The first byte of which nothing has been read.
  var byteOffset: Int { (position + 7) / 8 }
  var bitsLeft: Int { 8 * source.count - position }

  /// A number of `width` bits, 0…32.
  mutating func read(width: Int) -> UInt64 {
    guard width > 0 else { return 0 }
    let first = position / 8
    var bits: UInt64 = 0
    for byte in 0..<(position % 8 + width + 7) / 8 where first + byte < source.count {
      bits |= UInt64(source[first + byte]) << UInt64(8 * byte)
    }
    bits >>= UInt64(position % 8)
    position += width
    return bits & (1 << UInt64(width) - 1)
  }

  mutating func readFlag() -> Bool { read(width: 1) == 1 }

  mutating func readFloat() -> Float { Float(bitPattern: UInt32(read(width: 32))) }

  /// A number that `writeCount` wrote; nil if the bits end first, or begin with 48 zeros.
  mutating func readCount() -> Int? {
    var width = 0
    while !readFlag() {
      width += 1
      guard width < 48, !isOverrun else { return nil }
    }
    let low = read(width: min(width, 32))
    let high = read(width: max(width - 32, 0))
    return isOverrun ? nil : Int(1 << UInt64(width) | high << 32 | low) - 1
  }

  mutating func readSigned() -> Int? {
    readCount().map { $0 % 2 == 1 ? -($0 / 2) - 1 : $0 / 2 }
  }
}
