internal import Tensors

/// The header of a GGUF file (github.com/ggml-org/ggml, `docs/gguf.md`).
///
///     ┌──────┬─────────┬─────────┬────────┬──────────┬──────────────┬────┬──────┐
///     │ GGUF │ version │ tensors │ pairs  │ pairs    │ tensor infos │ 0… │ data │
///     └──────┴─────────┴─────────┴────────┴──────────┴──────────────┴────┴──────┘
///     0      4: u32    8: u64    16: u64  24                      aligned
///
///     pair          key, u32 kind, value          text          u64 length, bytes
///     tensor info   name, u32 axes, u64 lengths   array         u32 kind, u64 count,
///                   (the row's first), u32 type,                elements
///                   u64 offset in the data
struct GGUFHeader {
  /// One tensor's info as it stands there.
  struct Info {
    let name: String
    /// Innermost first.
    let lengths: [UInt64]
    let type: UInt32
    /// From the start of the data.
    let offset: UInt64
    /// Of the info in the file.
    let place: Int
  }

  let metadata: GGUFMetadata
  let infos: [Info]
  let alignment: Int
  let dataStart: Int

  static let magic: StaticString = "GGUF"
  /// What the format takes where the file says nothing.
  static let defaultAlignment = 32
  static let alignmentKey = "general.alignment"
  /// ggml's own.
  static let axisLimit = 4
  static let pairLimit = 1 << 16
  static let nestingLimit = 4

  /// Reads the whole header. Throws for whatever no writer makes.
  init(_ file: Bytes) throws(CheckpointError) {
    var cursor = GGUFCursor(file, at: 4)
    let version = try cursor.number(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      throw .unsupportedFormat(name: Self.name(ofVersion: version))
    }
    // Name, number of axes, type and offset; key, kind and value.
    let tensorCount = try cursor.count(ofAtLeast: 24, "the number of tensors")
    guard tensorCount <= CheckpointIndex.tensorLimit else {
      throw .limitExceeded(what: "the number of tensors", limit: CheckpointIndex.tensorLimit)
    }
    let pairCount = try cursor.count(ofAtLeast: 13, "the number of metadata pairs")
    guard pairCount <= Self.pairLimit else {
      throw .limitExceeded(what: "the number of metadata pairs", limit: Self.pairLimit)
    }
    metadata = try Self.pairs(pairCount, &cursor)
    alignment = try Self.alignment(metadata)
    infos = try Self.infos(tensorCount, &cursor)
    let padding = (alignment - cursor.offset % alignment) % alignment
    dataStart = cursor.offset + padding
  }

  private static func name(ofVersion version: UInt32) -> String {
    if version.byteSwapped < 1 << 16 { return "a GGUF file with big-endian numbers" }
    return "a GGUF file of version \(version), where versions 2 and 3 are read"
  }

  private static func pairs(
    _ count: Int, _ cursor: inout GGUFCursor
  ) throws(CheckpointError) -> GGUFMetadata {
    var entries: [GGUFMetadata.Entry] = []
    var keys: Set<String> = []
    var keyBytes = 0
    for _ in 0..<count {
      let place = cursor.offset
      let key = try name(&cursor, of: "a metadata key", total: &keyBytes)
      guard keys.insert(key).inserted else {
        throw .invalidGGUF(offset: place, reason: "the key \(key.quoted) is there twice")
      }
      let kind = try kind(&cursor)
      let start = cursor.offset
      try skip(kind, &cursor, key: key, depth: 0)
      entries.append(GGUFMetadata.Entry(key: key, kind: kind, bytes: start..<cursor.offset))
    }
    return GGUFMetadata(cursor.file, entries)
  }

  private static func kind(
    _ cursor: inout GGUFCursor
  ) throws(CheckpointError) -> GGUFMetadata.Kind {
    let place = cursor.offset
    let number = try cursor.number(UInt32.self, "a metadata type")
    guard let kind = GGUFMetadata.Kind(rawValue: number) else {
      throw .invalidGGUF(offset: place, reason: "there is no metadata type \(number)")
    }
    return kind
  }

  /// Goes past a value, so that it can be read later without a check.
  private static func skip(
    _ kind: GGUFMetadata.Kind, _ cursor: inout GGUFCursor, key: String, depth: Int
  ) throws(CheckpointError) {
    if let size = kind.byteCount {
      _ = try cursor.bytes(size, "metadata \(key.quoted)")
    } else if kind == .text {
      _ = try cursor.text("metadata \(key.quoted)")
    } else {
      try skipArray(&cursor, key: key, depth: depth)
    }
  }

  private static func skipArray(
    _ cursor: inout GGUFCursor, key: String, depth: Int
  ) throws(CheckpointError) {
    guard depth < nestingLimit else {
      throw .limitExceeded(what: "the nesting of metadata \(key.quoted)", limit: nestingLimit)
    }
    let element = try kind(&cursor)
    if let size = element.byteCount {
      let count = try cursor.count(ofAtLeast: size, "metadata \(key.quoted)")
      _ = try cursor.bytes(count * size, "metadata \(key.quoted)")
      return
    }
    // A length; a kind and a count.
    let smallest = element == .text ? 8 : 12
    let what = "metadata \(key.quoted)"
    for _ in 0..<(try cursor.count(ofAtLeast: smallest, what)) {
      if element == .text {
        _ = try cursor.text(what)
      } else {
        try skipArray(&cursor, key: key, depth: depth + 1)
      }
    }
  }

  private static func alignment(_ metadata: GGUFMetadata) throws(CheckpointError) -> Int {
    guard let entry = metadata.entry(alignmentKey) else { return defaultAlignment }
    guard case .unsigned(let number) = metadata[alignmentKey], number > 0,
      number & (number - 1) == 0, number <= 1 << 30
    else {
      throw .invalidGGUF(
        offset: entry.bytes.lowerBound,
        reason: "\(alignmentKey) is \(metadata.shown(entry).shown), which is not a power of two")
    }
    return Int(number)
  }

  private static func infos(
    _ count: Int, _ cursor: inout GGUFCursor
  ) throws(CheckpointError) -> [Info] {
    var infos: [Info] = []
    infos.reserveCapacity(count)
    var nameBytes = 0
    for _ in 0..<count {
      let place = cursor.offset
      let name = try name(&cursor, of: "a tensor", total: &nameBytes)
      let axes = try cursor.number(UInt32.self, "tensor \(name.quoted)")
      guard axes <= axisLimit else { throw .tooManyDimensions(tensor: name, limit: axisLimit) }
      var lengths: [UInt64] = []
      for _ in 0..<axes {
        lengths.append(try cursor.number(UInt64.self, "tensor \(name.quoted)"))
      }
      let type = try cursor.number(UInt32.self, "tensor \(name.quoted)")
      let offset = try cursor.number(UInt64.self, "tensor \(name.quoted)")
      infos.append(Info(name: name, lengths: lengths, type: type, offset: offset, place: place))
    }
    return infos
  }

  private static func name(
    _ cursor: inout GGUFCursor, of what: String, total: inout Int
  ) throws(CheckpointError) -> String {
    let range = try cursor.text("the name of \(what)")
    guard range.count <= CheckpointIndex.nameLimit else {
      throw .limitExceeded(
        what: "the length of \(what)'s name", limit: CheckpointIndex.nameLimit)
    }
    total += range.count
    guard total <= CheckpointIndex.nameBytesLimit else {
      throw .limitExceeded(
        what: "the length of all names", limit: CheckpointIndex.nameBytesLimit)
    }
    guard let name = cursor.file[range].text else {
      throw .invalidGGUF(offset: range.lowerBound, reason: "the name of \(what) is not UTF-8")
    }
    return name
  }
}
