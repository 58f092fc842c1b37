internal import Tensors

/// A record after the last byte of a file that is being written: which save writes it and
/// how many of its tensors are on the disk, so that a save that was stopped or killed can
/// resume.
///
///     8 bytes  "PAREPART"
///     8 bytes  which save it is: a fingerprint of file header, sources and recipe
///     8 bytes  tensors that are whole
///     8 bytes  FNV-1a of the three
///
/// Numbers are little-endian. The file loses it when it is put in its place.
struct PartialSave: Equatable {
  static let byteCount = 32
  private static let magic = Array("PAREPART".utf8)

  let fingerprint: UInt64
  let tensorCount: Int

  init(fingerprint: UInt64, tensorCount: Int) {
    self.fingerprint = fingerprint
    self.tensorCount = tensorCount
  }

  /// nil for anything that was not written as such.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic) else { return nil }
    let numbers = Bytes(bytes)
    guard numbers.load(UInt64.self, at: 24) == Fingerprint(of: bytes[..<24]).value,
      let count = Int(exactly: numbers.load(UInt64.self, at: 16))
    else { return nil }
    self.init(fingerprint: numbers.load(UInt64.self, at: 8), tensorCount: count)
  }

  var bytes: [UInt8] {
    let front = Self.magic + Self.bytes(of: fingerprint) + Self.bytes(of: UInt64(tensorCount))
    return front + Self.bytes(of: Fingerprint(of: front).value)
  }

  private static func bytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
  }
}
