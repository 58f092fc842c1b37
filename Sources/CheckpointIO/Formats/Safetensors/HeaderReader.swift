/// Reads the header of a safetensors file.
struct HeaderReader {
  private let header: Bytes
  private let dataStart: Int
  private let fileCount: Int
  private var index = CheckpointIndex()
  private var names: HeaderNames
  private var plain: PlainEntryReader
  /// Behind the last byte of the tensors so far, while each begins where the one before ends.
  private var contiguousEnd: Int?

  /// A tensor's entry is hardly ever shorter.
  private static let usualEntry = 100

  /// The index of what the header lists.
  static func index(_ header: Bytes, fileCount: Int) throws(CheckpointError) -> CheckpointIndex {
    var reader = HeaderReader(header, fileCount: fileCount)
    var failure: CheckpointError?
    do throws(CheckpointError) { try reader.read() } catch { failure = error }
    // A name that is there twice was so before anything else was wrong.
    if let name = reader.names.firstRepeated() { throw .duplicateTensor(name: name) }
    if let failure { throw failure }
    try reader.checkLayout()
    return reader.index
  }

  private init(_ header: Bytes, fileCount: Int) {
    self.header = header
    self.fileCount = fileCount
    dataStart = 8 + header.count
    names = HeaderNames(header)
    plain = PlainEntryReader(header, dataStart: dataStart, fileCount: fileCount)
    contiguousEnd = dataStart
    index.tensors.reserveCapacity(header.count / Self.usualEntry)
    if header.count > 0, header[0] != UInt8(ascii: "{") {
      index.warnings.append("the header does not begin with '{', as the format demands")
    }
  }

  private mutating func read() throws(CheckpointError) {
    var cursor = JSONCursor(header, origin: 8)
    try cursor.expect("{")
    if !cursor.consume("}") {
      repeat {
        if let entry = plain.entry(at: cursor.offset) {
          cursor.skip(to: entry.end)
          names.add(entry.name, hash: entry.hash)
          try add(entry.tensor)
        } else {
          try readEntry(&cursor)
        }
      } while cursor.consume(",")
      try cursor.expect("}")
    }
    try cursor.end()
  }

  /// The metadata, or a tensor that is not plain.
  private mutating func readEntry(_ cursor: inout JSONCursor) throws(CheckpointError) {
    let name = try cursor.string()
    try cursor.expect(":")
    try CheckpointIndex.checkName(name, of: "a tensor")
    names.add(name)
    if name == "__metadata__" { return try readMetadata(&cursor) }
    let entry = try HeaderEntry(&cursor, name: name)
    let tensor = try entry.tensor(dataStart: dataStart, fileCount: fileCount)
    try add(tensor)
  }

  private mutating func readMetadata(_ cursor: inout JSONCursor) throws(CheckpointError) {
    try cursor.object { (cursor, key) throws(CheckpointError) in
      let value = try cursor.value(depth: 2)
      if case .string(let text) = value {
        index.metadata[key] = text
      } else {
        index.warn("metadata \(key.quoted) is not text, as the format demands")
        if let text = value.scalarText { index.metadata[key] = text }
      }
    }
  }

  private mutating func add(_ tensor: IndexedTensor) throws(CheckpointError) {
    contiguousEnd =
      contiguousEnd == tensor.byteRange.lowerBound ? tensor.byteRange.upperBound : nil
    try index.add(tensor)
  }

  /// Data must be used from its first byte to its last, without overlap;
  /// bytes after the last tensor are only warned about.
  private mutating func checkLayout() throws(CheckpointError) {
    let end =
      if let contiguousEnd { contiguousEnd } else { try HeaderLayout.end(index, dataStart) }
    if end < fileCount {
      index.warnings.append("\(fileCount - end) bytes follow the last tensor")
    }
  }
}

/// The layout of tensors that the header does not list in the order of their data.
private enum HeaderLayout {
  private struct Extent {
    let begin: Int
    let end: Int
    let position: Int
  }

  /// Behind the last byte of the data. Throws for an overlap and for a gap.
  static func end(_ index: CheckpointIndex, _ dataStart: Int) throws(CheckpointError) -> Int {
    var extents: [Extent] = []
    extents.reserveCapacity(index.tensors.count)
    for position in index.tensors.indices {
      let range = index.tensors[position].byteRange
      extents.append(Extent(begin: range.lowerBound, end: range.upperBound, position: position))
    }
    let isOrdered = zip(extents, extents.dropFirst()).allSatisfy { $0.end <= $1.begin }
    if !isOrdered {
      extents.sort { ($0.begin, $0.end, $0.position) < ($1.begin, $1.end, $1.position) }
    }
    var end = dataStart
    var previous: Int?
    for extent in extents {
      let name = { index.tensors[extent.position].name }
      guard extent.begin >= end else {
        let other = previous.map { index.tensors[$0].name } ?? ""
        throw .overlap(tensor: name(), other: other)
      }
      guard extent.begin == end else {
        throw .gap(tensor: name(), begin: extent.begin - dataStart, expected: end - dataStart)
      }
      end = extent.end
      previous = extent.position
    }
    return end
  }
}
