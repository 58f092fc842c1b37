/// The most probable segmentation of one piece of text, by Viterbi's algorithm.
struct UnigramEncoder: Sendable {
  /// The best way to get to an offset.
  struct Node: Sendable {
    var score = 0.0
    /// Where its last token starts; −1 if the offset has not been reached.
    var start: Int32 = -1
    var id: Int32 = -1
  }

  /// How much worse an unknown character is than the worst token (SentencePiece).
  private static let unknownPenalty = 10.0
  /// What user-defined pieces give up for each piece (SentencePiece).
  private static let userDefinedPenalty = 0.1
  /// Longer pieces are encoded in parts, so that offsets stay small.
  private static let pieceLimit = 1 << 30

  /// How far sums of 32 bits go before they are counted anew: in long texts they
  /// would be too coarse. With 2¹⁷ all measured texts up to 1.1 MB give the tokens of
  /// SentencePiece 0.2.3.
  private static let rebaseDistance = 131072.0

  private let trie: ByteTrie
  private let map: ByteMap
  private let scores: [Double]
  private let unknownScore: Double
  private let bestScore: Double
  private let fallback: UnknownFallback
  private let userDefined: [Bool]
  private let keepsSingleSums: Bool

  init(
    _ rules: UnigramRules, _ spec: TokenizerSpec, _ map: ByteMap, findable: [Int]
  ) throws(TokenizerError) {
    guard rules.scores.count >= spec.vocabulary.count else {
      throw .malformed(place: "scores", reason: "fewer scores than tokens")
    }
    trie = ByteTrie(findable.map { (spec.vocabulary[$0], Int32($0)) })
    self.map = map
    scores = rules.scores
    keepsSingleSums = rules.keepsSingleSums
    let normal = findable.filter { spec.kinds[$0] == .normal }.map { rules.scores[$0] }
    unknownScore = (normal.min() ?? 0) - Self.unknownPenalty
    bestScore = normal.max() ?? 0
    userDefined =
      rules.prefersUserDefined ? spec.kinds.map { $0 == .userDefined } : []
    fallback = UnknownFallback(
      hasByteFallback: rules.hasByteFallback, unknown: rules.unknown, fuses: true,
      all: ByteMap(spec.vocabulary, ids: spec.vocabulary.indices))
  }

  func encode(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ best: inout [Node], into ids: inout [Int32]
  ) {
    var start = piece.lowerBound
    while start < piece.upperBound {
      let end = Swift.min(piece.upperBound, start + Self.pieceLimit)
      encodePart(text, start..<end, &best, into: &ids)
      start = end
    }
  }

  private func encodePart(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ best: inout [Node], into ids: inout [Int32]
  ) {
    best.removeAll(keepingCapacity: true)
    best.append(contentsOf: repeatElement(Node(), count: piece.count + 1))
    best[0].start = 0
    var (offset, base) = (0, 0.0)
    while offset < piece.count {
      let length = decodeScalar(text, at: piece.lowerBound + offset, end: piece.upperBound).length
      let here = best[offset].score
      if base - here > Self.rebaseDistance { base = here }
      var node: Int32 = 0
      var hasCharacter = false
      var end = offset
      while end < piece.count {
        node = trie.child(of: node, text[piece.lowerBound + end])
        guard node >= 0 else { break }
        end += 1
        let id = trie.value(of: node)
        guard id >= 0 else { continue }
        offer(
          sum(here, score(of: id, length: end - offset), base), from: offset, to: end, id, &best)
        if end - offset == length { hasCharacter = true }
      }
      if !hasCharacter {
        let sum = here + unknownScore
        offer(
          keepsSingleSums ? Double(Float(sum)) : sum, from: offset, to: offset + length, -1, &best)
      }
      offset += length
    }
    collect(text, piece, &best, into: &ids)
  }

  /// In 32 bits, counted from `base`.
  @inline(__always)
  private func sum(_ here: Double, _ score: Double, _ base: Double) -> Double {
    keepsSingleSums ? base + Double(Float(here - base) + Float(score)) : here + score
  }

  @inline(__always)
  private func score(of id: Int32, length: Int) -> Double {
    if !userDefined.isEmpty, userDefined[Int(id)] {
      return Double(length) * bestScore - Self.userDefinedPenalty
    }
    return scores[Int(id)]
  }

  @inline(__always)
  private func offer(
    _ score: Double, from start: Int, to end: Int, _ id: Int32, _ best: inout [Node]
  ) {
    if best[end].start < 0 || score > best[end].score {
      best[end] = Node(score: score, start: Int32(start), id: id)
    }
  }

  /// Goes back along the best way, then appends its tokens from the left. Runs of
  /// unknown characters count as one.
  private func collect(
    _ text: Span<UInt8>, _ piece: Range<Int>, _ best: inout [Node], into ids: inout [Int32]
  ) {
    // Turns the links round: `start` becomes where the token of this offset ends.
    var (end, next): (Int, Node) = (piece.count, Node())
    while end > 0 {
      let node = best[end]
      best[end] = next
      next = Node(start: Int32(end), id: node.id)
      end = Int(node.start)
    }
    best[0] = next
    var offset = 0
    while offset < piece.count {
      let node = best[offset]
      guard node.id < 0 else {
        ids.append(node.id)
        offset = Int(node.start)
        continue
      }
      let first = offset
      while offset < piece.count, best[offset].id < 0 { offset = Int(best[offset].start) }
      let run = piece.lowerBound + first..<piece.lowerBound + offset
      let id = map.id(text, run)
      if id >= 0 {
        ids.append(id)
      } else {
        var isAfterUnknown = false
        fallback.append(text, run, &isAfterUnknown, into: &ids)
      }
    }
  }
}
