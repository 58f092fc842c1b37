/// A piece of a template.
struct TemplateToken: Equatable {
  enum Kind: Equatable {
    /// Text outside of tags, never empty.
    case text(String)
    /// `{%` and `{{`.
    case beginBlock, beginOutput
    /// `%}` and `}}`.
    case endBlock, endOutput
    case name(String)
    case string(String)
    case int(Int)
    case float(Double)
    /// An operator or a bracket.
    case mark(String)
    case end
  }

  let kind: Kind
  let line: Int
}

/// Cuts a template into tokens as Jinja 3.1 does with `trim_blocks` and `lstrip_blocks`, which
/// transformers sets: a line's end after a block goes, and so does white space before a block
/// that begins its line. `-` beside a bracket takes all white space there along, `+` keeps it.
struct TemplateLexer {
  /// Bytes of a template; the largest real ones have 40,000.
  static let sizeLimit = 1 << 20

  private let text: [Unicode.Scalar]
  private var offset = 0
  private var line = 1
  private var tokens: [TemplateToken] = []
  /// Brackets that are open within a tag.
  private var open: [Unicode.Scalar] = []
  /// Whether the last tag ended with a line's end, so that a line begins here.
  private var beginsLine = true

  static func tokens(of source: String) throws(ChatTemplateError) -> [TemplateToken] {
    guard source.utf8.count <= sizeLimit else {
      throw .limitExceeded(line: 1, what: "bytes of template", limit: sizeLimit)
    }
    var lexer = TemplateLexer(source)
    try lexer.run()
    return lexer.tokens
  }

  /// Line ends become `\n`; the last one goes, as in Jinja.
  private init(_ source: String) {
    var text: [Unicode.Scalar] = []
    var wasReturn = false
    for scalar in source.unicodeScalars {
      if !(scalar == "\n" && wasReturn) { text.append(scalar == "\r" ? "\n" : scalar) }
      wasReturn = scalar == "\r"
    }
    if text.last == "\n" { text.removeLast() }
    self.text = text
  }

  private mutating func add(_ kind: TemplateToken.Kind) {
    tokens.append(TemplateToken(kind: kind, line: line))
  }

  private func starts(_ mark: String, at place: Int) -> Bool {
    var place = place
    for scalar in mark.unicodeScalars {
      guard place < text.count, text[place] == scalar else { return false }
      place += 1
    }
    return true
  }

  private func malformed(_ reason: String) -> ChatTemplateError {
    .malformed(line: line, reason: reason)
  }

  /// Goes on by `count` scalars and counts their lines.
  private mutating func advance(_ count: Int) {
    for scalar in text[offset..<offset + count] where scalar == "\n" { line += 1 }
    offset += count
  }

  // MARK: Outside of tags

  private mutating func run() throws(ChatTemplateError) {
    while offset < text.count {
      let begin = nextTag(from: offset)
      guard begin < text.count else {
        addText(upTo: text.count, before: nil)
        break
      }
      let kind = text[begin + 1]
      let sign = begin + 2 < text.count ? text[begin + 2] : " "
      addText(upTo: begin, before: (kind, sign))
      advance(sign == "-" || sign == "+" ? 3 : 2)
      switch kind {
      case "#": try comment()
      case "%":
        if try raw() { continue }
        add(.beginBlock)
        try tag(end: "%}", .endBlock)
      default:
        add(.beginOutput)
        try tag(end: "}}", .endOutput)
      }
    }
    add(.end)
  }

  /// Where the next `{{`, `{%` or `{#` is; the end if there is none.
  private func nextTag(from start: Int) -> Int {
    var place = start
    while place + 1 < text.count {
      if text[place] == "{", ["{", "%", "#"].contains(text[place + 1]) { return place }
      place += 1
    }
    return text.count
  }

  /// Text before a tag of a kind, with the sign beside its bracket.
  private mutating func addText(
    upTo end: Int, before tag: (kind: Unicode.Scalar, sign: Unicode.Scalar)?
  ) {
    var part = text[offset..<end]
    if let tag, tag.sign == "-" {
      while let last = part.last, last.isTemplateSpace { part.removeLast() }
    } else if let tag, tag.kind != "{", tag.sign != "+" {
      let lineStart = part.lastIndex(of: "\n").map { $0 + 1 } ?? part.startIndex
      let isWhole = lineStart > part.startIndex || beginsLine
      if isWhole, part[lineStart...].allSatisfy(\.isTemplateSpace) {
        part = part[..<lineStart]
      }
    }
    if !part.isEmpty { add(.text(Self.string(part))) }
    advance(end - offset)
  }

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// After a tag's end: what its sign and `trim_blocks` take along.
  private mutating func trim(sign: Unicode.Scalar?, isBlock: Bool) {
    beginsLine = false
    if sign == "-" {
      var count = 0
      while offset + count < text.count, text[offset + count].isTemplateSpace { count += 1 }
      beginsLine = count > 0 && text[offset + count - 1] == "\n"
      advance(count)
    } else if isBlock, sign != "+", offset < text.count, text[offset] == "\n" {
      advance(1)
      beginsLine = true
    }
  }

  private mutating func comment() throws(ChatTemplateError) {
    let first = line
    var place = offset
    while place < text.count, !starts("#}", at: place) { place += 1 }
    guard place < text.count else {
      throw .malformed(line: first, reason: "a comment without an end")
    }
    let sign = place > offset ? text[place - 1] : nil
    advance(place + 2 - offset)
    trim(sign: sign, isBlock: true)
  }

  /// `{% raw %}…{% endraw %}` after its `{%`; false, and nothing read, if it is another block.
  private mutating func raw() throws(ChatTemplateError) -> Bool {
    guard let (length, sign) = block("raw", at: offset) else { return false }
    let first = line
    advance(length)
    trim(sign: sign, isBlock: false)
    var place = offset
    while place < text.count {
      if starts("{%", at: place) {
        let mark = place + 2 < text.count ? text[place + 2] : " "
        let skipped = mark == "-" || mark == "+" ? 3 : 2
        if let (length, sign) = block("endraw", at: place + skipped) {
          addText(upTo: place, before: ("%", mark))
          advance(skipped + length)
          trim(sign: sign, isBlock: true)
          return true
        }
      }
      place += 1
    }
    throw .malformed(line: first, reason: "{% raw %} without {% endraw %}")
  }

  /// The scalars of a block that is one word, up to its end, and the sign there.
  private func block(_ word: String, at start: Int) -> (Int, Unicode.Scalar?)? {
    var place = start
    while place < text.count, text[place].isTemplateSpace { place += 1 }
    guard starts(word, at: place) else { return nil }
    place += word.unicodeScalars.count
    while place < text.count, text[place].isTemplateSpace { place += 1 }
    guard place < text.count else { return nil }
    let sign = ["-", "+"].contains(text[place]) ? text[place] : nil
    if sign != nil { place += 1 }
    return starts("%}", at: place) ? (place + 2 - start, sign) : nil
  }

  // MARK: Inside tags

  private static let doubleMarks: Set<String> = ["==", "!=", ">=", "<=", "//", "**"]
  private static let marks = Set("+-/*%~[](){}><=.:|,".unicodeScalars)
  private static let closing: [Unicode.Scalar: Unicode.Scalar] = ["]": "[", ")": "(", "}": "{"]

  private mutating func tag(
    end: String, _ kind: TemplateToken.Kind
  ) throws(ChatTemplateError) {
    let first = line
    open = []
    while offset < text.count {
      let scalar = text[offset]
      if open.isEmpty {
        let isSigned = scalar == "-" || scalar == "+" && kind == .endBlock
        let sign = isSigned && starts(end, at: offset + 1) ? scalar : nil
        if sign != nil || starts(end, at: offset) {
          advance(sign == nil ? 2 : 3)
          add(kind)
          trim(sign: sign, isBlock: kind == .endBlock)
          return
        }
      }
      if scalar.isTemplateSpace {
        advance(1)
      } else if scalar == "'" || scalar == "\"" {
        try string(quote: scalar)
      } else if scalar.isASCIIDigit {
        try number()
      } else if scalar.isNameStart {
        name()
      } else {
        try mark()
      }
    }
    throw .malformed(line: first, reason: "a tag without '\(end)'")
  }

  private mutating func mark() throws(ChatTemplateError) {
    let scalar = text[offset]
    if offset + 1 < text.count {
      let pair = Self.string([scalar, text[offset + 1]])
      if Self.doubleMarks.contains(pair) {
        add(.mark(pair))
        return advance(2)
      }
    }
    guard Self.marks.contains(scalar) else {
      throw malformed("unexpected '\(scalar)'")
    }
    if ["(", "[", "{"].contains(scalar) { open.append(scalar) }
    if let opening = Self.closing[scalar] {
      guard open.popLast() == opening else { throw malformed("unexpected '\(scalar)'") }
    }
    add(.mark(String(scalar)))
    advance(1)
  }

  private mutating func name() {
    let end = text[offset...].firstIndex { !($0.isNameStart || $0.isASCIIDigit) } ?? text.count
    add(.name(Self.string(text[offset..<end])))
    advance(end - offset)
  }

  private mutating func number() throws(ChatTemplateError) {
    func end(_ start: Int, _ isWanted: (Unicode.Scalar) -> Bool) -> Int {
      text[start...].firstIndex { !isWanted($0) } ?? text.count
    }
    var stop = end(offset) { $0.isASCIIDigit || $0.isNameStart }
    let start = offset
    var isFloat = false
    if stop + 1 < text.count, text[stop] == ".", text[stop + 1].isASCIIDigit,
      text[start..<stop].allSatisfy({ $0.isASCIIDigit || $0 == "_" })
    {
      isFloat = true
      stop = end(stop + 1) { $0.isASCIIDigit || $0.isNameStart }
    }
    if stop < text.count, text[stop] == "+" || text[stop] == "-",
      text[stop - 1] == "e" || text[stop - 1] == "E"
    {
      stop = end(stop + 1) { $0.isASCIIDigit || $0 == "_" }
    }
    let digits = Self.string(text[start..<stop].lazy.filter { $0 != "_" })
    let bases = ["0x": 16, "0b": 2, "0o": 8]
    if let base = bases[String(digits.prefix(2)).lowercased()],
      let number = Int(digits.dropFirst(2), radix: base)
    {
      add(.int(number))
    } else if !isFloat, let number = Int(digits) {
      add(.int(number))
    } else if let number = Double(digits),
      isFloat || digits.contains(where: { $0 == "e" || $0 == "E" })
    {
      add(.float(number))
    } else {
      throw malformed("'\(digits.prefix(40))' is no number that fits")
    }
    advance(stop - start)
  }

  private mutating func string(quote: Unicode.Scalar) throws(ChatTemplateError) {
    let first = line
    var content = String.UnicodeScalarView()
    var place = offset + 1
    while place < text.count, text[place] != quote {
      guard text[place] == "\\" else {
        content.append(text[place])
        place += 1
        continue
      }
      guard place + 1 < text.count else { break }
      place = try escape(at: place + 1, into: &content)
    }
    guard place < text.count else {
      throw .malformed(line: first, reason: "a string without an end")
    }
    add(.string(String(content)))
    advance(place + 1 - offset)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}",
    "b": "\u{08}", "f": "\u{0C}", "v": "\u{0B}",
  ]

  /// Python's escapes, from behind the backslash; returns where they end.
  private func escape(
    at place: Int, into content: inout String.UnicodeScalarView
  ) throws(ChatTemplateError) -> Int {
    let letter = text[place]
    if let scalar = Self.escapes[letter] {
      content.append(scalar)
      return place + 1
    }
    if letter == "\n" { return place + 1 }
    let octal = text[place...].prefix(3).prefix { ("0"..."7").contains($0) }
    if !octal.isEmpty {
      let value = octal.reduce(0) { $0 * 8 + ($1.value - 0x30) }
      content.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      return place + octal.count
    }
    let widths: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
    guard let width = widths[letter] else {
      if letter == "N" { throw .unsupported(line: line, what: "an escape '\\N'") }
      content.append(contentsOf: ["\\", letter])
      return place + 1
    }
    let digits = text[(place + 1)...].prefix(width)
    guard digits.count == width, let value = UInt32(Self.string(digits), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw malformed("'\\\(letter)' without \(width) hexadecimal digits of a character") }
    content.append(scalar)
    return place + 1 + width
  }
}

extension Unicode.Scalar {
  var isASCIIDigit: Bool { ("0"..."9").contains(self) }

  /// Of names in ASCII, as all real templates have.
  fileprivate var isNameStart: Bool {
    ("a"..."z").contains(self) || ("A"..."Z").contains(self) || self == "_"
  }
}
