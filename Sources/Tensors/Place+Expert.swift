extension Place {
  /// Which expert of its block the layer belongs to: 3 of `mlp.experts.3.w1` and of
  /// `ffn_up_exps.3`; nil of a layer that all tokens go through. O(length of the name).
  public var expert: Int? { expertNumber?.value }

  /// The layer without the expert's number, `mlp.experts.*.w1`: what the experts
  /// have in common, and a pattern that selects them all.
  public var kind: String {
    guard let range = expertNumber?.range else { return layer }
    return layer[..<range.lowerBound] + "*" + layer[range.upperBound...]
  }

  /// More experts than any block has.
  private static let expertLimit = 1_000_000

  /// The number between dots after a component that is, or ends in, `experts`, or at the
  /// end after one that ends in `_exps`. A number with leading zeros does not count, so that
  /// no two names share an expert.
  private var expertNumber: (value: Int, range: Range<String.Index>)? {
    let bytes = layer.utf8
    var start = bytes.startIndex
    var isAfterExperts = false
    var isAfterStack = false
    while let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")) {
      let component = layer[start..<dot]
      if isAfterExperts, let (value, digits) = Self.number(component) {
        return (value, digits.startIndex..<dot)
      }
      isAfterExperts = component.hasSuffix("experts") && !component.hasPrefix("shared")
      isAfterStack = component.hasSuffix("_exps")
      start = bytes.index(after: dot)
    }
    guard isAfterStack, let (value, digits) = Self.number(layer[start...]) else { return nil }
    return (value, digits.startIndex..<layer.endIndex)
  }

  /// `3` or `expert_3`.
  private static func number(_ component: Substring) -> (Int, Substring)? {
    let digits = component.hasPrefix("expert_") ? component.dropFirst(7) : component
    guard let first = digits.utf8.first, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      first != UInt8(ascii: "0") || digits.utf8.count == 1,
      let value = Int(digits), value < expertLimit
    else { return nil }
    return (value, digits)
  }
}
