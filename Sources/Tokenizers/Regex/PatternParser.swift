/// What a regular expression says, as a tree.
indirect enum PatternNode {
  case empty
  case set(ScalarSet)
  case sequence([PatternNode])
  case alternatives([PatternNode])
  case repetition(PatternNode, minimum: Int, maximum: Int?, Manner)
  case look(PatternNode, ahead: Bool, negative: Bool)
  case atomic(PatternNode)
  case position(Position)

  enum Manner { case greedy, lazy, possessive }
  enum Position { case lineStart, lineEnd, textStart, textEnd, lastLineEnd, boundary, inside }
}

/// Reads regular expressions as Oniguruma does in Ruby's syntax, which is how the
/// Hugging Face library reads those of tokenizer.json: `^` and `$` are at lines,
/// and `{1,3}+` repeats a repetition.
struct PatternParser {
  static let nestingLimit = 32
  static let repetitionLimit = 1000
  /// Scalars of an expression; the longest known one has 900.
  static let lengthLimit = 1 << 14
  /// A range with more scalars than this gets no other case.
  static let caseRangeLimit: UInt32 = 1 << 10

  private let source: [Unicode.Scalar]
  private let place: String
  private var offset = 0
  private var depth = 0
  private var ignoresCase = false
  private var dotMatchesNewline = false

  static func parse(_ text: String, place: String) throws(TokenizerError) -> PatternNode {
    var parser = PatternParser(source: Array(text.unicodeScalars), place: place)
    guard parser.source.count <= lengthLimit else {
      throw .limitExceeded(what: "characters in a regular expression", limit: lengthLimit)
    }
    let node = try parser.alternatives()
    guard parser.offset == parser.source.count else { throw parser.invalid("')' without '('") }
    return node
  }

  private init(source: [Unicode.Scalar], place: String) {
    self.source = source
    self.place = place
  }

  private func invalid(_ reason: String) -> TokenizerError {
    .malformed(place: place, reason: "regular expression, character \(offset): \(reason)")
  }

  private func unsupported(_ what: String) -> TokenizerError {
    .unsupported(place: place, what: "regular expression with \(what)")
  }

  private var next: Unicode.Scalar? { offset < source.count ? source[offset] : nil }

  private mutating func consume(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard source[offset...].starts(with: wanted) else { return false }
    offset += wanted.count
    return true
  }

  private mutating func alternatives() throws(TokenizerError) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.nestingLimit else {
      throw .limitExceeded(what: "nested groups in a regular expression", limit: Self.nestingLimit)
    }
    var choices = [try sequence()]
    while consume("|") { choices.append(try sequence()) }
    return choices.count == 1 ? choices[0] : .alternatives(choices)
  }

  private mutating func sequence() throws(TokenizerError) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      nodes.append(try quantified(try atom()))
    }
    return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
  }

  // MARK: Quantifiers

  private mutating func quantified(_ atom: PatternNode) throws(TokenizerError) -> PatternNode {
    var node = atom
    while let (minimum, maximum, isInterval) = try bounds() {
      var manner = PatternNode.Manner.greedy
      if consume("?") {
        manner = .lazy
      } else if !isInterval, consume("+") {
        manner = .possessive
      }
      depth += 1
      guard depth <= Self.nestingLimit else {
        throw .limitExceeded(
          what: "nested repetitions in a regular expression",
          limit: Self.nestingLimit)
      }
      node = .repetition(node, minimum: minimum, maximum: maximum, manner)
    }
    return node
  }

  private mutating func bounds() throws(TokenizerError) -> (Int, Int?, Bool)? {
    if consume("*") { return (0, nil, false) }
    if consume("+") { return (1, nil, false) }
    if consume("?") { return (0, 1, false) }
    let start = offset
    guard consume("{") else { return nil }
    let minimum = try number()
    let hasComma = consume(",")
    let maximum = hasComma ? try number() : minimum
    // Anything else in braces is plain text.
    guard minimum != nil || maximum != nil, consume("}") else {
      offset = start
      return nil
    }
    guard maximum.map({ $0 >= minimum ?? 0 }) ?? true else { throw invalid("empty repetition") }
    return (minimum ?? 0, maximum, true)
  }

  private mutating func number() throws(TokenizerError) -> Int? {
    var value: Int?
    while let scalar = next, ("0"..."9").contains(scalar) {
      value = (value ?? 0) * 10 + Int(scalar.value - 0x30)
      guard value ?? 0 <= Self.repetitionLimit else {
        throw .limitExceeded(
          what: "repetitions in a regular expression", limit: Self.repetitionLimit)
      }
      offset += 1
    }
    return value
  }

  // MARK: Atoms

  private mutating func atom() throws(TokenizerError) -> PatternNode {
    guard let scalar = next else { return .empty }
    switch scalar {
    case "(":
      offset += 1
      return try group()
    case "[": return .set(try bracket())
    case ".":
      offset += 1
      let newline = ScalarSet.Term(ranges: dotMatchesNewline ? [] : [0x0A...0x0A], isNegated: true)
      return .set(ScalarSet(terms: [newline]))
    case "^":
      offset += 1
      return .position(.lineStart)
    case "$":
      offset += 1
      return .position(.lineEnd)
    case "*", "+", "?": throw invalid("nothing to repeat")
    case "\\":
      if let position = position() { return .position(position) }
      return .set(ScalarSet(terms: [try escape(inBracket: false)]))
    default:
      offset += 1
      return .set(ScalarSet(terms: [literal(scalar.value...scalar.value)]))
    }
  }

  private mutating func position() -> PatternNode.Position? {
    if consume("\\b") { return .boundary }
    if consume("\\B") { return .inside }
    if consume("\\A") { return .textStart }
    if consume("\\z") { return .textEnd }
    if consume("\\Z") { return .lastLineEnd }
    return nil
  }

  private mutating func group() throws(TokenizerError) -> PatternNode {
    let (outerCase, outerDot) = (ignoresCase, dotMatchesNewline)
    defer { (ignoresCase, dotMatchesNewline) = (outerCase, outerDot) }
    guard consume("?") else { return try closed(try alternatives()) }
    if consume("=") { return .look(try closed(try alternatives()), ahead: true, negative: false) }
    if consume("!") { return .look(try closed(try alternatives()), ahead: true, negative: true) }
    if consume("<=") { return .look(try closed(try alternatives()), ahead: false, negative: false) }
    if consume("<!") { return .look(try closed(try alternatives()), ahead: false, negative: true) }
    if consume(">") { return .atomic(try closed(try alternatives())) }
    if consume("<") || consume("P<") {
      while let scalar = next, scalar != ">" { offset += scalar == ")" ? source.count : 1 }
      guard consume(">") else { throw invalid("group name without an end") }
      return try closed(try alternatives())
    }
    var isOn = true
    while let scalar = next {
      offset += 1
      switch scalar {
      case "-": isOn = false
      case "i": ignoresCase = isOn
      case "s", "m": dotMatchesNewline = isOn
      case "u": break
      case ":": return try closed(try alternatives())
      case ")":
        // The flags hold for the rest of the group around them.
        let rest = try alternatives()
        return rest
      default: throw unsupported("the flag '\(scalar)'")
      }
    }
    throw invalid("group without an end")
  }

  private mutating func closed(_ node: PatternNode) throws(TokenizerError) -> PatternNode {
    guard consume(")") else { throw invalid("group without an end") }
    return node
  }

  // MARK: Sets

  /// One scalar or range, in all its cases if case is ignored.
  private func literal(_ range: ClosedRange<UInt32>) -> ScalarSet.Term {
    var ranges = [range]
    if ignoresCase, range.upperBound - range.lowerBound <= Self.caseRangeLimit {
      for value in range {
        guard let scalar = Unicode.Scalar(value) else { continue }
        for other in PatternParser.otherCases(scalar) { ranges.append(other...other) }
      }
    }
    return ScalarSet.Term(ranges: ranges)
  }

  /// Scalars that simple case folding makes equal to one.
  private static func otherCases(_ scalar: Unicode.Scalar) -> [UInt32] {
    var others = mapped(scalar)
    for other in others.compactMap(Unicode.Scalar.init) { others += mapped(other) }
    switch others.first.flatMap(Unicode.Scalar.init) {
    case "s", "S": others.append(0x17F)
    case "k", "K": others.append(0x212A)
    default: break
    }
    return others
  }

  /// Lower and upper case, where each is one scalar.
  private static func mapped(_ scalar: Unicode.Scalar) -> [UInt32] {
    [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].compactMap { text in
      let scalars = text.unicodeScalars
      return scalars.count == 1 && scalars.first != scalar ? scalars.first?.value : nil
    }
  }

  private mutating func bracket() throws(TokenizerError) -> ScalarSet {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.nestingLimit else {
      throw .limitExceeded(what: "nested sets in a regular expression", limit: Self.nestingLimit)
    }
    offset += 1
    let isNegated = consume("^")
    var sets: [ScalarSet] = []
    var term = ScalarSet.Term()
    var nested: [ScalarSet] = []
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      if consume("&&") {
        sets.append(try union(term, nested))
        (term, nested) = (ScalarSet.Term(), [])
      } else if scalar == "[" {
        if let named = try posixClass() {
          try add(named, to: &term)
        } else {
          nested.append(try bracket())
        }
      } else {
        try addItem(to: &term)
      }
    }
    guard consume("]") else { throw invalid("set without an end") }
    sets.append(try union(term, nested))
    let whole = ScalarSet(terms: sets.flatMap(\.terms))
    guard isNegated else { return whole }
    guard let inverted = whole.inverted else { throw unsupported("a negated intersection") }
    return inverted
  }

  private func union(_ term: ScalarSet.Term, _ nested: [ScalarSet]) throws(TokenizerError)
    -> ScalarSet
  {
    if term.cells.isEmpty, term.ranges.isEmpty, nested.count == 1 { return nested[0] }
    var term = term
    for set in nested {
      guard set.terms.count == 1 else { throw unsupported("a union of intersections") }
      try add(set.terms[0], to: &term)
    }
    return ScalarSet(terms: [term])
  }

  private func add(_ item: ScalarSet.Term, to term: inout ScalarSet.Term) throws(TokenizerError) {
    var item = item
    if item.isNegated {
      guard item.ranges.isEmpty else { throw unsupported("a negated set inside a set") }
      item = ScalarSet.Term(cells: item.cells.inverted)
    }
    term.cells.formUnion(item.cells)
    term.ranges += item.ranges
  }

  private mutating func addItem(to term: inout ScalarSet.Term) throws(TokenizerError) {
    let first = try bracketItem()
    guard first.cells.isEmpty, !first.isNegated, let lower = first.ranges.first?.lowerBound,
      next == "-", offset + 1 < source.count, source[offset + 1] != "]"
    else { return try add(first, to: &term) }
    offset += 1
    let last = try bracketItem()
    guard last.cells.isEmpty, let upper = last.ranges.first?.lowerBound else {
      throw invalid("range without an end")
    }
    guard lower <= upper else { throw invalid("range that ends before it starts") }
    try add(literal(lower...upper), to: &term)
  }

  private mutating func bracketItem() throws(TokenizerError) -> ScalarSet.Term {
    guard let scalar = next else { throw invalid("set without an end") }
    if scalar == "\\" { return try escape(inBracket: true) }
    offset += 1
    return literal(scalar.value...scalar.value)
  }

  private mutating func posixClass() throws(TokenizerError) -> ScalarSet.Term? {
    guard consume("[:") else { return nil }
    let isNegated = consume("^")
    for (name, cells) in Self.posixClasses where consume(name + ":]") {
      return ScalarSet.Term(cells: isNegated ? cells.inverted : cells)
    }
    throw unsupported("an unknown POSIX class")
  }

  private static let posixClasses: [(String, CellSet)] = [
    ("digit", .decimalNumber), ("space", .space), ("punct", [.punctuation, .symbol]),
    ("word", .word),
  ]

  // MARK: Escapes

  private mutating func escape(inBracket: Bool) throws(TokenizerError) -> ScalarSet.Term {
    offset += 1
    guard let scalar = next else { throw invalid("'\\' at the end") }
    offset += 1
    switch scalar {
    case "s": return ScalarSet.Term(cells: .space)
    case "S": return ScalarSet.Term(cells: CellSet.space.inverted)
    case "d": return ScalarSet.Term(cells: .decimalNumber)
    case "D": return ScalarSet.Term(cells: CellSet.decimalNumber.inverted)
    case "w", "W":
      // In brackets, Oniguruma goes by Unicode alone.
      let word = inBracket ? CellSet.word.subtracting(.wordNumber) : .word
      return ScalarSet.Term(cells: scalar == "w" ? word : word.inverted)
    case "p", "P": return try property(isNegated: scalar == "P")
    case "n": return literal(0x0A...0x0A)
    case "r": return literal(0x0D...0x0D)
    case "t": return literal(0x09...0x09)
    case "v": return literal(0x0B...0x0B)
    case "f": return literal(0x0C...0x0C)
    case "e": return literal(0x1B...0x1B)
    case "b" where inBracket: return literal(0x08...0x08)
    case "x":
      let value = consume("{") ? try hexadecimal(digits: 8) : try hexadecimal(digits: 2)
      if source[offset - 1] != "}", next == "}" { offset += 1 }
      return literal(value...value)
    case "u":
      let value = try hexadecimal(digits: 4)
      return literal(value...value)
    case "0"..."9", "a"..."z", "A"..."Z": throw unsupported("'\\\(scalar)'")
    default: return literal(scalar.value...scalar.value)
    }
  }

  private mutating func hexadecimal(digits: Int) throws(TokenizerError) -> UInt32 {
    var value: UInt32 = 0
    var count = 0
    while count < digits, let scalar = next, let digit = Character(scalar).hexDigitValue {
      value = value << 4 | UInt32(digit)
      offset += 1
      count += 1
    }
    guard count > 0, value <= 0x10FFFF else { throw invalid("no character has this number") }
    return value
  }

  private mutating func property(isNegated: Bool) throws(TokenizerError) -> ScalarSet.Term {
    var name = ""
    var isInverted = isNegated
    if consume("{") {
      if consume("^") { isInverted.toggle() }
      while let scalar = next, scalar != "}" {
        name.unicodeScalars.append(scalar)
        offset += 1
      }
      guard consume("}") else { throw invalid("property without an end") }
    } else if let scalar = next {
      name.unicodeScalars.append(scalar)
      offset += 1
    }
    guard var term = ScalarSet.property(name) else { throw unsupported("the property '\(name)'") }
    if isInverted {
      if term.ranges.isEmpty {
        term.cells = term.cells.inverted
      } else {
        term.isNegated = true
      }
    }
    return term
  }
}
