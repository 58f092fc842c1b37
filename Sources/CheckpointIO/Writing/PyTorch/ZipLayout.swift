/// A zip archive of stored entries that is going to be written (PKWARE APPNOTE 6.3;
/// `ZipArchive` draws it). As in PyTorch's own files every payload begins at a
/// multiple of 64 bytes, which a padding field in the local header sees to, and
/// there is a zip64 end record.
struct ZipLayout {
  struct Entry: Sendable {
    let name: String
    let byteCount: Int
    /// Of the local header.
    let start: Int
    /// Of the payload.
    let offset: Int

    var end: Int { offset + byteCount }
  }

  static let alignment = 64
  private static let localByteCount = 30
  private static let centralByteCount = 46
  private static let endByteCount = 56 + 20 + 22
  /// In 32 bits this means that a zip64 field has the number.
  private static let wide = 0xFFFF_FFFF
  private static let zip64Field: UInt16 = 1
  /// PyTorch's own identifier of padding: "FB".
  private static let paddingField: UInt16 = 0x4246
  /// What reads zip64.
  private static let version: UInt16 = 45
  /// The first of January 1980, the earliest there is: archives of the same tensors
  /// are the same bytes.
  private static let date: UInt16 = 0x0021

  private(set) var entries: [Entry] = []

  mutating func add(_ name: String, byteCount: Int) {
    let start = entries.last?.end ?? 0
    let least =
      start + Self.localByteCount + name.utf8.count + (byteCount >= Self.wide ? 20 : 0) + 4
    let offset = (least + Self.alignment - 1) / Self.alignment * Self.alignment
    entries.append(Entry(name: name, byteCount: byteCount, start: start, offset: offset))
  }

  /// Of the whole archive.
  var byteCount: Int {
    entries.reduce((entries.last?.end ?? 0) + Self.endByteCount) {
      $0 + Self.centralByteCount + $1.name.utf8.count + Self.wideField($1).count
    }
  }

  /// What stands before an entry's payload, which it reaches up to.
  static func localHeader(_ entry: Entry, checksum: UInt32) -> [UInt8] {
    var extra: [UInt8] = []
    let isWide = entry.byteCount >= wide
    if isWide {
      extra = bytes(zip64Field) + bytes(UInt16(16))
      extra += bytes(UInt64(entry.byteCount)) + bytes(UInt64(entry.byteCount))
    }
    let rest =
      entry.offset - entry.start - localByteCount - entry.name.utf8.count - extra.count - 4
    extra += bytes(paddingField) + bytes(UInt16(rest))
    extra += [UInt8](repeating: UInt8(ascii: "Z"), count: rest)
    var header = bytes(UInt32(0x0403_4B50)) + common(checksum)
    let size = UInt32(isWide ? wide : entry.byteCount)
    header += bytes(size) + bytes(size)
    header += bytes(UInt16(entry.name.utf8.count)) + bytes(UInt16(extra.count))
    return header + Array(entry.name.utf8) + extra
  }

  /// The one that a local header has.
  static func checksum(of header: [UInt8]) -> UInt32 {
    Bytes(header).load(UInt32.self, at: 14)
  }

  /// What stands behind the last payload.
  func directory(checksums: [UInt32]) -> [UInt8] {
    let start = entries.last?.end ?? 0
    var bytes: [UInt8] = []
    for (entry, checksum) in zip(entries, checksums) {
      let extra = Self.wideField(entry)
      let size = UInt32(min(entry.byteCount, Self.wide))
      bytes += Self.bytes(UInt32(0x0201_4B50)) + Self.bytes(Self.version)
      bytes += Self.common(checksum) + Self.bytes(size) + Self.bytes(size)
      bytes += Self.bytes(UInt16(entry.name.utf8.count)) + Self.bytes(UInt16(extra.count))
      // No comment, disk 0, no attributes.
      bytes += [UInt8](repeating: 0, count: 2 + 2 + 2 + 4)
      bytes += Self.bytes(UInt32(min(entry.start, Self.wide)))
      bytes += Array(entry.name.utf8) + extra
    }
    return bytes + Self.end(start: start, byteCount: bytes.count, count: entries.count)
  }

  /// From the version needed to the checksum: stored, no flags.
  private static func common(_ checksum: UInt32) -> [UInt8] {
    bytes(version) + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(date)
      + bytes(checksum)
  }

  /// The numbers of a directory entry that need 64 bits.
  private static func wideField(_ entry: Entry) -> [UInt8] {
    var numbers: [UInt8] = []
    if entry.byteCount >= wide {
      numbers += bytes(UInt64(entry.byteCount)) + bytes(UInt64(entry.byteCount))
    }
    if entry.start >= wide { numbers += bytes(UInt64(entry.start)) }
    return numbers.isEmpty ? [] : bytes(zip64Field) + bytes(UInt16(numbers.count)) + numbers
  }

  /// The zip64 end record, its locator, and the end record.
  private static func end(start: Int, byteCount: Int, count: Int) -> [UInt8] {
    var end = bytes(UInt32(0x0606_4B50)) + bytes(UInt64(44))
    end += bytes(version) + bytes(version) + bytes(UInt32(0)) + bytes(UInt32(0))
    end += bytes(UInt64(count)) + bytes(UInt64(count))
    end += bytes(UInt64(byteCount)) + bytes(UInt64(start))
    end += bytes(UInt32(0x0706_4B50)) + bytes(UInt32(0))
    end += bytes(UInt64(start + byteCount)) + bytes(UInt32(1))
    let shown = UInt16(min(count, 0xFFFF))
    end += bytes(UInt32(0x0605_4B50)) + bytes(UInt16(0)) + bytes(UInt16(0))
    end += bytes(shown) + bytes(shown)
    end += bytes(UInt32(min(byteCount, wide))) + bytes(UInt32(min(start, wide)))
    return end + bytes(UInt16(0))
  }

  private static func bytes<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
    GGUFWriter.bytes(number)
  }
}
