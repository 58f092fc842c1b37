/// What each token adds to a text: the decoder steps, worked out once.
struct TokenTexts: Sendable {
  /// Bytes by id.
  private(set) var texts = ByteStrings()
  /// Bytes by id if it is the first of a text; empty where that changes nothing.
  private let firstReplacement: [UInt8]?
  /// How many of `stripped` are left out at the start of a text.
  let stripCount: Int
  let stripped: [UInt8]
  private let isWordPiece: Bool
  private let spec: TokenizerSpec

  /// `normalized`: added tokens that are found in normalized text, as found there.
  init(_ spec: TokenizerSpec, normalized: [Int32: [UInt8]]) {
    self.spec = spec
    var (count, stripped): (Int, [UInt8]) = (0, [])
    var first: [UInt8]?
    var isWordPiece = false
    var isFused = false
    for step in spec.decoders {
      switch step {
      case .fuse: isFused = true
      case .strip(let content, let start) where isFused: (count, stripped) = (start, content)
      case .metaspace(let rules): if rules.prefix != .never { first = rules.replacement }
      case .wordPiece: isWordPiece = true
      case .byteLevel, .byteFallback, .replace, .strip: break
      }
    }
    stripCount = count
    self.stripped = stripped
    firstReplacement = first
    self.isWordPiece = isWordPiece
    texts.reserve(strings: spec.vocabulary.count, bytes: spec.vocabulary.storage.count)
    for id in spec.vocabulary.indices {
      let bytes = normalized[Int32(id)] ?? Array(spec.vocabulary[id])
      texts.append(TokenTexts.text(bytes, spec.decoders))
    }
  }

  /// The bytes of a token where nothing stands before it.
  func first(_ id: Int) -> [UInt8] {
    if isWordPiece, texts[id].first == 0x20 { return Array(texts[id].dropFirst()) }
    guard let firstReplacement else { return Array(texts[id]) }
    return TokenTexts.replaced(Array(spec.vocabulary[id]), firstReplacement, with: [])
  }

  private static func text(_ token: [UInt8], _ steps: [DecoderStep]) -> [UInt8] {
    var bytes = token
    var isFused = false
    for step in steps {
      switch step {
      case .byteLevel: break
      case .fuse: isFused = true
      case .byteFallback:
        if let byte = byte(named: bytes) { bytes = [byte] }
      case .replace(let wanted, let replacement):
        bytes = replaced(bytes, wanted, with: replacement)
      case .strip(let content, let start):
        var left = isFused ? 0 : start
        while left > 0, !content.isEmpty, bytes.starts(with: content) {
          bytes.removeFirst(content.count)
          left -= 1
        }
      case .metaspace(let rules): bytes = replaced(bytes, rules.replacement, with: [0x20])
      case .wordPiece(let continuation):
        if bytes.starts(with: continuation), !continuation.isEmpty {
          bytes.removeFirst(continuation.count)
        } else {
          bytes.insert(0x20, at: 0)
        }
      }
    }
    return bytes
  }

  /// 10 of "<0x0A>"; nil for anything else.
  static func byte(named name: some BidirectionalCollection<UInt8>) -> UInt8? {
    guard name.count == 6, name.starts(with: "<0x".utf8), name.last == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: name.dropFirst(3).dropLast(), as: UTF8.self), radix: 16)
  }

  private static func replaced(_ bytes: [UInt8], _ wanted: [UInt8], with replacement: [UInt8])
    -> [UInt8]
  {
    guard !wanted.isEmpty, bytes.contains(wanted[0]) else { return bytes }
    var result: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.first {
      if rest.starts(with: wanted) {
        result += replacement
        rest = rest.dropFirst(wanted.count)
      } else {
        result.append(byte)
        rest = rest.dropFirst()
      }
    }
    return result
  }
}
