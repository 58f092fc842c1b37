/// Cuts a text into pieces, step after step.
struct Segmenter: Sendable {
  /// GPT-2's split, that of the step `ByteLevel`.
  static let gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  private let steps: [PreTokenizer]
  private let gpt2: Pattern?
  /// Bytes become characters before the last step; steps after it see those.
  private let mapsBytes: Bool

  init(_ steps: [PreTokenizer]) throws(TokenizerError) {
    self.steps = steps
    var (needsSplit, mapsBytes) = (false, false)
    for (number, step) in steps.enumerated() {
      guard case .byteLevel(_, let splits) = step else { continue }
      needsSplit = needsSplit || splits
      mapsBytes = mapsBytes || number < steps.count - 1
    }
    gpt2 = needsSplit ? try Pattern(Segmenter.gpt2) : nil
    self.mapsBytes = mapsBytes
  }

  /// `pieces` become the ranges of `text`, which may be rewritten. `isFirst`: the
  /// text begins what is encoded.
  func cut(_ text: inout [UInt8], isFirst: Bool, _ memory: inout Memory) {
    memory.pieces.removeAll(keepingCapacity: true)
    guard !text.isEmpty else { return }
    memory.pieces.append(0..<text.count)
    for step in steps { apply(step, to: &text, isFirst: isFirst, &memory) }
    if mapsBytes {
      memory.rewrite(&text) { text, piece in
        ByteAlphabet.decoded(text[piece]) ?? Array(text[piece])
      }
    }
  }

  private func apply(
    _ step: PreTokenizer, to text: inout [UInt8], isFirst: Bool, _ memory: inout Memory
  ) {
    switch step {
    case .byteLevel(let addsPrefixSpace, _):
      if addsPrefixSpace {
        memory.rewrite(&text) { text, piece in
          text[piece.lowerBound] == 0x20 ? Array(text[piece]) : [0x20] + text[piece]
        }
      }
      if let gpt2 { memory.isolate(gpt2, text.span) }
      if mapsBytes {
        memory.rewrite(&text) { text, piece in ByteAlphabet.encoded(text[piece]) }
      }
    case .split(.expression(let pattern), .isolated, _): memory.isolate(pattern, text.span)
    case .split(let wanted, let behavior, let inverted):
      memory.split(text.span, behavior, inverted: inverted) { text, piece, matcher, add in
        switch wanted {
        case .expression(let pattern): matcher.forEachMatch(pattern, text, in: piece, add)
        case .literal(let bytes): forEachOccurrence(bytes, text, piece, add)
        }
      }
    case .digits(let individually):
      split(text.span, individually ? .isolated : .contiguous, .number, &memory)
    case .whitespaceSplit: split(text.span, .removed, .space, &memory)
    case .punctuation(let behavior): splitPunctuation(text.span, behavior, &memory)
    case .bert:
      split(text.span, .removed, .space, &memory)
      splitPunctuation(text.span, .isolated, &memory)
    case .whitespace: splitWords(text.span, &memory)
    case .metaspace(let rules): apply(rules, to: &text, isFirst: isFirst, &memory)
    }
  }

  private func forEachOccurrence(
    _ wanted: [UInt8], _ text: Span<UInt8>, _ piece: Range<Int>, _ add: (Range<Int>) -> Void
  ) {
    guard let first = wanted.first else { return }
    var offset = piece.lowerBound
    while offset + wanted.count <= piece.upperBound {
      let range = offset..<offset + wanted.count
      if text[offset] == first, areEqual(text, range, wanted.span, 0) {
        add(range)
        offset = range.upperBound
      } else {
        offset += 1
      }
    }
  }

  private func split(
    _ text: Span<UInt8>, _ behavior: SplitBehavior, _ cells: CellSet, _ memory: inout Memory
  ) {
    memory.splitScalars(text, behavior) { cells.contains(scalar: $0) }
  }

  private func splitPunctuation(
    _ text: Span<UInt8>, _ behavior: SplitBehavior, _ memory: inout Memory
  ) {
    memory.splitScalars(text, behavior) { scalar in
      CellSet.punctuation.contains(scalar: scalar)
        || scalar < 0x80 && CellSet.symbol.contains(scalar: scalar)
    }
  }

  /// Runs of word characters and runs of what is neither a word nor a space.
  private func splitWords(_ text: Span<UInt8>, _ memory: inout Memory) {
    split(text, .removed, .space, &memory)
    split(text, .contiguous, .unicodeWord, &memory)
  }

  private func apply(
    _ rules: MetaspaceRules, to text: inout [UInt8], isFirst: Bool, _ memory: inout Memory
  ) {
    memory.rewrite(&text) { text, piece in
      var result: [UInt8] = []
      result.reserveCapacity(piece.count + piece.count / 2 + 3)
      for byte in text[piece] {
        if byte == 0x20 { result += rules.replacement } else { result.append(byte) }
      }
      let takesPrefix =
        rules.prefix == .always || rules.prefix == .first && isFirst && piece.lowerBound == 0
      if takesPrefix, !result.starts(with: rules.replacement) {
        result.insert(contentsOf: rules.replacement, at: 0)
      }
      return result
    }
    guard rules.splits else { return }
    memory.split(text.span, .mergedWithNext, inverted: false) { text, piece, _, add in
      forEachOccurrence(rules.replacement, text, piece, add)
    }
  }
}

extension Segmenter {
  /// Memory that texts share.
  struct Memory: Sendable {
    var pieces: [Range<Int>] = []
    var matcher = Matcher()
    private var others: [Range<Int>] = []
    private var matches: [(range: Range<Int>, isMatch: Bool)] = []

    /// Makes a new text of all pieces.
    mutating func rewrite(_ text: inout [UInt8], _ body: ([UInt8], Range<Int>) -> [UInt8]) {
      var result: [UInt8] = []
      result.reserveCapacity(text.count)
      for position in pieces.indices {
        let start = result.count
        result += body(text, pieces[position])
        pieces[position] = start..<result.count
      }
      text = result
    }

    /// Makes pieces of matches and of what lies between them.
    mutating func isolate(_ pattern: borrowing Pattern, _ text: Span<UInt8>) {
      swap(&pieces, &others)
      pieces.removeAll(keepingCapacity: true)
      matcher.allow(bytes: text.count)
      for piece in others {
        var (gap, offset) = (piece.lowerBound, piece.lowerBound)
        while offset < piece.upperBound, !matcher.isExhausted {
          let end = matcher.match(pattern, text, at: offset, in: piece)
          if end > offset {
            if gap < offset { pieces.append(gap..<offset) }
            pieces.append(offset..<end)
            (gap, offset) = (end, end)
          } else {
            offset += decodeScalar(text, at: offset, end: piece.upperBound).length
          }
        }
        if gap < piece.upperBound { pieces.append(gap..<piece.upperBound) }
      }
    }

    /// Splits at scalars of a kind.
    mutating func splitScalars(
      _ text: Span<UInt8>, _ behavior: SplitBehavior, _ isWanted: (UInt32) -> Bool
    ) {
      split(text, behavior, inverted: false) { text, piece, _, add in
        var offset = piece.lowerBound
        while offset < piece.upperBound {
          let scalar = decodeScalar(text, at: offset, end: piece.upperBound)
          if isWanted(scalar.value) { add(offset..<offset + scalar.length) }
          offset += scalar.length
        }
      }
    }

    /// Splits at the matches that `find` adds from left to right.
    mutating func split(
      _ text: Span<UInt8>, _ behavior: SplitBehavior, inverted: Bool,
      _ find: (Span<UInt8>, Range<Int>, inout Matcher, (Range<Int>) -> Void) -> Void
    ) {
      swap(&pieces, &others)
      pieces.removeAll(keepingCapacity: true)
      matcher.allow(bytes: text.count)
      for piece in others {
        var found: [(range: Range<Int>, isMatch: Bool)] = []
        swap(&found, &matches)
        found.removeAll(keepingCapacity: true)
        var end = piece.lowerBound
        find(text, piece, &matcher) { range in
          if end < range.lowerBound { found.append((end..<range.lowerBound, inverted)) }
          found.append((range, !inverted))
          end = range.upperBound
        }
        if end < piece.upperBound { found.append((end..<piece.upperBound, inverted)) }
        join(found, behavior)
        swap(&found, &matches)
      }
    }

    private mutating func join(
      _ found: [(range: Range<Int>, isMatch: Bool)], _ behavior: SplitBehavior
    ) {
      let first = pieces.count
      for (position, item) in found.enumerated() {
        let wasMatch = position > 0 && found[position - 1].isMatch
        let joins =
          switch behavior {
          case .removed, .isolated: false
          case .mergedWithPrevious: item.isMatch && !wasMatch
          case .mergedWithNext: wasMatch && !item.isMatch
          case .contiguous: item.isMatch == wasMatch
          }
        if behavior == .removed, item.isMatch { continue }
        if joins, pieces.count > first, position > 0 {
          pieces[pieces.count - 1] = pieces[pieces.count - 1].lowerBound..<item.range.upperBound
        } else {
          pieces.append(item.range)
        }
      }
    }
  }
}
