/// The checksum of zip archives (PKWARE APPNOTE 4.4.7): CRC-32 of polynomial
/// 0xEDB88320, taken eight bytes at a time.
package struct CRC32 {
  private var state = UInt32.max

  package init() {}

  /// Of the bytes that were added.
  package var value: UInt32 { ~state }

  /// `tables[k][b]`: the checksum of the byte b and k zero bytes behind it.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
      tables[byte] = value
    }
    for place in 256..<8 * 256 {
      let before = tables[place - 256]
      tables[place] = tables[Int(before & 0xFF)] ^ before >> 8
    }
    return tables
  }()

  /// Goes on with more bytes.
  package mutating func add(_ bytes: Bytes) {
    var state = state
    unsafe Self.tables.withUnsafeBufferPointer { tables in
      unsafe bytes.withUnsafeBytes { bytes in
        let whole = bytes.count / 8 * 8
        for start in stride(from: 0, to: whole, by: 8) {
          let word = unsafe UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
          let mixed = word ^ UInt64(state)
          state = 0
          for place in 0..<8 {
            let byte = Int(truncatingIfNeeded: mixed >> UInt64(8 * place) & 0xFF)
            unsafe state ^= tables[(7 - place) * 256 + byte]
          }
        }
        for index in whole..<bytes.count {
          unsafe state = tables[Int((state ^ UInt32(bytes[index])) & 0xFF)] ^ state >> 8
        }
      }
    }
    self.state = state
  }
}
