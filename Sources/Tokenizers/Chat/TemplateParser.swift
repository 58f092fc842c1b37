/// Reads a template's statements; expressions are in `TemplateParser+Expressions.swift`.
struct TemplateParser {
  /// Levels of blocks, and of an expression.
  static let blockLimit = 50
  static let expressionLimit = 100
  /// Members that a dictionary may be written with: they are searched one by one.
  static let memberLimit = 256

  private let tokens: [TemplateToken]
  private var place = 0
  private var blocks = 0
  private var loops = 0
  var nesting = 0

  static func statements(of source: String) throws(ChatTemplateError) -> [TemplateStatement] {
    var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
    let (statements, _) = try parser.body(of: nil, until: [])
    return statements
  }

  private init(tokens: [TemplateToken]) { self.tokens = tokens }

  // MARK: Tokens

  /// The token here; the last, `.end`, is never passed.
  var token: TemplateToken { tokens[place] }
  var line: Int { token.line }

  func token(after count: Int) -> TemplateToken { tokens[min(place + count, tokens.count - 1)] }

  mutating func advance() { place = min(place + 1, tokens.count - 1) }

  mutating func consume(_ kind: TemplateToken.Kind) -> Bool {
    guard token.kind == kind else { return false }
    advance()
    return true
  }

  mutating func consume(mark: String) -> Bool { consume(.mark(mark)) }
  mutating func consume(word: String) -> Bool { consume(.name(word)) }

  mutating func expect(_ kind: TemplateToken.Kind) throws(ChatTemplateError) {
    let found = token
    guard consume(kind) else {
      throw .malformed(
        line: found.line, reason: "\(kind.spelling) expected, not \(found.kind.spelling)")
    }
  }

  mutating func name() throws(ChatTemplateError) -> String {
    guard case .name(let name) = token.kind else {
      throw .malformed(line: line, reason: "a name expected, not \(token.kind.spelling)")
    }
    advance()
    return name
  }

  // MARK: Statements

  /// Statements up to a block that begins with one of `ends`, which is read up to its other
  /// words; nil for the template's end.
  private mutating func body(
    of opening: (word: String, line: Int)?, until ends: Set<String>
  ) throws(ChatTemplateError) -> ([TemplateStatement], end: String) {
    blocks += 1
    defer { blocks -= 1 }
    guard blocks <= Self.blockLimit else {
      throw .limitExceeded(line: line, what: "blocks inside each other", limit: Self.blockLimit)
    }
    var statements: [TemplateStatement] = []
    while true {
      let line = line
      switch token.kind {
      case .end:
        guard let opening else { return (statements, "") }
        throw .malformed(
          line: opening.line, reason: "{% \(opening.word) %} without an end")
      case .text(let text):
        advance()
        statements.append(TemplateStatement(kind: .text(text), line: line))
      case .beginOutput:
        advance()
        let value = try tupleOrExpression()
        try expect(.endOutput)
        statements.append(TemplateStatement(kind: .output(value), line: line))
      case .beginBlock:
        advance()
        let word = try name()
        if ends.contains(word) { return (statements, word) }
        statements.append(
          TemplateStatement(kind: try statement(word, line: line), line: line))
      default: throw .malformed(line: line, reason: "unexpected \(token.kind.spelling)")
      }
    }
  }

  /// What follows a block's first word.
  private mutating func statement(
    _ word: String, line: Int
  ) throws(ChatTemplateError) -> TemplateStatement.Kind {
    switch word {
    case "if": return try choice(line: line)
    case "for": return try loop(line: line)
    case "set": return try set(line: line)
    case "macro": return try macro(line: line)
    case "generation":
      try expect(.endBlock)
      let (body, _) = try body(of: (word, line), until: ["endgeneration"])
      try expect(.endBlock)
      return .scope(body)
    case "break", "continue":
      guard loops > 0 else { throw .malformed(line: line, reason: "{% \(word) %} outside a loop") }
      try expect(.endBlock)
      return word == "break" ? .leave : .next
    case "include", "import", "from", "extends", "block", "call", "filter", "with", "autoescape",
      "do", "trans", "print":
      throw .unsupported(line: line, what: "{% \(word) %}")
    default: throw .malformed(line: line, reason: "unexpected {% \(word) %}")
    }
  }

  private mutating func choice(line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
    var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
    while true {
      let condition = try tupleOrExpression()
      try expect(.endBlock)
      let (body, end) = try body(of: ("if", line), until: ["elif", "else", "endif"])
      branches.append((condition, body))
      if end == "elif" { continue }
      var otherwise: [TemplateStatement] = []
      if end == "else" {
        try expect(.endBlock)
        (otherwise, _) = try self.body(of: ("else", line), until: ["endif"])
      }
      try expect(.endBlock)
      return .choice(branches, otherwise)
    }
  }

  private mutating func loop(line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
    let target = try target(allowsAttribute: false)
    guard consume(word: "in") else {
      throw .malformed(line: self.line, reason: "'in' expected, not \(token.kind.spelling)")
    }
    let values = try tupleOrExpression(allowsConditional: false)
    let condition = consume(word: "if") ? try expression() : nil
    if token.kind == .name("recursive") {
      throw .unsupported(line: self.line, what: "{% for … recursive %}")
    }
    try expect(.endBlock)
    loops += 1
    let (body, end) = try body(of: ("for", line), until: ["else", "endfor"])
    loops -= 1
    var otherwise: [TemplateStatement] = []
    if end == "else" {
      try expect(.endBlock)
      (otherwise, _) = try self.body(of: ("else", line), until: ["endfor"])
    }
    try expect(.endBlock)
    return .loop(
      TemplateLoop(
        target: target, values: values, condition: condition, body: body, otherwise: otherwise))
  }

  private mutating func target(
    allowsAttribute: Bool
  ) throws(ChatTemplateError) -> TemplateTarget {
    let isBracketed = consume(mark: "(")
    let first = try name()
    if allowsAttribute, !isBracketed, consume(mark: ".") { return .attribute(first, try name()) }
    var names = [first]
    var isList = false
    while consume(mark: ",") {
      isList = true
      guard case .name(let name) = token.kind, name != "in" else { break }
      names.append(name)
      advance()
    }
    if isBracketed { try expect(.mark(")")) }
    return isList ? .names(names) : .name(first)
  }

  private mutating func set(line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
    let target = try target(allowsAttribute: true)
    if consume(mark: "=") {
      let value = try tupleOrExpression()
      try expect(.endBlock)
      return .set(target, value)
    }
    var filters: [(name: String, arguments: TemplateArguments)] = []
    while consume(mark: "|") {
      let name = try name()
      filters.append((name, consume(mark: "(") ? try arguments() : TemplateArguments()))
    }
    try expect(.endBlock)
    let (body, _) = try body(of: ("set", line), until: ["endset"])
    try expect(.endBlock)
    return .capture(target, filters, body)
  }

  private mutating func macro(line: Int) throws(ChatTemplateError) -> TemplateStatement.Kind {
    let name = try name()
    try expect(.mark("("))
    var parameters: [(name: String, standard: TemplateExpression?)] = []
    while !consume(mark: ")") {
      if !parameters.isEmpty { try expect(.mark(",")) }
      let parameter = try self.name()
      let standard = consume(mark: "=") ? try expression() : nil
      if standard == nil, let last = parameters.last, last.standard != nil {
        throw .malformed(
          line: self.line, reason: "parameter '\(parameter)' without a default after one with")
      }
      parameters.append((parameter, standard))
    }
    try expect(.endBlock)
    // A loop outside is no loop of the macro's.
    let outside = loops
    loops = 0
    let (body, _) = try body(of: ("macro", line), until: ["endmacro"])
    loops = outside
    // Jinja allows the name to be said again.
    if case .name = token.kind { advance() }
    try expect(.endBlock)
    return .macro(TemplateMacro(name: name, parameters: parameters, body: body))
  }
}

extension TemplateToken.Kind {
  /// For sentences.
  var spelling: String {
    switch self {
    case .text: "text"
    case .beginBlock: "'{%'"
    case .endBlock: "'%}'"
    case .beginOutput: "'{{'"
    case .endOutput: "'}}'"
    case .name(let name): "'\(name.prefix(40))'"
    case .string: "a string"
    case .int(let number): "'\(number)'"
    case .float(let number): "'\(number)'"
    case .mark(let mark): "'\(mark)'"
    case .end: "the end of the template"
    }
  }
}
