internal import Tensors

/// The header of one NumPy array (NEP 1; numpy.lib.format, versions 1 to 3):
///
///     ┌──────────┬───────┬───────┬───────────┬────────────────────┬──────┐
///     │ 93 NUMPY │ major │ minor │ n: u16LE, │ n bytes of Python: │ data │
///     │          │       │       │ from 2 on │ {'descr': '<f4',   │      │
///     │          │       │       │ u32LE     │ 'fortran_order':   │      │
///     │          │       │       │           │ False, 'shape':    │      │
///     │          │       │       │           │ (65, 32), }        │      │
///     └──────────┴───────┴───────┴───────────┴────────────────────┴──────┘
///     0          6       7       8           10 or 12             + n
struct NumPyHeader {
  /// The type in NumPy's word, `<f4`.
  let type: String
  /// Whether the first axis is the one whose neighbours lie side by side.
  let isFortran: Bool
  let dimensions: [Int]
  /// Where the values begin in the file.
  let dataStart: Int

  /// Headers of numbers have about a hundred bytes; NumPy itself stops at 10,000.
  static let lengthLimit = 1 << 16
  /// The longest header with what stands before it, in bytes.
  static let byteLimit = lengthLimit + 12

  static func recognizes(_ file: Bytes) -> Bool {
    file.count >= 6 && file[0] == 0x93 && file[1..<file.count].starts(with: "NUMPY")
  }

  /// `name` is the array's, for errors.
  init(_ file: Bytes, name: String) throws(CheckpointError) {
    let what = "the NumPy header of \(name.quoted)"
    func need(_ count: Int, at offset: Int) throws(CheckpointError) {
      guard file.count - offset >= count else {
        throw .truncated(
          what: what, offset: offset, needed: count, available: file.count - offset)
      }
    }
    guard Self.recognizes(file) else {
      throw .invalidNumPy(array: name, offset: 0, reason: "it does not begin as an array does")
    }
    try need(4, at: 6)
    let version = file[6]
    guard (1...3).contains(version) else {
      throw .invalidNumPy(array: name, offset: 6, reason: "version \(version) is not known")
    }
    let start = version == 1 ? 10 : 12
    try need(start - 8, at: 8)
    let length =
      version == 1 ? Int(file.load(UInt16.self, at: 8)) : Int(file.load(UInt32.self, at: 8))
    guard length <= Self.lengthLimit else {
      throw .limitExceeded(what: what, limit: Self.lengthLimit)
    }
    try need(length, at: start)
    var literal = PythonLiteral(file[start..<start + length], array: name, origin: start)
    let fields = try literal.header()
    (type, isFortran, dimensions) = (fields.type, fields.isFortran, fields.dimensions)
    dataStart = start + length
  }
}

/// Reads the one Python literal that a NumPy header is: a dictionary of exactly
/// three keys, and nothing else of the language.
private struct PythonLiteral {
  private let text: Bytes
  private let array: String
  /// Where `text` begins in the file.
  private let origin: Int
  private var offset = 0

  init(_ text: Bytes, array: String, origin: Int) {
    self.text = text
    self.array = array
    self.origin = origin
  }

  mutating func header() throws(CheckpointError) -> (
    type: String, isFortran: Bool, dimensions: [Int]
  ) {
    var type: String?
    var isFortran: Bool?
    var dimensions: [Int]?
    try expect("{")
    while !consume("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try typeName()
      case "fortran_order" where isFortran == nil: isFortran = try bool()
      case "shape" where dimensions == nil: dimensions = try tuple()
      default: throw invalid("the key \(key.quoted) is unknown or there twice")
      }
      guard consume(",") else {
        try expect("}")
        break
      }
    }
    guard peek() == 0, offset == text.count else { throw invalid("text after the end") }
    guard let type else { throw invalid("there is no 'descr'") }
    guard let isFortran else { throw invalid("there is no 'fortran_order'") }
    guard let dimensions else { throw invalid("there is no 'shape'") }
    return (type, isFortran, dimensions)
  }

  /// The next byte that is no white space; 0 at the end.
  private mutating func peek() -> UInt8 {
    while offset < text.count {
      switch text[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      case let byte: return byte
      }
    }
    return 0
  }

  private mutating func consume(_ mark: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: mark) else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(CheckpointError) {
    guard consume(mark) else { throw invalid("'\(mark)' expected") }
  }

  private mutating func typeName() throws(CheckpointError) -> String {
    if peek() == UInt8(ascii: "[") || peek() == UInt8(ascii: "(") {
      throw .unreadableType(tensor: array, dtype: "record of several fields")
    }
    return try string()
  }

  private mutating func string() throws(CheckpointError) -> String {
    let quote = peek()
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw invalid("text in quotes expected")
    }
    let start = offset + 1
    offset = start
    while offset < text.count, text[offset] != quote {
      guard (0x20..<0x7F).contains(text[offset]), text[offset] != UInt8(ascii: "\\") else {
        throw invalid("plain text expected")
      }
      offset += 1
    }
    guard offset < text.count else { throw invalid("text without an end") }
    offset += 1
    return text[start..<offset - 1].text ?? ""
  }

  private mutating func bool() throws(CheckpointError) -> Bool {
    _ = peek()
    for (word, value) in [("True" as StaticString, true), ("False", false)]
    where text[offset..<text.count].starts(with: word) {
      offset += word.utf8CodeUnitCount
      return value
    }
    throw invalid("True or False expected")
  }

  private mutating func tuple() throws(CheckpointError) -> [Int] {
    var lengths: [Int] = []
    try expect("(")
    while !consume(")") {
      lengths.append(try integer())
      guard lengths.count <= SafetensorsFormat.dimensionLimit else {
        throw .tooManyDimensions(tensor: array, limit: SafetensorsFormat.dimensionLimit)
      }
      guard consume(",") else {
        // Without a comma, one number in brackets is no tuple.
        guard lengths.count > 1 else { throw invalid("',' expected") }
        try expect(")")
        break
      }
    }
    return lengths
  }

  private mutating func integer() throws(CheckpointError) -> Int {
    if consume("-") { throw .negativeDimension(tensor: array) }
    _ = peek()
    let start = offset
    while offset < text.count, (0x30...0x39).contains(text[offset]) { offset += 1 }
    guard offset > start else { throw invalid("integer expected") }
    guard let number = text[start..<offset].text.flatMap({ Int($0) }) else {
      throw .shapeTooLarge(tensor: array)
    }
    // Python 2 wrote long integers so.
    if offset < text.count, text[offset] == UInt8(ascii: "L") { offset += 1 }
    return number
  }

  private func invalid(_ reason: String) -> CheckpointError {
    .invalidNumPy(array: array, offset: origin + offset, reason: reason)
  }
}
