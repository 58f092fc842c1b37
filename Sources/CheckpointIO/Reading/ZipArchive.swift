/// The directory of a zip archive (PKWARE APPNOTE 6.3), with zip64. Bytes of stored
/// entries are those of the file.
///
///     ┌─────────────┬─────────┬─────┬───────────────────┬──────────────┐
///     │ local header│ payload │  …  │ central directory │ end record   │
///     │ 30 + n + x  │         │     │ 46 + n + x + c    │ 22 + comment │
///     └─────────────┴─────────┴─────┴───────────────────┴──────────────┘
///
/// Sizes come from the central directory (PyTorch's local headers may say 0),
/// the payload's start from the local header, whose extra field differs.
struct ZipArchive: Sendable {
  struct Entry: Sendable, Hashable {
    /// The method of deflated entries; stored ones have 0.
    static let deflated: UInt16 = 8

    let name: String
    let method: UInt16
    /// In the archive.
    let range: Range<Int>
    /// Of the file that the entry stands for.
    let plainCount: UInt64
  }

  /// In the order of the directory.
  let entries: [Entry]
  private let positions: [String: Int]

  private static let localSignature: UInt32 = 0x0403_4B50
  private static let entrySignature: UInt32 = 0x0201_4B50
  private static let endSignature: UInt32 = 0x0605_4B50
  private static let end64Signature: UInt32 = 0x0606_4B50
  private static let locator64Signature: UInt32 = 0x0706_4B50

  static func recognizes(_ file: Bytes) -> Bool {
    file.count >= 4 && file.load(UInt32.self, at: 0) == localSignature
  }

  init(_ file: Bytes) throws(CheckpointError) {
    let directory = try ZipArchive.directory(of: file)
    var entries: [Entry] = []
    var positions: [String: Int] = [:]
    var offset = directory.lowerBound
    while offset < directory.upperBound {
      let entry = try ZipArchive.entry(in: file, at: &offset, end: directory.upperBound)
      guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
        throw .invalidZip(offset: offset, reason: "entry \(entry.name.quoted) is listed twice")
      }
      entries.append(entry)
    }
    self.entries = entries
    self.positions = positions
  }

  /// Where in the file an entry's bytes are.
  func range(of name: String) throws(CheckpointError) -> Range<Int> {
    guard let position = positions[name] else { throw .missingEntry(name: name) }
    guard entries[position].method == 0 else { throw .compressedEntry(name: name) }
    return entries[position].range
  }

  func contains(_ name: String) -> Bool { positions[name] != nil }

  private static func directory(of file: Bytes) throws(CheckpointError) -> Range<Int> {
    guard let end = endRecord(of: file) else {
      throw .truncated(
        what: "the zip archive's directory", offset: file.count, needed: 22, available: 0)
    }
    var size = UInt64(file.load(UInt32.self, at: end + 12))
    var start = UInt64(file.load(UInt32.self, at: end + 16))
    var limit = end
    if let end64 = try end64Record(of: file, before: end) {
      size = file.load(UInt64.self, at: end64 + 40)
      start = file.load(UInt64.self, at: end64 + 48)
      limit = end64
    }
    guard start <= UInt64(limit), size <= UInt64(limit) - start else {
      throw .invalidZip(offset: end, reason: "the directory lies outside the file")
    }
    return Int(start)..<Int(start + size)
  }

  /// The end record is last, before a comment of up to 65,535 bytes.
  private static func endRecord(of file: Bytes) -> Int? {
    guard file.count >= 22 else { return nil }
    let first = max(0, file.count - 22 - 0xFFFF)
    return (first...file.count - 22).reversed().first { offset in
      file.load(UInt32.self, at: offset) == endSignature
        && Int(file.load(UInt16.self, at: offset + 20)) == file.count - offset - 22
    }
  }

  private static func end64Record(
    of file: Bytes, before end: Int
  ) throws(CheckpointError) -> Int? {
    guard end >= 20, file.load(UInt32.self, at: end - 20) == locator64Signature else {
      return nil
    }
    let offset = file.load(UInt64.self, at: end - 12)
    guard end >= 76, offset <= UInt64(end - 76),
      file.load(UInt32.self, at: Int(offset)) == end64Signature
    else {
      throw .invalidZip(offset: end - 20, reason: "the zip64 record is not where it should be")
    }
    return Int(offset)
  }

  private static func entry(
    in file: Bytes, at offset: inout Int, end: Int
  ) throws(CheckpointError) -> Entry {
    let start = offset
    guard end - start >= 46, file.load(UInt32.self, at: start) == entrySignature else {
      throw .invalidZip(offset: start, reason: "a directory entry was expected")
    }
    let lengths = [28, 30, 32].map { Int(file.load(UInt16.self, at: start + $0)) }
    let (nameLength, extraLength) = (lengths[0], lengths[1])
    guard end - start - 46 >= lengths.reduce(0, +) else {
      throw .invalidZip(offset: start, reason: "the entry reaches past the directory")
    }
    guard let name = file[start + 46..<start + 46 + nameLength].text else {
      throw .invalidZip(offset: start + 46, reason: "the entry's name is not UTF-8")
    }
    offset = start + 46 + lengths.reduce(0, +)
    var sizes = Sizes(file, at: start)
    let extra = start + 46 + nameLength
    try sizes.widen(file[extra..<extra + extraLength], at: extra)
    guard file.load(UInt16.self, at: start + 8) & 1 == 0 else {
      throw .invalidZip(offset: start, reason: "entry \(name.quoted) is encrypted")
    }
    let method = file.load(UInt16.self, at: start + 10)
    guard method != 0 || sizes.packed == sizes.plain else {
      throw .invalidZip(offset: start, reason: "entry \(name.quoted) has two sizes")
    }
    return Entry(
      name: name, method: method, range: try payload(of: name, sizes, in: file),
      plainCount: sizes.plain)
  }

  private static func payload(
    of name: String, _ sizes: Sizes, in file: Bytes
  ) throws(CheckpointError) -> Range<Int> {
    guard file.count >= 30, sizes.offset <= UInt64(file.count - 30),
      file.load(UInt32.self, at: Int(sizes.offset)) == localSignature
    else {
      throw .invalidZip(
        offset: Int(clamping: sizes.offset), reason: "entry \(name.quoted) does not begin there")
    }
    let local = Int(sizes.offset)
    let start =
      local + 30 + Int(file.load(UInt16.self, at: local + 26))
      + Int(file.load(UInt16.self, at: local + 28))
    guard start <= file.count, sizes.packed <= UInt64(file.count - start) else {
      throw .truncated(
        what: "zip entry \(name.quoted)", offset: start, needed: Int(clamping: sizes.packed),
        available: max(0, file.count - start))
    }
    return start..<start + Int(sizes.packed)
  }

  /// An entry's sizes and place; 0xFFFFFFFF means that the extra field with
  /// identifier 1 has the 64-bit number, in this order.
  private struct Sizes {
    var plain: UInt64
    var packed: UInt64
    var offset: UInt64

    init(_ file: Bytes, at start: Int) {
      packed = UInt64(file.load(UInt32.self, at: start + 20))
      plain = UInt64(file.load(UInt32.self, at: start + 24))
      offset = UInt64(file.load(UInt32.self, at: start + 42))
    }

    mutating func widen(_ extra: Bytes, at origin: Int) throws(CheckpointError) {
      let unknown = UInt64(UInt32.max)
      guard plain == unknown || packed == unknown || offset == unknown else { return }
      var position = 0
      while position + 4 <= extra.count {
        let identifier = extra.load(UInt16.self, at: position)
        let end = position + 4 + Int(extra.load(UInt16.self, at: position + 2))
        guard end <= extra.count else { break }
        if identifier == 1 {
          var at = position + 4
          for field in [\Sizes.plain, \Sizes.packed, \Sizes.offset]
          where self[keyPath: field] == unknown && at + 8 <= end {
            self[keyPath: field] = extra.load(UInt64.self, at: at)
            at += 8
          }
          return
        }
        position = end
      }
      throw .invalidZip(offset: origin, reason: "an entry lacks its zip64 sizes")
    }
  }
}
