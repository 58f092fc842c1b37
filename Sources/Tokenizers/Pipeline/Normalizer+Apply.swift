extension Normalizer {
  /// Changes a text; `matcher` is memory to reuse.
  func apply(to text: inout [UInt8], _ matcher: inout Matcher) {
    switch self {
    case .nfc: if let normal = NormalizationForm.nfc.normalized(text) { text = normal }
    case .nfd: if let normal = NormalizationForm.nfd.normalized(text) { text = normal }
    case .nfkc: if let normal = NormalizationForm.nfkc.normalized(text) { text = normal }
    case .nfkd: if let normal = NormalizationForm.nfkd.normalized(text) { text = normal }
    case .lowercase: lowercase(&text)
    case .stripAccents: remove(.mark, from: &text)
    case .strip(let left, let right): text = Array(text[trimmed(text, left: left, right: right)])
    case .replace(.literal(let wanted), let replacement):
      replace(wanted, with: replacement, in: &text)
    case .replace(.expression(let pattern), let replacement):
      replace(pattern, with: replacement, in: &text, &matcher)
    case .prepend(let bytes): if !text.isEmpty { text.insert(contentsOf: bytes, at: 0) }
    case .charsMap(let map): text = map.normalizedByGrapheme(text)
    case .sentencePiece(let rules): text = rules.normalized(text)
    case .bert(let cleans, let splitsHan, let stripsAccents, let lowercases):
      bert(&text, cleans: cleans, splitsHan: splitsHan)
      if stripsAccents {
        if let normal = NormalizationForm.nfd.normalized(text) { text = normal }
        remove(.nonspacingMark, from: &text)
      }
      if lowercases { lowercase(&text) }
    }
  }

  /// Scalar by scalar: `ΑΣ` becomes `ας` nowhere, as in Rust's `char::to_lowercase`.
  private func lowercase(_ text: inout [UInt8]) {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    forEachScalar(text) { scalar, range in
      if scalar < 0x80 {
        result.append((0x41...0x5A).contains(scalar) ? UInt8(scalar + 0x20) : UInt8(scalar))
      } else if scalar == 0xFFFD {
        result += text[range]
      } else {
        result += Unicode.Scalar(scalar)!.properties.lowercaseMapping.utf8
      }
    }
    text = result
  }

  private func remove(_ cells: CellSet, from text: inout [UInt8]) {
    guard text.contains(where: { $0 >= 0x80 }) else { return }
    var result: [UInt8] = []
    forEachScalar(text) { scalar, range in
      if scalar < 0x80 || !cells.contains(scalar: scalar) { result += text[range] }
    }
    text = result
  }

  private func trimmed(_ text: [UInt8], left: Bool, right: Bool) -> Range<Int> {
    var (start, end) = (0, text.count)
    let span = text.span
    while left, start < end {
      let scalar = decodeScalar(span, at: start, end: end)
      guard CellSet.space.contains(scalar: scalar.value) else { break }
      start += scalar.length
    }
    while right, end > start {
      let before = previousScalar(span, before: end, start: start)
      guard CellSet.space.contains(scalar: decodeScalar(span, at: before, end: end).value) else {
        break
      }
      end = before
    }
    return start..<end
  }

  private func replace(_ wanted: [UInt8], with replacement: [UInt8], in text: inout [UInt8]) {
    guard let first = wanted.first, text.contains(first) else { return }
    let source = text
    var result: [UInt8] = []
    result.reserveCapacity(source.count + source.count / 4)
    var offset = 0
    let (span, target) = (source.span, wanted.span)
    while offset < source.count {
      if span[offset] == first, offset + wanted.count <= source.count,
        areEqual(span, offset..<offset + wanted.count, target, 0)
      {
        result.append(contentsOf: replacement)
        offset += wanted.count
      } else {
        result.append(span[offset])
        offset += 1
      }
    }
    text = result
  }

  private func replace(
    _ pattern: Pattern, with replacement: [UInt8], in text: inout [UInt8],
    _ matcher: inout Matcher
  ) {
    let source = text
    var result: [UInt8] = []
    var end = 0
    matcher.allow(bytes: source.count)
    matcher.forEachMatch(pattern, source.span, in: 0..<source.count) { range in
      result += source[end..<range.lowerBound]
      result += replacement
      end = range.upperBound
    }
    text = result + source[end...]
  }

  private func bert(_ text: inout [UInt8], cleans: Bool, splitsHan: Bool) {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    forEachScalar(text) { scalar, range in
      let isSpace = CellSet.space.contains(scalar: scalar)
      let isLine = scalar == 9 || scalar == 10 || scalar == 13
      if cleans, scalar == 0 || scalar == 0xFFFD { return }
      if cleans, !isLine, CellSet.other.contains(scalar: scalar) { return }
      if cleans, isSpace {
        result.append(0x20)
      } else if splitsHan, Normalizer.han.contains(where: { $0.contains(scalar) }) {
        result.append(0x20)
        result += text[range]
        result.append(0x20)
      } else {
        result += text[range]
      }
    }
    text = result
  }

  /// BERT's Chinese characters. 2B920 is 2B820 misread, and what everyone uses.
  private static let han: [ClosedRange<UInt32>] = [
    0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
    0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F,
  ]
}

/// Goes through the scalars of UTF-8 bytes.
func forEachScalar(_ text: [UInt8], _ body: (UInt32, Range<Int>) -> Void) {
  var offset = 0
  let span = text.span
  while offset < text.count {
    let scalar = decodeScalar(span, at: offset, end: text.count)
    body(scalar.value, offset..<offset + scalar.length)
    offset += scalar.length
  }
}

extension Matcher {
  /// Matches in a piece from left to right; those of no characters are passed over.
  /// Steps are those that `allow` gave.
  package mutating func forEachMatch(
    _ pattern: borrowing Pattern, _ text: Span<UInt8>, in bounds: Range<Int>,
    _ body: (Range<Int>) -> Void
  ) {
    var offset = bounds.lowerBound
    while offset < bounds.upperBound, !isExhausted {
      let end = match(pattern, text, at: offset, in: bounds)
      if end > offset {
        body(offset..<end)
        offset = end
      } else {
        offset += decodeScalar(text, at: offset, end: bounds.upperBound).length
      }
    }
  }
}

extension SentencePieceRules {
  /// SentencePiece's `Normalizer::Normalize`.
  package func normalized(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 4 + 3)
    let text = bytes.span
    let space = escapesSpaces ? MetaspaceRules.lowerBlock : [0x20]
    var offset = 0
    if removesExtraSpaces {
      while offset < bytes.count {
        let (mapped, length) = next(text, bytes, offset)
        guard mapped.elementsEqual([0x20]) else { break }
        offset += length
      }
    }
    guard offset < bytes.count else { return result }
    if addsDummyPrefix, !putsSpaceLast { result += space }
    var isAfterSpace = removesExtraSpaces
    while offset < bytes.count {
      let byte = text[offset]
      // Most text is ASCII that nothing maps.
      if charsMap == nil, kept == nil, byte < 0x80, byte != 0x20 {
        result.append(byte)
        (offset, isAfterSpace) = (offset + 1, false)
        continue
      }
      var (mapped, length) = next(text, bytes, offset)
      if isAfterSpace { mapped = mapped.drop { $0 == 0x20 } }
      for byte in mapped {
        if byte == 0x20 { result += space } else { result.append(byte) }
      }
      if let last = mapped.last { isAfterSpace = removesExtraSpaces && last == 0x20 }
      offset += length
    }
    if removesExtraSpaces {
      while result.count >= space.count, result.suffix(space.count).elementsEqual(space) {
        result.removeLast(space.count)
      }
    }
    if addsDummyPrefix, putsSpaceLast { result += space }
    return result
  }

  /// What the text at an offset becomes, and how many bytes of it.
  private func next(
    _ text: Span<UInt8>, _ bytes: [UInt8], _ offset: Int
  ) -> (ArraySlice<UInt8>, Int) {
    if let (_, length) = kept?.longest(text, at: offset, end: bytes.count) {
      return (bytes[offset..<offset + length], length)
    }
    if let charsMap,
      let mapped = charsMap.replacement(text, at: offset, end: bytes.count, longest: true)
    {
      return (charsMap.bytes(mapped.bytes), mapped.length)
    }
    let length = decodeScalar(text, at: offset, end: bytes.count).length
    return (bytes[offset..<offset + length], length)
  }
}
