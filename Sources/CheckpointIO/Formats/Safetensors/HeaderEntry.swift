internal import Tensors

/// One tensor's entry of a header, however it is spelled.
struct HeaderEntry {
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
    case "shape": dimensions = try HeaderEntry.dimensions(&cursor, of: name)
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
    if let bits = SafetensorsFormat.bitCount(ofType: dtypeName) {
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
