/// Finds added tokens in a text: at each place the longest, from the left.
struct AddedTokenFinder: Sendable {
  private let tokens: [AddedToken]
  /// Values are positions in `tokens`; one tree with special tokens, one without.
  private let all: ByteTrie
  private let plain: ByteTrie
  private let firstBytes: [Bool]

  /// `contents`: what each is found by.
  init(_ tokens: [AddedToken], contents: [[UInt8]]) {
    self.tokens = tokens
    let entries = tokens.indices.map { (contents[$0][...], Int32($0)) }
    all = ByteTrie(entries)
    plain = ByteTrie(entries.filter { !tokens[Int($0.1)].isSpecial })
    var firstBytes = [Bool](repeating: false, count: 256)
    for content in contents { if let first = content.first { firstBytes[Int(first)] = true } }
    self.firstBytes = firstBytes
  }

  var isEmpty: Bool { all.isEmpty }

  enum Part { case text(Range<Int>), token(Int32) }

  /// Divides a text; `body` gets texts that are not empty, and tokens.
  func divide(_ text: [UInt8], special: Bool, _ body: (Part) -> Void) {
    let trie = special ? all : plain
    guard !trie.isEmpty else {
      if !text.isEmpty { body(.text(0..<text.count)) }
      return
    }
    let span = text.span
    var (start, offset) = (0, 0)
    while offset < text.count {
      guard firstBytes[Int(span[offset])],
        let (value, length) = trie.longest(span, at: offset, end: text.count)
      else {
        offset += 1
        continue
      }
      let token = tokens[Int(value)]
      var (lower, upper) = (offset, offset + length)
      offset = upper
      if token.isSingleWord, isTouched(span, lower..<upper) { continue }
      if token.stripsLeft { lower = spaceStart(span, before: lower, start: start) }
      if token.stripsRight { upper = spaceEnd(span, after: upper) }
      if start < lower { body(.text(start..<lower)) }
      body(.token(token.id))
      (start, offset) = (upper, upper)
    }
    if start < text.count { body(.text(start..<text.count)) }
  }

  private func isTouched(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    if range.lowerBound > 0 {
      let first = previousScalar(text, before: range.lowerBound, start: 0)
      let scalar = decodeScalar(text, at: first, end: range.lowerBound)
      if CellSet.unicodeWord.contains(scalar: scalar.value) { return true }
    }
    guard range.upperBound < text.count else { return false }
    let scalar = decodeScalar(text, at: range.upperBound, end: text.count)
    return CellSet.unicodeWord.contains(scalar: scalar.value)
  }

  private func spaceStart(_ text: Span<UInt8>, before offset: Int, start: Int) -> Int {
    var offset = offset
    while offset > start {
      let first = previousScalar(text, before: offset, start: start)
      let scalar = decodeScalar(text, at: first, end: offset)
      guard CellSet.space.contains(scalar: scalar.value) else { break }
      offset = first
    }
    return offset
  }

  private func spaceEnd(_ text: Span<UInt8>, after offset: Int) -> Int {
    var offset = offset
    while offset < text.count {
      let scalar = decodeScalar(text, at: offset, end: text.count)
      guard CellSet.space.contains(scalar: scalar.value) else { break }
      offset += scalar.length
    }
    return offset
  }
}
