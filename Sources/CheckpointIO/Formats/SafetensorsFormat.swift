internal import Tensors

/// safetensors (specification: github.com/huggingface/safetensors).
///
///     ┌──────────┬───────────────────────────────┬──────────────────────┐
///     │ n: u64LE │ n bytes of JSON, begins with { │ data, without gaps   │
///     └──────────┴───────────────────────────────┴──────────────────────┘
///     0          8                               8 + n
///
///     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
///      "__metadata__": {"key": "text"}}
///
/// Offsets count from the end of the header. Tensors may lie on any alignment.
package enum SafetensorsFormat: CheckpointFormat {
  package static let name = "safetensors"
  /// The specification's limit for the header, in bytes.
  static let headerLimit = 100_000_000
  /// Far beyond any tensor, and few enough that a shape costs nothing.
  static let dimensionLimit = 64

  package static func recognizes(_ file: Bytes) -> Bool {
    guard file.count > 8, file.load(UInt64.self, at: 0) <= UInt64(headerLimit) else {
      return false
    }
    return startsObject(file[8..<min(file.count, 8 + 64)])
  }

  /// Whether the specification has a type of this name.
  static func isListable(_ dtypeName: String) -> Bool {
    DType(rawValue: dtypeName) != nil || unreadableBitCounts[dtypeName] != nil
  }

  /// Bytes of one number; 1 where several share one.
  static func byteCount(ofType name: String) -> Int {
    DType(rawValue: name)?.byteCount ?? max(1, (unreadableBitCounts[name] ?? 8) / 8)
  }

  /// Whether the text begins with `{`, white space aside.
  static func startsObject(_ text: Bytes) -> Bool {
    var cursor = JSONCursor(text)
    return cursor.peek() == UInt8(ascii: "{")
  }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    let header = try header(of: file)
    var reader = HeaderReader(dataStart: 8 + header.count, fileCount: file.count)
    if header.count > 0, header[0] != UInt8(ascii: "{") {
      reader.index.warnings.append("the header does not begin with '{', as the format demands")
    }
    try reader.read(header)
    try reader.checkLayout()
    return reader.index
  }

  private static func header(of file: Bytes) throws(CheckpointError) -> Bytes {
    guard file.count >= 8 else {
      throw .truncated(what: "the header length", offset: 0, needed: 8, available: file.count)
    }
    let length = file.load(UInt64.self, at: 0)
    guard length <= UInt64(headerLimit) else {
      throw .headerTooLong(length: length, limit: headerLimit)
    }
    guard Int(length) <= file.count - 8 else {
      throw .truncated(
        what: "the header", offset: 8, needed: Int(length), available: file.count - 8)
    }
    return file[8..<8 + Int(length)]
  }
}

private struct HeaderReader {
  let dataStart: Int
  let fileCount: Int
  var index = CheckpointIndex()

  init(dataStart: Int, fileCount: Int) {
    self.dataStart = dataStart
    self.fileCount = fileCount
  }

  mutating func read(_ header: Bytes) throws(CheckpointError) {
    var cursor = JSONCursor(header, origin: 8)
    var names: Set<String> = []
    var found = CheckpointIndex(warnings: index.warnings)
    let (dataStart, fileCount) = (dataStart, fileCount)
    try cursor.object { (cursor, key) throws(CheckpointError) in
      try CheckpointIndex.checkName(key, of: "a tensor")
      guard names.insert(key).inserted else { throw .duplicateTensor(name: key) }
      if key == "__metadata__" {
        try HeaderReader.readMetadata(&cursor, into: &found)
      } else {
        let entry = try Entry(&cursor, name: key)
        let tensor = try entry.tensor(dataStart: dataStart, fileCount: fileCount)
        if tensor.dtype == nil {
          found.warn(
            "tensor \(key.quoted) has the type \(tensor.dtypeName.quoted), "
              + "which is listed but not read")
        }
        try found.add(tensor)
      }
    }
    try cursor.end()
    index = found
  }

  private static func readMetadata(
    _ cursor: inout JSONCursor, into index: inout CheckpointIndex
  ) throws(CheckpointError) {
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

  /// Data must be used from its first byte to its last, without overlap;
  /// bytes after the last tensor are only warned about.
  mutating func checkLayout() throws(CheckpointError) {
    var isOrdered = true
    for (tensor, next) in zip(index.tensors, index.tensors.dropFirst())
    where next.byteRange.lowerBound < tensor.byteRange.upperBound {
      isOrdered = false
      break
    }
    let inFileOrder =
      isOrdered
      ? index.tensors
      : index.tensors.sorted {
        ($0.byteRange.lowerBound, $0.byteRange.upperBound)
          < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
      }
    var end = dataStart
    var previous = ""
    for tensor in inFileOrder {
      let begin = tensor.byteRange.lowerBound
      guard begin >= end else { throw .overlap(tensor: tensor.name, other: previous) }
      guard begin == end else {
        throw .gap(tensor: tensor.name, begin: begin - dataStart, expected: end - dataStart)
      }
      end = tensor.byteRange.upperBound
      previous = tensor.name
    }
    if end < fileCount {
      index.warnings.append("\(fileCount - end) bytes follow the last tensor")
    }
  }
}

/// One tensor's entry of the header, as it stands there.
private struct Entry {
  let name: String
  private var dtypeName: String?
  private var dimensions: [Int]?
  private var begin: Int?
  private var end: Int?

  init(_ cursor: inout JSONCursor, name: String) throws(CheckpointError) {
    self.name = name
    try cursor.expect("{")
    if cursor.consume("}") { return }
    repeat {
      let key = try cursor.string()
      try cursor.expect(":")
      try readField(key, &cursor)
    } while cursor.consume(",")
    try cursor.expect("}")
  }

  private mutating func readField(
    _ key: String, _ cursor: inout JSONCursor
  ) throws(CheckpointError) {
    switch key {
    case "dtype": dtypeName = try cursor.string()
    case "shape": dimensions = try Entry.dimensions(&cursor, of: name)
    case "data_offsets":
      try cursor.expect("[")
      begin = try cursor.integer()
      try cursor.expect(",")
      end = try cursor.integer()
      try cursor.expect("]")
    default: _ = try cursor.value(depth: 2)
    }
  }

  private static func dimensions(
    _ cursor: inout JSONCursor, of name: String
  ) throws(CheckpointError) -> [Int] {
    var dimensions: [Int] = []
    try cursor.array { (cursor) throws(CheckpointError) in
      dimensions.append(try cursor.integer())
      guard dimensions.count <= SafetensorsFormat.dimensionLimit else {
        throw .tooManyDimensions(tensor: name, limit: SafetensorsFormat.dimensionLimit)
      }
    }
    return dimensions
  }

  func tensor(dataStart: Int, fileCount: Int) throws(CheckpointError) -> IndexedTensor {
    guard let dtypeName else { throw .missingField(tensor: name, field: "dtype") }
    guard let dimensions else { throw .missingField(tensor: name, field: "shape") }
    guard let begin, let end else { throw .missingField(tensor: name, field: "data_offsets") }
    guard begin >= 0, begin <= end else {
      throw .invalidRange(tensor: name, begin: begin, end: end)
    }
    let shape = try Shape(checking: dimensions, tensor: name)
    let dtype = DType(rawValue: dtypeName)
    if let bits = dtype.map({ $0.byteCount * 8 }) ?? unreadableBitCounts[dtypeName] {
      let (bitCount, overflow) = shape.count.multipliedReportingOverflow(by: bits)
      guard !overflow else { throw .shapeTooLarge(tensor: name) }
      let expected = bitCount / 8 + (bitCount % 8 == 0 ? 0 : 1)
      guard expected == end - begin else {
        throw .sizeMismatch(tensor: name, expected: expected, found: end - begin)
      }
    }
    guard end <= fileCount - dataStart else {
      let (place, overflow) = end.addingReportingOverflow(dataStart)
      throw .outsideFile(tensor: name, end: overflow ? end : place, available: fileCount)
    }
    return IndexedTensor(
      name: name, dtype: dtype, dtypeName: dtypeName, shape: shape,
      byteRange: dataStart + begin..<dataStart + end)
  }
}

/// Bits of the specification's types that we list but do not read.
private let unreadableBitCounts = [
  "U16": 16, "U32": 32, "U64": 64, "C64": 64, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
]

extension Shape {
  /// A shape from a file: no negative length, a product that fits in 64 bits
  /// eight times over (so that bytes and bits can be counted).
  init(checking dimensions: [Int], tensor: String) throws(CheckpointError) {
    var product = 1
    for dimension in dimensions {
      guard dimension >= 0 else { throw .negativeDimension(tensor: tensor) }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow, next < Int.max / 64 else { throw .shapeTooLarge(tensor: tensor) }
      product = next
    }
    // No values, but as many rows: whatever is made for each row is bounded too.
    guard product <= Shape.emptyLimit || !dimensions.contains(0) else {
      throw .limitExceeded(
        what: "the shape of tensor \(tensor.quoted), which has no values,",
        limit: Shape.emptyLimit)
    }
    self.init(dimensions)
  }

  /// Largest product of the axes of a tensor without values, those of length 0
  /// left out.
  static let emptyLimit = 1 << 20
}
