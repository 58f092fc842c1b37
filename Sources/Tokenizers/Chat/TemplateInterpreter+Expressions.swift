extension TemplateInterpreter {
  /// The value of an expression.
  mutating func value(of expression: TemplateExpression) throws(ChatTemplateError) -> TemplateValue
  {
    try enter()
    defer { exit() }
    line = expression.line
    switch expression.kind {
    case .constant(let value): return value
    case .name(let name): return try variable(name)
    case .list(let items, let isTuple):
      return try made(.list(TemplateList(try values(of: items), isTuple: isTuple)))
    case .dictionary(let members): return try dictionary(members)
    case .attribute(let base, let name): return try attribute(name, of: try value(of: base))
    case .element(let base, let place):
      return try element(try value(of: place), of: try value(of: base))
    case .slice(let base, let first, let last, let step):
      return try slice(base, first, last, step)
    case .call(let callee, let arguments):
      return try call(try value(of: callee), try evaluated(arguments), line: expression.line)
    case .filter(let base, let name, let arguments):
      return try apply(name, to: try value(of: base), arguments)
    case .test(let base, let name, let arguments):
      return .bool(try test(name, try value(of: base), try evaluated(arguments)))
    case .not(let operand): return .bool(!(try value(of: operand).isTrue))
    case .sign(let operand, let isMinus): return try signed(try value(of: operand), isMinus)
    case .arithmetic(let left, let mark, let right):
      let (left, right) = (try value(of: left), try value(of: right))
      line = expression.line
      return try calculate(left, mark, right)
    case .concatenation(let parts): return try concatenation(parts)
    case .comparison(let first, let others): return try comparison(first, others)
    case .and(let left, let right):
      let left = try value(of: left)
      return left.isTrue ? try value(of: right) : left
    case .or(let left, let right):
      let left = try value(of: left)
      return left.isTrue ? left : try value(of: right)
    case .conditional(let first, let condition, let otherwise):
      if try value(of: condition).isTrue { return try value(of: first) }
      guard let otherwise else { return .undefined("the value of an 'if' without 'else'") }
      return try value(of: otherwise)
    }
  }

  private mutating func values(
    of expressions: [TemplateExpression]
  ) throws(ChatTemplateError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try value(of: expression)) }
    return values
  }

  mutating func evaluated(_ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateCall
  {
    var call = TemplateCall(values: try values(of: arguments.values))
    for (name, expression) in arguments.named {
      call.named.append((name, try value(of: expression)))
    }
    return call
  }

  private mutating func dictionary(
    _ members: [(key: TemplateExpression, value: TemplateExpression)]
  ) throws(ChatTemplateError) -> TemplateValue {
    var dictionary = TemplateDictionary()
    for member in members {
      guard case .string(let key) = try value(of: member.key) else {
        throw .unsupported(line: line, what: "a dictionary with keys that are no text")
      }
      dictionary[key] = try value(of: member.value)
    }
    return try made(.dictionary(dictionary))
  }

  private mutating func concatenation(
    _ parts: [TemplateExpression]
  ) throws(ChatTemplateError) -> TemplateValue {
    var result = ""
    for part in parts {
      result += try text(of: try value(of: part))
      try charge(bytes: result.utf8.count)
    }
    return .string(result)
  }

  private mutating func comparison(
    _ first: TemplateExpression, _ others: [(operation: String, operand: TemplateExpression)]
  ) throws(ChatTemplateError) -> TemplateValue {
    var left = try value(of: first)
    for (operation, operand) in others {
      let right = try value(of: operand)
      guard try compare(left, operation, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  // MARK: Parts of values

  private func undefinedError(_ name: String) -> ChatTemplateError {
    failed("'\(name)' is undefined")
  }

  /// What a loop or a filter goes through: elements, keys or characters.
  mutating func elements(of value: TemplateValue) throws(ChatTemplateError) -> [TemplateValue] {
    switch value {
    case .undefined: return []
    case .list(let list):
      try charge(1 + list.items.count / 8)
      return list.items
    case .dictionary(let dictionary):
      try charge(1 + dictionary.entries.count)
      return dictionary.entries.map { .string($0.key) }
    case .string(let text):
      try charge(1 + text.utf8.count)
      return text.unicodeScalars.map { .string(String($0)) }
    default: throw failed("a \(value.typeName) has no elements")
    }
  }

  private static let textMethods: Set<String> = [
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith",
    "replace", "upper", "lower", "title", "capitalize", "find", "rfind", "index", "count", "join",
    "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "removeprefix",
    "removesuffix", "format", "zfill", "ljust", "rjust", "center", "partition", "encode",
  ]
  private static let dictionaryMethods: Set<String> = [
    "items", "keys", "values", "get", "copy", "pop", "popitem", "update", "setdefault", "clear",
  ]
  private static let listMethods: Set<String> = [
    "index", "count", "copy", "append", "extend", "insert", "pop", "remove", "reverse", "sort",
    "clear",
  ]

  /// `value.name`: a method before a member.
  mutating func attribute(
    _ name: String, of value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .undefined(let name): throw undefinedError(name)
    case .dictionary(let dictionary):
      if Self.dictionaryMethods.contains(name) { return .method(value, name) }
      try charge(1 + dictionary.entries.count / 8)
      return dictionary[name] ?? .undefined(name)
    case .namespace(let number):
      try charge(1 + namespaces[number].entries.count / 8)
      return namespaces[number][name] ?? .undefined(name)
    case .string: return Self.textMethods.contains(name) ? .method(value, name) : .undefined(name)
    case .list: return Self.listMethods.contains(name) ? .method(value, name) : .undefined(name)
    case .loop(let number): return attribute(name, ofLoop: number)
    case .none, .bool, .int, .float, .macro, .function, .method: return .undefined(name)
    }
  }

  private func attribute(_ name: String, ofLoop number: Int) -> TemplateValue {
    let loop = runningLoops[number]
    let (place, count) = (loop.place, loop.items.count)
    switch name {
    case "index": return .int(place + 1)
    case "index0": return .int(place)
    case "revindex": return .int(count - place)
    case "revindex0": return .int(count - place - 1)
    case "first": return .bool(place == 0)
    case "last": return .bool(place == count - 1)
    case "length": return .int(count)
    case "previtem": return place > 0 ? loop.items[place - 1] : .undefined("loop.previtem")
    case "nextitem": return place + 1 < count ? loop.items[place + 1] : .undefined("loop.nextitem")
    case "depth": return .int(1)
    case "depth0": return .int(0)
    case "cycle", "changed": return .method(.loop(number), name)
    default: return .undefined(name)
    }
  }

  /// `value[place]`: a member before a method.
  mutating func element(
    _ place: TemplateValue, of value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    switch value {
    case .undefined(let name): throw undefinedError(name)
    case .dictionary(let dictionary):
      guard case .string(let key) = place else { return .undefined("an element") }
      try charge(1 + dictionary.entries.count / 8)
      if let member = dictionary[key] { return member }
      return try attribute(key, of: value)
    case .list(let list):
      if let number = place.integer {
        let index = number < 0 ? number + list.items.count : number
        return list.items.indices.contains(index)
          ? list.items[index] : .undefined("element \(number)")
      }
    case .string(let text):
      if let number = place.integer {
        let scalars = try scalars(of: text)
        let index = number < 0 ? number + scalars.count : number
        return scalars.indices.contains(index)
          ? .string(String(scalars[index])) : .undefined("character \(number)")
      }
    case .none, .bool, .int, .float, .namespace, .macro, .function, .method, .loop: break
    }
    guard case .string(let name) = place else { return .undefined("an element") }
    return try attribute(name, of: value)
  }

  mutating func scalars(of text: String) throws(ChatTemplateError) -> [Unicode.Scalar] {
    try charge(bytes: text.utf8.count)
    return Array(text.unicodeScalars)
  }

  private mutating func slice(
    _ base: TemplateExpression, _ first: TemplateExpression?, _ last: TemplateExpression?,
    _ step: TemplateExpression?
  ) throws(ChatTemplateError) -> TemplateValue {
    let base = try value(of: base)
    var bounds: [Int?] = []
    for part in [first, last, step] {
      guard let part else {
        bounds.append(nil)
        continue
      }
      let bound = try value(of: part)
      if case .none = bound {
        bounds.append(nil)
      } else if let number = bound.integer {
        bounds.append(number)
      } else {
        throw failed("a slice by a \(bound.typeName)")
      }
    }
    guard bounds[2] != 0 else { throw failed("a slice by steps of 0") }
    let step = bounds[2] ?? 1
    switch base {
    case .undefined(let name): throw undefinedError(name)
    case .list(let list):
      let items = Self.places(list.items.count, bounds[0], bounds[1], step).map { list.items[$0] }
      return try made(.list(TemplateList(items, isTuple: list.isTuple)))
    case .string(let text):
      let scalars = try scalars(of: text)
      var part = String.UnicodeScalarView()
      for place in Self.places(scalars.count, bounds[0], bounds[1], step) {
        part.append(scalars[place])
      }
      return .string(String(part))
    default: return .undefined("a slice of a \(base.typeName)")
    }
  }

  /// The positions that a Python slice takes from `count` elements.
  private static func places(_ count: Int, _ first: Int?, _ last: Int?, _ step: Int) -> [Int] {
    func clamped(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
      let place = bound < 0 ? bound + count : bound
      return min(max(place, range.lowerBound), range.upperBound)
    }
    // A stride beyond the list is as good as one to its end.
    let step = min(max(step, -count - 1), count + 1)
    if step > 0 {
      let range = 0...count
      return Array(
        stride(
          from: first.map { clamped($0, range) } ?? 0, to: last.map { clamped($0, range) } ?? count,
          by: step))
    }
    let range = -1...(count - 1)
    return Array(
      stride(
        from: first.map { clamped($0, range) } ?? count - 1,
        to: last.map { clamped($0, range) } ?? -1, by: step))
  }

  // MARK: Calls

  private mutating func call(
    _ callee: TemplateValue, _ arguments: TemplateCall, line: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    self.line = line
    switch callee {
    case .macro(let number): return try call(macro: number, arguments)
    case .method(.loop(let number), let name): return try call(name, ofLoop: number, arguments)
    case .method(let value, let name): return try call(name, of: value, arguments)
    case .function(let function): return try call(function, arguments)
    case .undefined(let name): throw undefinedError(name)
    default: throw failed("a \(callee.typeName) cannot be called")
    }
  }

  private mutating func call(
    _ name: String, ofLoop number: Int, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    let loop = runningLoops[number]
    if name == "cycle" {
      guard !arguments.values.isEmpty else { throw failed("loop.cycle without values") }
      return arguments.values[loop.place % arguments.values.count]
    }
    if let last = loop.last, last.count == arguments.values.count {
      var isSame = true
      for (old, new) in zip(last, arguments.values) where try !equal(old, new) { isSame = false }
      if isSame { return .bool(false) }
    }
    runningLoops[number].last = arguments.values
    return .bool(true)
  }

  private mutating func call(
    _ function: TemplateFunction, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    switch function {
    case .namespace, .dictionary:
      var dictionary = TemplateDictionary()
      if case .dictionary(let first)? = arguments.values.first {
        dictionary = first
      } else if !arguments.values.isEmpty {
        throw .unsupported(line: line, what: "\(function.rawValue)() of a list")
      }
      for (name, value) in arguments.named { dictionary[name] = value }
      let value = try made(.dictionary(dictionary))
      if function == .dictionary { return value }
      namespaces.append(dictionary)
      return .namespace(namespaces.count - 1)
    case .range: return try range(arguments)
    case .raiseException:
      let message = try text(of: arguments[0, "message"] ?? .string(""))
      throw .refused(line: line, message: message)
    case .date:
      let format = try text(of: arguments[0, "format"] ?? .string(""))
      switch date.text(format) {
      case .success(let text): return .string(text)
      case .failure(let letter):
        throw .unsupported(line: line, what: "a date's '%\(letter.letter)'")
      }
    }
  }

  private mutating func range(_ arguments: TemplateCall) throws(ChatTemplateError) -> TemplateValue
  {
    let numbers = arguments.values.compactMap(\.integer)
    guard numbers.count == arguments.values.count, (1...3).contains(numbers.count) else {
      throw failed("range() takes one to three whole numbers")
    }
    let (first, last) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
    let step = numbers.count == 3 ? numbers[2] : 1
    guard step != 0 else { throw failed("range() by steps of 0") }
    // Jinja's sandbox has the same limit.
    let limit = 100_000
    var items: [TemplateValue] = []
    for number in stride(from: first, to: last, by: step) {
      guard items.count < limit else {
        throw .limitExceeded(line: line, what: "numbers of a range", limit: limit)
      }
      items.append(.int(number))
    }
    return try made(.list(items))
  }
}
