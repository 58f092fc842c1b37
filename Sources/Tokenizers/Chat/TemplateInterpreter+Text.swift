/// Values as text: `str`, `repr` and JSON, as Python writes them.
extension TemplateInterpreter {
  /// What `{{ value }}` writes.
  mutating func text(of value: TemplateValue) throws(ChatTemplateError) -> String {
    switch value {
    case .undefined: return ""
    case .string(let text): return text
    default:
      var text = ""
      try describe(value, into: &text)
      return text
    }
  }

  private mutating func describe(
    _ value: TemplateValue, into text: inout String
  ) throws(ChatTemplateError) {
    let before = text.utf8.count
    switch value {
    case .undefined: text += "Undefined"
    case .none: text += "None"
    case .bool(let flag): text += flag ? "True" : "False"
    case .int(let number): text += String(number)
    case .float(let number): text += number.templateText
    case .string(let string):
      try charge(bytes: string.utf8.count)
      text += string.quoted
    case .list(let list):
      text += list.isTuple ? "(" : "["
      for (place, item) in list.items.enumerated() {
        if place > 0 { text += ", " }
        try describe(item, into: &text)
      }
      text += list.isTuple ? (list.items.count == 1 ? ",)" : ")") : "]"
    case .dictionary(let dictionary):
      text += "{"
      for (place, entry) in dictionary.entries.enumerated() {
        text += (place > 0 ? ", " : "") + entry.key.quoted + ": "
        try describe(entry.value, into: &text)
      }
      text += "}"
    case .namespace, .macro, .function, .method, .loop:
      throw .unsupported(line: line, what: "a \(value.typeName) written as text")
    }
    try charge(1 + (text.utf8.count - before) / 32)
    guard text.utf8.count <= Self.textLimit else { try charge(bytes: text.utf8.count); return }
  }

  /// How `json.dumps` writes: the arguments that transformers gives the filter `tojson`.
  struct JSONStyle {
    var isASCII = false
    var indentation: String?
    var separators: (item: String, key: String)
    var sortsKeys = false

    init(_ arguments: TemplateCall) {
      isASCII = arguments[0, "ensure_ascii"]?.isTrue ?? false
      switch arguments[1, "indent"] {
      case .string(let text)?: indentation = text
      case let value?:
        // More than anyone indents; each level repeats it.
        indentation = value.integer.map { String(repeating: " ", count: min(max($0, 0), 64)) }
      case nil: break
      }
      separators = (indentation == nil ? ", " : ",", ": ")
      if case .list(let list)? = arguments[2, "separators"], list.items.count == 2,
        let item = list.items[0].text, let key = list.items[1].text
      {
        separators = (item, key)
      }
      sortsKeys = arguments[3, "sort_keys"]?.isTrue ?? false
    }
  }

  mutating func json(
    _ value: TemplateValue, _ style: JSONStyle
  ) throws(ChatTemplateError) -> String {
    var text = ""
    try encode(value, style, level: 0, into: &text)
    return text
  }

  private mutating func encode(
    _ value: TemplateValue, _ style: JSONStyle, level: Int, into text: inout String
  ) throws(ChatTemplateError) {
    let before = text.utf8.count
    switch value {
    case .none: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .int(let number): text += String(number)
    case .float(let number):
      text +=
        number.isNaN
        ? "NaN"
        : number.isInfinite
          ? (number < 0 ? "-Infinity" : "Infinity")
          : number.templateText
    case .string(let string):
      try charge(bytes: string.utf8.count)
      text += string.jsonText(isASCII: style.isASCII)
    case .list(let list):
      try encode(list.items.map { (nil, $0) }, "[", "]", style, level, into: &text)
    case .dictionary(let dictionary):
      var entries = dictionary.entries
      if style.sortsKeys { entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } }
      try encode(entries.map { ($0.key, $0.value) }, "{", "}", style, level, into: &text)
    case .undefined(let name): throw failed("'\(name)' is undefined")
    case .namespace, .macro, .function, .method, .loop:
      throw failed("a \(value.typeName) is no JSON")
    }
    try charge(1 + (text.utf8.count - before) / 32)
    guard text.utf8.count <= Self.textLimit else { try charge(bytes: text.utf8.count); return }
  }

  private mutating func encode(
    _ members: [(key: String?, value: TemplateValue)], _ begin: String, _ end: String,
    _ style: JSONStyle, _ level: Int, into text: inout String
  ) throws(ChatTemplateError) {
    text += begin
    func newLine(_ level: Int) -> String {
      style.indentation.map { "\n" + String(repeating: $0, count: level) } ?? ""
    }
    for (place, member) in members.enumerated() {
      text += (place > 0 ? style.separators.item : "") + newLine(level + 1)
      if let key = member.key {
        text += key.jsonText(isASCII: style.isASCII) + style.separators.key
      }
      try encode(member.value, style, level: level + 1, into: &text)
    }
    text += (members.isEmpty ? "" : newLine(level)) + end
  }
}

extension String {
  /// A JSON string with its quotes, with the escapes of Python's `json`.
  fileprivate func jsonText(isASCII: Bool) -> String {
    func escape(_ unit: UInt16) -> String {
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\u{00}"..<" ": text += escape(UInt16(scalar.value))
      default:
        if isASCII, scalar.value > 0x7E {
          for unit in String(scalar).utf16 { text += escape(unit) }
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text + "\""
  }
}
