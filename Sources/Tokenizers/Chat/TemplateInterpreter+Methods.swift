/// Python's methods of text, lists and dictionaries.
extension TemplateInterpreter {
  mutating func call(
    _ name: String, of value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .string(let text): return try call(name, of: text, arguments)
    case .dictionary(let dictionary): return try call(name, of: dictionary, arguments)
    case .list(let list): return try call(name, of: list, arguments)
    default: throw failed("a \(value.typeName) has no method '\(name)'")
    }
  }

  private mutating func call(
    _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    try charge(1 + dictionary.entries.count)
    switch name {
    case "items": return try pairs(of: dictionary)
    case "keys": return try made(.list(dictionary.entries.map { .string($0.key) }))
    case "values": return try made(.list(dictionary.entries.map(\.value)))
    case "copy": return .dictionary(dictionary)
    case "get":
      guard let key = arguments.values.first else { throw failed("get() without a key") }
      let otherwise = arguments[1, "default"] ?? .none
      return key.text.flatMap { dictionary[$0] } ?? otherwise
    default: throw failed("'\(name)' changes a dictionary, which templates may not")
    }
  }

  mutating func pairs(
    of dictionary: TemplateDictionary
  ) throws(ChatTemplateError) -> TemplateValue {
    try made(.list(dictionary.entries.map { .tuple([.string($0.key), $0.value]) }))
  }

  private mutating func call(
    _ name: String, of list: TemplateList, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "copy": return .list(list)
    case "index", "count":
      guard let item = arguments.values.first else { throw failed("\(name)() without a value") }
      var count = 0
      for (place, element) in list.items.enumerated() where try equal(element, item) {
        if name == "index" { return .int(place) }
        count += 1
      }
      guard name == "count" else { throw failed("index() of a value that is not in the list") }
      return .int(count)
    default: throw failed("'\(name)' changes a list, which templates may not")
    }
  }

  // MARK: Text

  private func text(
    _ value: TemplateValue?, of name: String
  ) throws(ChatTemplateError) -> String? {
    guard let value else { return nil }
    if case .none = value { return nil }
    guard case .string(let text) = value else {
      throw failed("\(name)() takes text, not a \(value.typeName)")
    }
    return text
  }

  private func count(
    _ value: TemplateValue?, of name: String
  ) throws(ChatTemplateError) -> Int? {
    guard let value else { return nil }
    guard let number = value.integer else {
      throw failed("\(name)() takes a whole number, not a \(value.typeName)")
    }
    return number < 0 ? nil : number
  }

  private func needed(
    _ value: TemplateValue?, of name: String
  ) throws(ChatTemplateError) -> String {
    guard let text = try text(value, of: name) else { throw failed("\(name)() without text") }
    return text
  }

  private mutating func call(
    _ name: String, of text: String, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    try charge(bytes: text.utf8.count)
    switch name {
    case "strip", "lstrip", "rstrip":
      let set = try self.text(arguments.values.first, of: name)
      return .string(text.stripped(of: set, left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit": return try divide(text, name, arguments)
    case "splitlines": return try made(.list(text.dividedLines.map { .string($0) }))
    case "startswith", "endswith": return .bool(try hasEnd(text, name, arguments))
    case "replace":
      let (old, new) = (
        try needed(arguments.values.first, of: name), try needed(arguments[1, "new"], of: name)
      )
      return try replace(old, with: new, in: text, limit: count(arguments[2, "count"], of: name))
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "title": return .string(text.capitalized(eachWord: true))
    case "capitalize": return .string(text.capitalized(eachWord: false))
    case "find", "rfind", "index", "count":
      return try find(try needed(arguments.values.first, of: name), in: text, name)
    case "join":
      guard let items = arguments.values.first else { throw failed("join() without a list") }
      var parts: [String] = []
      for item in try elements(of: items) { parts.append(try needed(item, of: name)) }
      return try join(parts, by: text)
    case "removeprefix":
      let part = try needed(arguments.values.first, of: name)
      return .string(
        text.utf8.starts(with: part.utf8)
          ? String(text.unicodeScalars.dropFirst(part.unicodeScalars.count)) : text)
    case "removesuffix":
      let part = try needed(arguments.values.first, of: name)
      return .string(
        text.utf8.reversed().starts(with: part.utf8.reversed())
          ? String(text.unicodeScalars.dropLast(part.unicodeScalars.count)) : text)
    default:
      if let answer = Self.question(name, of: text) { return .bool(answer) }
      throw .unsupported(line: line, what: "a method '\(name)' of text")
    }
  }

  private static func question(_ name: String, of text: String) -> Bool? {
    switch name {
    case "isdigit":
      text.consists { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
    case "isalpha": text.consists { $0.isLetter }
    case "isalnum": text.consists { $0.isLetter || $0.properties.numericType != nil }
    case "isspace": text.consists { $0.isTemplateSpace }
    case "isupper": text.hasCase && text.isSame(text.uppercased())
    case "islower": text.hasCase && text.isSame(text.lowercased())
    default: nil
    }
  }

  private mutating func divide(
    _ text: String, _ name: String, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    let limit = try count(arguments[1, "maxsplit"], of: name)
    let parts: [String]
    if let separator = try self.text(arguments[0, "sep"], of: name) {
      guard !separator.isEmpty else { throw failed("\(name)() by empty text") }
      parts = text.divided(by: separator, limit: limit, fromEnd: name == "rsplit")
    } else {
      guard name == "split" || limit == nil else {
        throw .unsupported(line: line, what: "rsplit() by white space")
      }
      parts = text.words(limit: limit)
    }
    return try made(.list(parts.map { .string($0) }))
  }

  private mutating func hasEnd(
    _ text: String, _ name: String, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> Bool {
    guard let argument = arguments.values.first, arguments.values.count == 1 else {
      throw .unsupported(line: line, what: "\(name)() with other than one argument")
    }
    var wanted: [TemplateValue] = [argument]
    if case .list(let list) = argument, list.isTuple { wanted = list.items }
    for item in wanted {
      let part = try needed(item, of: name).utf8
      let isThere =
        name == "startswith"
        ? text.utf8.starts(with: part) : text.utf8.reversed().starts(with: part.reversed())
      if isThere { return true }
    }
    return false
  }

  private mutating func find(
    _ part: String, in text: String, _ name: String
  ) throws(ChatTemplateError) -> TemplateValue {
    let bytes = Array(text.utf8)
    if part.isEmpty {
      let count = text.unicodeScalars.count
      return .int(name == "count" ? count + 1 : name == "rfind" ? count : 0)
    }
    let places = bytes.places(
      of: Array(part.utf8), fromEnd: name == "rfind", limit: name == "count" ? nil : 1)
    if name == "count" { return .int(places.count) }
    guard let place = places.first else {
      guard name != "index" else { throw failed("index() of text that is not there") }
      return .int(-1)
    }
    return .int(String(decoding: bytes[..<place], as: UTF8.self).unicodeScalars.count)
  }

  mutating func replace(
    _ old: String, with new: String, in text: String, limit: Int?
  ) throws(ChatTemplateError) -> TemplateValue {
    let bytes = text.utf8.count
    let places = old.isEmpty ? bytes + 1 : Array(text.utf8).places(of: Array(old.utf8)).count
    let (growth, isTooMuch) = min(limit ?? places, places)
      .multipliedReportingOverflow(by: new.utf8.count)
    try charge(bytes: isTooMuch ? Int.max : growth)
    try charge(bytes: bytes)
    let result = text.replacing(old, with: new, limit: limit)
    try charge(bytes: result.utf8.count)
    return .string(result)
  }

  mutating func join(
    _ parts: [String], by separator: String
  ) throws(ChatTemplateError) -> TemplateValue {
    var size = 0
    for part in parts {
      size += part.utf8.count + separator.utf8.count
      guard size <= Self.textLimit + separator.utf8.count else { break }
    }
    try charge(bytes: max(size - separator.utf8.count, 0))
    return .string(parts.joined(separator: separator))
  }
}

extension Unicode.Scalar {
  fileprivate var isLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }
}
