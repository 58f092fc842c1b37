/// A JSON value to be printed: keys in order of the alphabet, so that two runs
/// compare, and null for what is no finite number.
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

  /// The text, two spaces a level; arrays of plain values stay on one line.
  var text: String {
    var text = ""
    write(to: &text, indentation: 0)
    return text
  }

  private func write(to text: inout String, indentation: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? String(value) : "null"
    case .string(let value): Self.quote(value, to: &text)
    case .array(let values):
      let isFlat = values.allSatisfy(\.isPlain)
      Self.list(values, "[", "]", isFlat: isFlat, to: &text, indentation) { value, text in
        value.write(to: &text, indentation: indentation + 1)
      }
    case .object(let fields):
      let sorted = fields.sorted { $0.key < $1.key }
      Self.list(sorted, "{", "}", isFlat: false, to: &text, indentation) { field, text in
        Self.quote(field.key, to: &text)
        text += ": "
        field.value.write(to: &text, indentation: indentation + 1)
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
    _ elements: [Element], _ open: String, _ close: String, isFlat: Bool, to text: inout String,
    _ indentation: Int, element: (Element, inout String) -> Void
  ) {
    text += open
    for (index, each) in elements.enumerated() {
      if index > 0 { text += isFlat ? ", " : "," }
      if !isFlat { text += "\n" + String(repeating: "  ", count: indentation + 1) }
      element(each, &text)
    }
    if !isFlat && !elements.isEmpty {
      text += "\n" + String(repeating: "  ", count: indentation)
    }
    text += close
  }

  private static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      // Control characters must be escaped (RFC 8259, section 7); DEL and the
      // C1 range need not, but would command a terminal that shows them.
      case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
