/// What follows `|`.
extension TemplateInterpreter {
  /// Arguments are evaluated here.
  mutating func apply(
    _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let line = line
    let call = try evaluated(arguments)
    self.line = line
    return try apply(name, to: value, call)
  }

  private mutating func apply(
    _ name: String, to value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    try charge(1)
    switch name {
    case "default", "d":
      let isMissing =
        value.isUndefined || (arguments[1, "boolean"]?.isTrue ?? false) && !value.isTrue
      return isMissing ? arguments[0, "default_value"] ?? .string("") : value
    case "tojson":
      return .string(try json(value, JSONStyle(arguments)))
    case "length", "count": return .int(try count(of: value))
    case "list": return try made(.list(try elements(of: value)))
    case "items":
      switch value {
      case .undefined: return .list([])
      case .dictionary(let dictionary): return try pairs(of: dictionary)
      default: throw failed("a \(value.typeName) has no items")
      }
    case "dictsort": return try sortedPairs(of: value, arguments)
    case "first", "last":
      let items = try elements(of: value)
      return (name == "first" ? items.first : items.last) ?? .undefined("the \(name) of nothing")
    case "reverse":
      let items = try elements(of: value).reversed()
      guard case .string = value else { return try made(.list(Array(items))) }
      return .string(items.compactMap(\.text).joined())
    case "sort": return try sort(value, arguments)
    case "unique": return try unique(value, arguments)
    case "map": return try map(value, arguments)
    case "select", "reject", "selectattr", "rejectattr":
      return try select(name, value, arguments)
    case "int", "float": return try number(name, value, arguments)
    case "join":
      var parts: [String] = []
      for item in try elements(of: value) {
        parts.append(
          try text(
            of: try member(arguments["attribute"] ?? arguments.values.dropFirst().first, of: item)))
      }
      return try join(parts, by: try text(of: arguments[0, "d"] ?? .string("")))
    default: return .string(try textFilter(name, value, arguments))
    }
  }

  private mutating func count(of value: TemplateValue) throws(ChatTemplateError) -> Int {
    switch value {
    case .string(let text):
      try charge(bytes: text.utf8.count)
      return text.unicodeScalars.count
    case .list(let list): return list.items.count
    case .dictionary(let dictionary): return dictionary.entries.count
    case .undefined: return 0
    default: throw failed("a \(value.typeName) has no length")
    }
  }

  /// Filters of text that give text.
  private mutating func textFilter(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> String {
    let text = try text(of: value)
    try charge(bytes: text.utf8.count)
    switch name {
    case "string": return text
    case "trim":
      let set = arguments[0, "chars"]
      switch set {
      case nil, .some(.none): return text.stripped()
      case .some(let set): return text.stripped(of: try self.text(of: set))
      }
    case "upper": return text.uppercased()
    case "lower": return text.lowercased()
    case "capitalize": return text.capitalized(eachWord: false)
    case "title": return Self.title(text)
    case "replace":
      guard let old = arguments[0, "old"], let new = arguments[1, "new"] else {
        throw failed("the filter 'replace' takes an old and a new text")
      }
      let (from, to) = (try self.text(of: old), try self.text(of: new))
      let limit = arguments[2, "count"]?.integer
      return try replace(from, with: to, in: text, limit: limit.flatMap { $0 < 0 ? nil : $0 }).text
        ?? ""
    case "indent": return try indent(text, arguments)
    default: throw .unsupported(line: line, what: "a filter '\(name)'")
    }
  }

  /// Jinja's own: words also begin behind hyphens and opening brackets.
  private static func title(_ text: String) -> String {
    var (result, begins) = ("", true)
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      let divides = scalar.isTemplateSpace || "-({[<".unicodeScalars.contains(scalar)
      result += begins ? properties.uppercaseMapping : properties.lowercaseMapping
      begins = divides
    }
    return result
  }

  private mutating func indent(
    _ text: String, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> String {
    let indentation: String
    if let given = arguments[0, "width"]?.text {
      indentation = given
    } else {
      let width = arguments[0, "width"]?.integer ?? 4
      try charge(bytes: max(width, 0))
      indentation = String(repeating: " ", count: max(width, 0))
    }
    let isFirst = arguments[1, "first"]?.isTrue ?? false
    let isBlank = arguments[2, "blank"]?.isTrue ?? false
    let lines = (text + "\n").dividedLines
    let (size, isTooMuch) = lines.count.multipliedReportingOverflow(by: indentation.utf8.count)
    try charge(bytes: isTooMuch ? Int.max : size)
    return lines.enumerated().map { place, line in
      let isIndented = place == 0 ? isFirst : isBlank || !line.isEmpty
      return isIndented ? indentation + line : line
    }.joined(separator: "\n")
  }

  private mutating func number(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    let text = value.text.map { $0.stripped().replacing("_", with: "", limit: nil) }
    let real = value.number ?? text.flatMap { Double($0) }
    if name == "float" { return real.map { .float($0) } ?? arguments[0, "default"] ?? .float(0) }
    if arguments.values.count > 1 || arguments["base"] != nil {
      throw .unsupported(line: line, what: "the filter 'int' with a base")
    }
    if let number = value.integer ?? text.flatMap({ Int($0) }) { return .int(number) }
    // Towards 0.
    return real.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .int($0) }
      ?? arguments[0, "default"] ?? .int(0)
  }

  // MARK: Lists

  /// A member of a value by a name, or several with dots between; the value itself for nil.
  private mutating func member(
    _ name: TemplateValue?, of value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    guard let name else { return value }
    guard case .string(let path) = name else { return try element(name, of: value) }
    var value = value
    for part in path.divided(by: ".", limit: nil) {
      value = try element(Int(part).map { .int($0) } ?? .string(part), of: value)
    }
    return value
  }

  private mutating func map(
    _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    var results: [TemplateValue] = []
    let filter = arguments.values.first?.text
    let rest = TemplateCall(values: Array(arguments.values.dropFirst()), named: arguments.named)
    guard filter != nil || arguments["attribute"] != nil else {
      throw failed("the filter 'map' takes a filter or an attribute")
    }
    for item in value.isTrue ? try elements(of: value) : [] {
      try charge(1)
      if let filter {
        results.append(try apply(filter, to: item, rest))
      } else {
        let found = try member(arguments["attribute"], of: item)
        results.append(found.isUndefined ? arguments["default"] ?? found : found)
      }
    }
    return try made(.list(results))
  }

  private mutating func select(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    var values = arguments.values[...]
    let attribute = name.hasSuffix("attr") ? values.popFirst() : nil
    guard attribute != nil || !name.hasSuffix("attr") else {
      throw failed("the filter '\(name)' takes an attribute")
    }
    let test = values.popFirst()
    let rest = TemplateCall(values: Array(values), named: arguments.named)
    var kept: [TemplateValue] = []
    for item in value.isTrue ? try elements(of: value) : [] {
      let found = try member(attribute, of: item)
      var holds = found.isTrue
      if let test { holds = try self.test(try text(of: test), found, rest) }
      if holds == name.hasPrefix("select") { kept.append(item) }
    }
    return try made(.list(kept))
  }

  /// Ignores the case of text unless it is asked not to.
  private mutating func key(
    _ value: TemplateValue, _ arguments: TemplateCall, attribute: TemplateValue?
  ) throws(ChatTemplateError) -> TemplateValue {
    let found = try member(attribute, of: value)
    guard case .string(let text) = found, !(arguments["case_sensitive"]?.isTrue ?? false) else {
      return found
    }
    try charge(bytes: text.utf8.count)
    return .string(text.lowercased())
  }

  private mutating func sort(
    _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    var entries: [(key: TemplateValue, value: TemplateValue)] = []
    for item in try elements(of: value) {
      entries.append((try key(item, arguments, attribute: arguments["attribute"]), item))
    }
    let isReversed = arguments[0, "reverse"]?.isTrue ?? false
    return try made(.list(try sorted(entries, isReversed: isReversed)))
  }

  /// Equal keys keep their order, also when reversed, as in Python.
  private mutating func sorted(
    _ entries: [(key: TemplateValue, value: TemplateValue)], isReversed: Bool
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var failure: ChatTemplateError?
    let sorted = entries.sorted { one, other in
      guard failure == nil else { return false }
      do throws(ChatTemplateError) {
        return isReversed ? try isLess(other.key, one.key) : try isLess(one.key, other.key)
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    return sorted.map(\.value)
  }

  private mutating func sortedPairs(
    of value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    guard case .dictionary(let dictionary) = value else {
      throw failed("a \(value.typeName) has no items")
    }
    let isByValue = arguments[1, "by"]?.text == "value"
    var call = arguments
    if let isSensitive = arguments.values.first {
      call.named.append(("case_sensitive", isSensitive))
    }
    var entries: [(key: TemplateValue, value: TemplateValue)] = []
    for entry in dictionary.entries {
      let key = try key(
        isByValue ? entry.value : .string(entry.key), call, attribute: nil)
      entries.append((key, .tuple([.string(entry.key), entry.value])))
    }
    let isReversed = arguments[2, "reverse"]?.isTrue ?? false
    return try made(.list(try sorted(entries, isReversed: isReversed)))
  }

  private mutating func unique(
    _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    var (keys, kept): ([TemplateValue], [TemplateValue]) = ([], [])
    for item in try elements(of: value) {
      let key = try key(item, arguments, attribute: arguments["attribute"])
      var isKnown = false
      for other in keys where !isKnown { isKnown = try equal(key, other) }
      guard !isKnown else { continue }
      keys.append(key)
      kept.append(item)
    }
    return try made(.list(kept))
  }
}
