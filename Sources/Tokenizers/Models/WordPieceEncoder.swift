/// WordPiece of one word: the longest prefix that is a token, then the longest that
/// is one inside a word, and so on; one unknown token for a word where that fails.
struct WordPieceEncoder: Sendable {
  private let rules: WordPieceRules
  private let map: ByteMap

  init(_ rules: WordPieceRules, _ map: ByteMap) {
    self.rules = rules
    self.map = map
  }

  /// O(n²) in the word's length, which `characterLimit` bounds.
  func encode(_ text: Span<UInt8>, _ word: Range<Int>, into ids: inout [Int32]) {
    let first = ids.count
    guard word.count <= rules.characterLimit * 4, characters(text, word) <= rules.characterLimit
    else { return ids.append(rules.unknown) }
    var start = word.lowerBound
    while start < word.upperBound {
      let lead = start == word.lowerBound ? [] : rules.continuation
      let bytes = lead + word.dropFirst(start - word.lowerBound).map { text[$0] }
      var end = bytes.count
      var id: Int32 = -1
      while end > lead.count {
        id = map.id(bytes.span, 0..<end)
        if id >= 0 { break }
        end = previousScalar(bytes.span, before: end, start: lead.count)
      }
      guard id >= 0 else {
        ids.removeLast(ids.count - first)
        return ids.append(rules.unknown)
      }
      ids.append(id)
      start += end - lead.count
    }
  }

  private func characters(_ text: Span<UInt8>, _ word: Range<Int>) -> Int {
    var (offset, count) = (word.lowerBound, 0)
    while offset < word.upperBound {
      offset += decodeScalar(text, at: offset, end: word.upperBound).length
      count += 1
    }
    return count
  }
}
