/// A set of scalars in a regular expression: all of its terms must hold.
package struct ScalarSet: Sendable, Hashable {
  /// Cells or ranges, or everything but those.
  struct Term: Sendable, Hashable {
    var cells: CellSet = []
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false

    func contains(_ scalar: UInt32) -> Bool {
      let isIn =
        cells.rawValue != 0 && cells.contains(scalar: scalar)
        || ranges.contains { $0.contains(scalar) }
      return isIn != isNegated
    }
  }

  private(set) var terms: [Term]
  /// One bit for each ASCII character.
  private(set) var low: UInt64 = 0
  private(set) var high: UInt64 = 0

  init(terms: [Term]) {
    self.terms = terms.map { term in
      var term = term
      term.ranges = ScalarSet.merged(term.ranges)
      return term
    }
    for scalar in 0..<UInt32(64) where containsSlowly(scalar) { low |= 1 << UInt64(scalar) }
    for scalar in UInt32(64)..<128 where containsSlowly(scalar) {
      high |= 1 << UInt64(scalar - 64)
    }
  }

  init(_ cells: CellSet) { self.init(terms: [Term(cells: cells)]) }

  init(_ scalar: Unicode.Scalar) {
    self.init(terms: [Term(ranges: [scalar.value...scalar.value])])
  }

  /// Everything that is not in the set, if it has one term.
  var inverted: ScalarSet? {
    guard terms.count == 1 else { return nil }
    var term = terms[0]
    term.isNegated.toggle()
    return ScalarSet(terms: [term])
  }

  @inline(__always)
  func contains(ascii byte: UInt8) -> Bool {
    (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 != 0
  }

  @inline(__always)
  func contains(_ scalar: UInt32) -> Bool {
    scalar < 0x80 ? contains(ascii: UInt8(scalar)) : containsSlowly(scalar)
  }

  @inline(never)
  private func containsSlowly(_ scalar: UInt32) -> Bool {
    for term in terms where !term.contains(scalar) { return false }
    return true
  }

  private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var merged: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
        merged[merged.count - 1] =
          last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }
}

extension ScalarSet {
  /// The script Han in Unicode 16 (Scripts.txt).
  package static let han: [ClosedRange<UInt32>] = [
    0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007,
    0x3021...0x3029, 0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D,
    0xFA70...0xFAD9, 0x16FE2...0x16FE3, 0x16FF0...0x16FF1, 0x20000...0x2A6DF,
    0x2A700...0x2B739, 0x2B740...0x2B81D, 0x2B820...0x2CEA1, 0x2CEB0...0x2EBE0,
    0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D, 0x30000...0x3134A, 0x31350...0x323AF,
  ]

  /// The cells or ranges that `\p{name}` means; nil if there are none of that name.
  static func property(_ name: String) -> Term? {
    if let cells = cells[name] { return Term(cells: cells) }
    return name == "Han" || name == "Script=Han" ? Term(ranges: han) : nil
  }

  private static let cells: [String: CellSet] = [
    "L": .letter, "Letter": .letter, "Lu": .uppercase, "Ll": .lowercase, "Lt": .titlecase,
    "Lm": .modifierLetter, "Lo": .otherLetter, "M": .mark, "Mark": .mark,
    "Mn": .nonspacingMark, "Mc": .spacingMark, "Me": .enclosingMark, "N": .number,
    "Number": .number, "Nd": .decimalNumber, "Nl": .letterNumber, "No": .otherNumber,
    "P": .punctuation, "Punctuation": .punctuation, "Punct": .punctuation, "Pc": .connector,
    "Pd": .dash, "Ps": .open, "Pe": .close, "Pi": .initialQuote, "Pf": .finalQuote,
    "Po": .otherPunctuation, "S": .symbol, "Symbol": .symbol, "Sm": .mathSymbol,
    "Sc": .currencySymbol, "Sk": .modifierSymbol, "So": .otherSymbol, "Z": .separator,
    "Separator": .separator, "Zs": .spaceSeparator, "Zl": .lineSeparator,
    "Zp": .paragraphSeparator, "C": .other, "Other": .other, "Cc": .control, "Cf": .format,
    "Cs": .surrogate, "Co": .privateUse, "Cn": .unassigned, "Space": .space,
    "White_Space": .space, "Any": .all,
  ]
}
