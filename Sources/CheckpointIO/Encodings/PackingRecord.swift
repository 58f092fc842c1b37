package import Tensors

/// What the metadata entry `pare.packing` says of one encoded tensor:
///
///     {"version": 1, "tensors": {"NAME": {
///       "encoding": "bitmap+packed", "dtype": "F32", "shape": [1536, 384],
///       "transposed": false,
///       "bits": 3, "lowest": -4, "highest": 3, "group": 384, "binary": false}}}
///
/// `shape` is logical, `[out, in]`; `transposed` says that the checkpoint it
/// came from had it the other way round. `bits` and what follows belong to
/// encodings with codes; `"blocks": "Q4_K"` stands in their place for those of blocks.
package struct PackingRecord: Sendable, Hashable {
  static let metadataKey = "pare.packing"
  static let version = 1

  let encoding: String
  let dtype: DType
  let shape: Shape
  let isTransposed: Bool
  let grid: GridLayout?
  /// Of an encoding that keeps them.
  let blocks: BlockFormat?

  /// `NAME.pare.SUFFIX`.
  static func partName(_ tensor: String, _ suffix: String) -> String {
    suffix.isEmpty ? tensor : "\(tensor).pare.\(suffix)"
  }

  /// The tensor and the suffix in the name of an array.
  static func split(_ name: String) -> (tensor: String, suffix: String)? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")),
      name[..<dot].hasSuffix(".pare")
    else { return nil }
    return (String(name[..<dot].dropLast(5)), String(name[name.utf8.index(after: dot)...]))
  }

  var json: String {
    var text =
      "{\"encoding\":\"\(encoding)\",\"dtype\":\"\(dtype.rawValue)\","
      + "\"shape\":\(JSONText.array(shape.dimensions)),\"transposed\":\(isTransposed)"
    if let grid {
      text +=
        ",\"bits\":\(grid.bits),\"lowest\":\(grid.codes.lowerBound),"
        + "\"highest\":\(grid.codes.upperBound),\"group\":\(grid.groupSize),"
        + "\"binary\":\(grid.isBinary)"
    }
    if let blocks { text += ",\"blocks\":\"\(blocks.rawValue)\"" }
    return text + "}"
  }

  static func metadata(_ records: [(name: String, record: PackingRecord)]) -> String {
    let entries = records.map { "\(JSONText.quoted($0.name)):\($0.record.json)" }
    return "{\"version\":\(version),\"tensors\":{\(entries.joined(separator: ","))}}"
  }

  /// The records of a file's metadata, by tensor.
  package static func all(
    in metadata: String
  ) throws(CheckpointError) -> [String: PackingRecord] {
    let json = try JSON(Bytes(Array(metadata.utf8)))
    guard json["version"]?.integer == version else {
      throw .unsupportedFormat(name: "a packed file of a later version")
    }
    guard case .object(let members) = json["tensors"] else { return [:] }
    var records: [String: PackingRecord] = [:]
    for member in members {
      records[member.key] = try PackingRecord(member.value, name: member.key)
    }
    return records
  }

  init(_ json: JSON, name: String) throws(CheckpointError) {
    guard let encoding = json["encoding"]?.scalarText,
      let dtype = json["dtype"]?.scalarText.flatMap(DType.init(rawValue:)),
      case .array(let lengths) = json["shape"],
      lengths.count <= SafetensorsFormat.dimensionLimit
    else { throw .invalidPacking(tensor: name, reason: "its description is incomplete") }
    guard EncodingCatalog.named(encoding) != nil else {
      throw .invalidPacking(tensor: name, reason: "the encoding \(encoding.quoted) is unknown")
    }
    let dimensions = lengths.compactMap(\.integer)
    guard dimensions.count == lengths.count else {
      throw .invalidPacking(tensor: name, reason: "its shape is not made of integers")
    }
    self.encoding = encoding
    self.dtype = dtype
    shape = try Shape(checking: dimensions, tensor: name)
    isTransposed = json["transposed"] == .bool(true)
    grid = try PackingRecord.grid(json, name: name)
    blocks = json["blocks"]?.scalarText.flatMap(BlockFormat.init(rawValue:))
  }

  /// Of a parameter whose blocks are copied.
  init(_ parameter: Parameter, blocks: BlockFormat) {
    encoding = BlocksEncoding.name
    dtype = parameter.dtype
    shape = parameter.shape
    isTransposed = parameter.isTransposed
    grid = nil
    self.blocks = blocks
  }

  package init(
    encoding: any StorageEncoding.Type, _ source: EncodingSource, dtype: DType
  ) {
    self.encoding = encoding.name
    self.dtype = dtype
    shape = source.tensor.shape
    isTransposed = source.isTransposed
    grid = encoding.hasGrid ? source.grid.map(GridLayout.init) : nil
    blocks = encoding.hasBlocks ? source.blocks?.format : nil
  }

  /// Of a parameter whose weights lie on no grid.
  init(encoding: any StorageEncoding.Type, _ parameter: Parameter, blocks: BlockFormat?) {
    self.encoding = encoding.name
    dtype = parameter.dtype
    shape = parameter.shape
    isTransposed = parameter.isTransposed
    grid = nil
    self.blocks = encoding.hasBlocks ? blocks : nil
  }

  private static func grid(
    _ json: JSON, name: String
  ) throws(CheckpointError) -> GridLayout? {
    guard let bits = json["bits"] else { return nil }
    guard let bits = bits.integer, let lowest = json["lowest"]?.integer,
      let highest = json["highest"]?.integer, let group = json["group"]?.integer,
      let grid = GridLayout(
        bits: bits, lowest: lowest, highest: highest, groupSize: group,
        isBinary: json["binary"] == .bool(true))
    else { throw .invalidPacking(tensor: name, reason: "its grid is impossible") }
    return grid
  }
}

/// JSON text, written.
enum JSONText {
  /// Byte by byte: what is escaped is ASCII, and a header may quote a whole vocabulary.
  static func quoted(_ text: String) -> String {
    var quoted: [UInt8] = [0x22]
    quoted.reserveCapacity(text.utf8.count + 2)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): quoted += "\\\"".utf8
      case UInt8(ascii: "\\"): quoted += "\\\\".utf8
      case UInt8(ascii: "\n"): quoted += "\\n".utf8
      case UInt8(ascii: "\t"): quoted += "\\t".utf8
      case UInt8(ascii: "\r"): quoted += "\\r".utf8
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        quoted += "\\u".utf8
        quoted += [UInt8](repeating: UInt8(ascii: "0"), count: 4 - digits.utf8.count)
        quoted += digits.utf8
      default: quoted.append(byte)
      }
    }
    quoted.append(0x22)
    return String(decoding: quoted, as: UTF8.self)
  }

  static func array(_ numbers: [Int]) -> String {
    "[" + numbers.map(String.init).joined(separator: ",") + "]"
  }

  static func array(_ texts: [String]) -> String {
    "[" + texts.map(quoted).joined(separator: ",") + "]"
  }

  /// Settings as an object, numbers and truth values without quotes.
  static func object(_ settings: [String: String]) -> String {
    let members = settings.sorted { $0.key < $1.key }.map { key, value in
      "\(quoted(key)):\(isBare(value) ? value : quoted(value))"
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  /// Whether the text is itself a JSON number or truth value.
  private static func isBare(_ text: String) -> Bool {
    switch try? JSON(Bytes(Array(text.utf8))) {
    case .bool: true
    case .number(let number):
      number == text && number.utf8.allSatisfy { $0 != 0x4E && $0 != 0x49 }
    case .null, .string, .array, .object, nil: false
    }
  }
}
