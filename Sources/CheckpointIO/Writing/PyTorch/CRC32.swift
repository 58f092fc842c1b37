internal import CZlib

/// The checksum of zip archives (PKWARE APPNOTE 4.4.7): CRC-32 of polynomial
/// 0xEDB88320, by zlib.
package struct CRC32 {
  /// Of the bytes that were added.
  package private(set) var value: UInt32 = 0

  package init() {}

  /// Goes on with more bytes.
  package mutating func add(_ bytes: Bytes) {
    value = unsafe bytes.withUnsafeBytes { unsafe pare_crc32(value, $0.baseAddress, $0.count) }
  }
}
