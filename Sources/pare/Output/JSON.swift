/// A JSON value to be printed: keys in order of the alphabet, so that two runs
/// compare, and null for numbers that are not finite.
enum JSON: Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  static func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
  static func integer(_ value: Int?) -> JSON { value.map { .integer($0) } ?? .null }
  static func string(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }

  /// Prints it: two spaces a level, lists of plain values on one line.
  func print() {
    var bytes: [UInt8] = []
    write(to: &bytes, level: 0)
    bytes.append(UInt8(ascii: "\n"))
    StandardOutput.write(bytes)
  }

  private func write(to bytes: inout [UInt8], level: Int) {
    switch self {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let value): bytes += (value.isFinite ? String(value) : "null").utf8
    case .string(let value): Self.quote(value, to: &bytes)
    case .array(let values):
      let isFlat = values.allSatisfy(\.isPlain)
      Self.list(values, "[", "]", isFlat: isFlat, to: &bytes, level) {
        $0.write(to: &$1, level: level + 1)
      }
    case .object(let fields):
      let sorted = fields.sorted { $0.key < $1.key }
      Self.list(sorted, "{", "}", isFlat: false, to: &bytes, level) { field, bytes in
        Self.quote(field.key, to: &bytes)
        bytes += ": ".utf8
        field.value.write(to: &bytes, level: level + 1)
      }
    }
  }

  private var isPlain: Bool {
    switch self {
    case .null, .bool, .integer, .number, .string: true
    case .array, .object: false
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: Unicode.Scalar, _ close: Unicode.Scalar, isFlat: Bool,
    to bytes: inout [UInt8], _ level: Int, element: (Element, inout [UInt8]) -> Void
  ) {
    bytes.append(UInt8(ascii: open))
    for (index, each) in elements.enumerated() {
      if index > 0 { bytes += (isFlat ? ", " : ",").utf8 }
      if !isFlat { breakLine(to: &bytes, level + 1) }
      element(each, &bytes)
    }
    if !isFlat && !elements.isEmpty { breakLine(to: &bytes, level) }
    bytes.append(UInt8(ascii: close))
  }

  private static func breakLine(to bytes: inout [UInt8], _ level: Int) {
    bytes.append(UInt8(ascii: "\n"))
    bytes += repeatElement(UInt8(ascii: " "), count: 2 * level)
  }

  private static func quote(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"", "\\": bytes += [UInt8(ascii: "\\"), UInt8(ascii: scalar)]
      case "\n": bytes += "\\n".utf8
      // Control characters below U+0020 must be escaped (RFC 8259, section 7); the
      // others need not, but would command a terminal that shows them.
      case _ where scalar.isCommand:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
        }
      default: bytes += scalar.utf8
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
