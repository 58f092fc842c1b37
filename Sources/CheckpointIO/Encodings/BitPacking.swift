/// Numbers of `bits` bits one after the other, least significant bit first,
/// without padding between them; code `i` begins at bit `i × bits`.
enum BitPacking {
  /// Counts of tensors fit in 58 bits (`Shape.init(checking:)`), so no overflow.
  static func byteCount(_ count: Int, bits: Int) -> Int {
    let total = count * bits
    return total / 8 + (total % 8 == 0 ? 0 : 1)
  }

  static func pack(_ codes: [UInt8], bits: Int) -> [UInt8] {
    var packed: [UInt8] = []
    packed.reserveCapacity(byteCount(codes.count, bits: bits))
    var waiting: UInt32 = 0
    var filled: UInt32 = 0
    for code in codes {
      waiting |= UInt32(code) << filled
      filled += UInt32(bits)
      while filled >= 8 {
        packed.append(UInt8(truncatingIfNeeded: waiting))
        waiting >>= 8
        filled -= 8
      }
    }
    if filled > 0 { packed.append(UInt8(truncatingIfNeeded: waiting)) }
    return packed
  }

  /// The first `count` codes; the bytes must hold that many.
  static func unpack(_ packed: Bytes, bits: Int, count: Int) -> [UInt8] {
    let mask = UInt32(1) << UInt32(bits) - 1
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      var waiting: UInt32 = 0
      var filled: UInt32 = 0
      var next = 0
      for index in 0..<count {
        if filled < UInt32(bits) {
          waiting |= UInt32(packed[next]) << filled
          next += 1
          filled += 8
        }
        unsafe target.initializeElement(at: index, to: UInt8(truncatingIfNeeded: waiting & mask))
        waiting >>= UInt32(bits)
        filled -= UInt32(bits)
      }
      initialized = count
    }
  }
}
