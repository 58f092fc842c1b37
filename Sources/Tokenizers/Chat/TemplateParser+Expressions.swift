/// Expressions, with Jinja's own order: `~` binds tighter than `+`, and filters and tests
/// tighter than every operator.
extension TemplateParser {
  private func node(
    _ kind: TemplateExpression.Kind, _ parts: [TemplateExpression], line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    let depth = 1 + (parts.lazy.map(\.depth).max() ?? 0)
    guard depth <= Self.expressionLimit else {
      throw .limitExceeded(
        line: line, what: "levels of one expression", limit: Self.expressionLimit)
    }
    return TemplateExpression(kind: kind, line: line, depth: depth)
  }

  /// One expression, or several with commas between, which are a tuple.
  mutating func tupleOrExpression(
    allowsConditional: Bool = true
  ) throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    let first = allowsConditional ? try expression() : try disjunction()
    guard token.kind == .mark(",") else { return first }
    var items = [first]
    while consume(mark: ",") {
      switch token.kind {
      case .mark(")"), .endBlock, .endOutput: break
      default: items.append(allowsConditional ? try expression() : try disjunction())
      }
    }
    return try node(.list(items, isTuple: true), items, line: line)
  }

  mutating func expression() throws(ChatTemplateError) -> TemplateExpression {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= Self.blockLimit else {
      throw .limitExceeded(
        line: line, what: "brackets inside each other", limit: Self.blockLimit)
    }
    var value = try disjunction()
    while token.kind == .name("if") {
      let line = line
      advance()
      let condition = try disjunction()
      let otherwise = consume(word: "else") ? try expression() : nil
      value = try node(
        .conditional(value, condition: condition, otherwise: otherwise),
        [value, condition] + (otherwise.map { [$0] } ?? []), line: line)
    }
    return value
  }

  private mutating func disjunction() throws(ChatTemplateError) -> TemplateExpression {
    var left = try conjunction()
    while token.kind == .name("or") {
      let line = line
      advance()
      let right = try conjunction()
      left = try node(.or(left, right), [left, right], line: line)
    }
    return left
  }

  private mutating func conjunction() throws(ChatTemplateError) -> TemplateExpression {
    var left = try negation()
    while token.kind == .name("and") {
      let line = line
      advance()
      let right = try negation()
      left = try node(.and(left, right), [left, right], line: line)
    }
    return left
  }

  private mutating func negation() throws(ChatTemplateError) -> TemplateExpression {
    // Counted rather than recursed into.
    var (isNegated, count, line) = (false, 0, line)
    while token.kind == .name("not") {
      line = self.line
      advance()
      count += 1
      isNegated.toggle()
    }
    let value = try comparison()
    guard count > 0 else { return value }
    let once = try node(.not(value), [value], line: line)
    return isNegated ? once : try node(.not(once), [once], line: line)
  }

  private mutating func comparison() throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    let first = try sum()
    var others: [(operation: String, operand: TemplateExpression)] = []
    while true {
      switch token.kind {
      case .mark(let mark) where ["==", "!=", "<", "<=", ">", ">="].contains(mark):
        advance()
        others.append((mark, try sum()))
      case .name("in"):
        advance()
        others.append(("in", try sum()))
      case .name("not") where token(after: 1).kind == .name("in"):
        advance()
        advance()
        others.append(("not in", try sum()))
      default:
        guard !others.isEmpty else { return first }
        return try node(.comparison(first, others), [first] + others.map(\.operand), line: line)
      }
    }
  }

  private mutating func sum() throws(ChatTemplateError) -> TemplateExpression {
    var left = try concatenation()
    while case .mark(let mark) = token.kind, mark == "+" || mark == "-" {
      let line = line
      advance()
      let right = try concatenation()
      left = try node(.arithmetic(left, mark, right), [left, right], line: line)
    }
    return left
  }

  private mutating func concatenation() throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    var parts = [try product()]
    while consume(mark: "~") { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try node(.concatenation(parts), parts, line: line)
  }

  private mutating func product() throws(ChatTemplateError) -> TemplateExpression {
    var left = try power()
    while case .mark(let mark) = token.kind, ["*", "/", "//", "%"].contains(mark) {
      let line = line
      advance()
      let right = try power()
      left = try node(.arithmetic(left, mark, right), [left, right], line: line)
    }
    return left
  }

  private mutating func power() throws(ChatTemplateError) -> TemplateExpression {
    var left = try unary()
    while token.kind == .mark("**") {
      let line = line
      advance()
      let right = try unary()
      left = try node(.arithmetic(left, "**", right), [left, right], line: line)
    }
    return left
  }

  /// A sign's operand has no filter of its own: `-a | abs` is `(-a) | abs`.
  private mutating func unary(
    hasFilters: Bool = true
  ) throws(ChatTemplateError) -> TemplateExpression {
    let line = line
    var value: TemplateExpression
    if case .mark(let mark) = token.kind, mark == "-" || mark == "+" {
      nesting += 1
      defer { nesting -= 1 }
      guard nesting <= Self.blockLimit else {
        throw .limitExceeded(line: line, what: "signs in a row", limit: Self.blockLimit)
      }
      advance()
      let operand = try unary(hasFilters: false)
      value = try node(.sign(operand, isMinus: mark == "-"), [operand], line: line)
    } else {
      value = try primary()
    }
    value = try postfix(value)
    return hasFilters ? try filters(value) : value
  }

  private static let constants: [String: TemplateValue] = [
    "true": .bool(true), "True": .bool(true), "false": .bool(false), "False": .bool(false),
    "none": .none, "None": .none,
  ]

  private mutating func primary() throws(ChatTemplateError) -> TemplateExpression {
    let (token, line) = (token, line)
    advance()
    switch token.kind {
    case .name(let name):
      if let value = Self.constants[name] { return try node(.constant(value), [], line: line) }
      return try node(.name(name), [], line: line)
    case .string(var text):
      while case .string(let more) = self.token.kind {
        text += more
        advance()
      }
      return try node(.constant(.string(text)), [], line: line)
    case .int(let number): return try node(.constant(.int(number)), [], line: line)
    case .float(let number): return try node(.constant(.float(number)), [], line: line)
    case .mark("("):
      if consume(mark: ")") { return try node(.list([], isTuple: true), [], line: line) }
      let value = try tupleOrExpression()
      try expect(.mark(")"))
      return value
    case .mark("["):
      let items = try list(until: "]")
      return try node(.list(items, isTuple: false), items, line: line)
    case .mark("{"): return try dictionary(line: line)
    default: throw .malformed(line: line, reason: "unexpected \(token.kind.spelling)")
    }
  }

  private mutating func list(
    until end: String
  ) throws(ChatTemplateError) -> [TemplateExpression] {
    var items: [TemplateExpression] = []
    while !consume(mark: end) {
      if !items.isEmpty {
        try expect(.mark(","))
        if consume(mark: end) { break }
      }
      items.append(try expression())
    }
    return items
  }

  private mutating func dictionary(line: Int) throws(ChatTemplateError) -> TemplateExpression {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !consume(mark: "}") {
      if !members.isEmpty {
        try expect(.mark(","))
        if consume(mark: "}") { break }
      }
      let key = try expression()
      try expect(.mark(":"))
      members.append((key, try expression()))
      guard members.count <= Self.memberLimit else {
        throw .limitExceeded(
          line: line, what: "members of one dictionary", limit: Self.memberLimit)
      }
    }
    return try node(
      .dictionary(members), members.map(\.key) + members.map(\.value), line: line)
  }

  // MARK: After a value

  /// Attributes, elements and calls.
  private mutating func postfix(
    _ value: TemplateExpression
  ) throws(ChatTemplateError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if consume(mark: ".") {
        if case .int(let number) = token.kind {
          advance()
          let place = try node(.constant(.int(number)), [], line: line)
          value = try node(.element(value, place), [value], line: line)
        } else {
          value = try node(.attribute(value, try name()), [value], line: line)
        }
      } else if consume(mark: "[") {
        value = try element(of: value, line: line)
      } else if consume(mark: "(") {
        let arguments = try arguments()
        value = try node(
          .call(value, arguments), [value] + arguments.expressions, line: line)
      } else {
        return value
      }
    }
  }

  private mutating func element(
    of value: TemplateExpression, line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    var parts: [TemplateExpression?] = [nil]
    while !consume(mark: "]") {
      if consume(mark: ":") {
        parts.append(nil)
      } else if parts[parts.count - 1] == nil {
        parts[parts.count - 1] = try expression()
      } else if token.kind == .mark(",") {
        throw .unsupported(line: line, what: "several places in one pair of brackets")
      } else {
        throw .malformed(line: line, reason: "']' expected, not \(token.kind.spelling)")
      }
    }
    guard parts.count <= 3 else { throw .malformed(line: line, reason: "a slice of four parts") }
    let known = parts.compactMap { $0 }
    if parts.count == 1 {
      guard let place = parts[0] else {
        throw .malformed(line: line, reason: "brackets without a place")
      }
      return try node(.element(value, place), [value, place], line: line)
    }
    return try node(
      .slice(value, parts[0], parts[1], parts.count > 2 ? parts[2] : nil), [value] + known,
      line: line)
  }

  /// What is between brackets, up to the closing one.
  mutating func arguments() throws(ChatTemplateError) -> TemplateArguments {
    var arguments = TemplateArguments()
    var isFirst = true
    while !consume(mark: ")") {
      if !isFirst {
        try expect(.mark(","))
        if consume(mark: ")") { break }
      }
      isFirst = false
      if token.kind == .mark("*") || token.kind == .mark("**") {
        throw .unsupported(line: line, what: "a call with '*'")
      }
      if case .name(let name) = token.kind, token(after: 1).kind == .mark("=") {
        advance()
        advance()
        arguments.named.append((name, try expression()))
      } else if arguments.named.isEmpty {
        arguments.values.append(try expression())
      } else {
        throw .malformed(line: line, reason: "an argument without a name after one with a name")
      }
      guard arguments.named.count <= Self.memberLimit else {
        throw .limitExceeded(line: line, what: "named arguments", limit: Self.memberLimit)
      }
    }
    return arguments
  }

  /// Filters, tests, and calls of what they give.
  private mutating func filters(
    _ value: TemplateExpression
  ) throws(ChatTemplateError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if consume(mark: "|") {
        let name = try name()
        let arguments = consume(mark: "(") ? try arguments() : TemplateArguments()
        value = try node(
          .filter(value, name, arguments), [value] + arguments.expressions, line: line)
      } else if consume(word: "is") {
        value = try test(of: value, line: line)
      } else if consume(mark: "(") {
        let arguments = try arguments()
        value = try node(
          .call(value, arguments), [value] + arguments.expressions, line: line)
      } else {
        return value
      }
    }
  }

  private mutating func test(
    of value: TemplateExpression, line: Int
  ) throws(ChatTemplateError) -> TemplateExpression {
    let isNegated = consume(word: "not")
    let name = try name()
    var arguments = TemplateArguments()
    if consume(mark: "(") {
      arguments = try self.arguments()
    } else if beginsArgument {
      arguments.values = [try postfix(try primary())]
    }
    let test = try node(
      .test(value, name, arguments), [value] + arguments.expressions, line: line)
    return isNegated ? try node(.not(test), [test], line: line) : test
  }

  /// Whether a test's argument stands here without brackets.
  private var beginsArgument: Bool {
    switch token.kind {
    case .name(let name): !["else", "or", "and", "is", "if", "in", "not"].contains(name)
    case .string, .int, .float, .mark("["), .mark("{"): true
    default: false
    }
  }
}
