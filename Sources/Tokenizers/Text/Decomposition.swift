/// Mappings of scalars, and the pairs that compose, of Unicode 16.
struct Decomposition {
  struct Pair: Hashable {
    let first: UInt32
    let second: UInt32
  }

  static let shared = Decomposition()

  /// One step each; the steps are followed to the end when text is mapped.
  private(set) var canonical: [UInt32: [UInt32]] = [:]
  private(set) var compatible: [UInt32: [UInt32]] = [:]
  private(set) var composed: [Pair: UInt32] = [:]
  /// Scalars that NFC may change: those never composed again, and second halves.
  private(set) var unstable: Set<UInt32> = []

  private init() {
    for entry in Decomposition.table.utf8.split(separator: UInt8(ascii: " ")) { add(entry) }
  }

  private mutating func add(_ entry: Substring.UTF8View) {
    let marks: [UInt8] = [UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<")]
    guard let at = entry.firstIndex(where: marks.contains) else { return }
    let run = entry[..<at].split(separator: UInt8(ascii: "+")).map(hexadecimal)
    let to = entry[entry.index(after: at)...].split(separator: UInt8(ascii: ",")).map(hexadecimal)
    for step in 0..<(run.count > 1 ? run[1] : 1) {
      let scalar = run[0] + step
      let mapping = to.count == 1 ? [to[0] + step] : to
      guard entry[at] != UInt8(ascii: "<") else {
        compatible[scalar] = mapping
        continue
      }
      canonical[scalar] = mapping
      if entry[at] == UInt8(ascii: "=") {
        composed[Pair(first: to[0], second: to[1])] = scalar
        unstable.insert(to[1])
      } else {
        unstable.insert(scalar)
      }
    }
  }

  private func hexadecimal(_ digits: Substring.UTF8View) -> UInt32 {
    digits.reduce(0) { $0 << 4 | UInt32($1 < 0x40 ? $1 - 0x30 : $1 - 0x37) }
  }
}

/// Normalization forms (Unicode Standard Annex 15).
package enum NormalizationForm: Sendable {
  case nfc, nfd, nfkc, nfkd

  var isCompatible: Bool { self == .nfkc || self == .nfkd }
  var composes: Bool { self == .nfc || self == .nfkc }

  // Hangul syllables are computed (The Unicode Standard, 3.12).
  private static let syllable: UInt32 = 0xAC00
  private static let leading: UInt32 = 0x1100
  private static let vowel: UInt32 = 0x1161
  private static let trailing: UInt32 = 0x11A7
  private static let (leads, vowels, trails): (UInt32, UInt32, UInt32) = (19, 21, 28)

  /// The text in this form; nil if it already is, which for most text is found out
  /// in one look at each byte.
  package func normalized(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.contains(where: { $0 >= 0x80 }) else { return nil }
    let scalars = scalars(of: bytes)
    guard scalars.contains(where: mayChange) else { return nil }
    let mapped = composes ? composed(decomposed(scalars)) : decomposed(scalars)
    return mapped == scalars ? nil : utf8(of: mapped)
  }

  private func mayChange(_ scalar: UInt32) -> Bool {
    guard scalar >= 0xA0 else { return false }
    // All scalars below U+0300 are in NFC.
    if self == .nfc, scalar < 0x300 { return false }
    if NormalizationForm.combiningClass(scalar) != 0 { return true }
    if NormalizationForm.isHangul(scalar) { return true }
    let tables = Decomposition.shared
    if self == .nfc { return tables.unstable.contains(scalar) }
    // A canonical mapping may lead to a compatibility mapping.
    if tables.canonical[scalar] != nil { return true }
    return isCompatible && (tables.compatible[scalar] != nil || tables.unstable.contains(scalar))
  }

  private static func isHangul(_ scalar: UInt32) -> Bool {
    (0x1100...0x11FF).contains(scalar)
      || (syllable..<syllable + leads * vowels * trails)
        .contains(scalar)
  }

  private static func combiningClass(_ value: UInt32) -> UInt8 {
    guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return 0 }
    return scalar.properties.canonicalCombiningClass.rawValue
  }

  /// Decomposed fully, marks in canonical order.
  private func decomposed(_ scalars: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    for scalar in scalars { decompose(scalar, into: &result) }
    var start = 0
    while start < result.count {
      guard NormalizationForm.combiningClass(result[start]) != 0 else {
        start += 1
        continue
      }
      var end = start
      var marks: [(order: UInt8, scalar: UInt32)] = []
      while end < result.count {
        let order = NormalizationForm.combiningClass(result[end])
        guard order != 0 else { break }
        marks.append((order, result[end]))
        end += 1
      }
      // The standard library's sort is stable, but does not promise to be.
      let sorted = marks.enumerated().sorted {
        ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
      }
      for (position, mark) in sorted.enumerated() {
        result[start + position] = mark.element.scalar
      }
      start = end
    }
    return result
  }

  private func decompose(_ scalar: UInt32, into result: inout [UInt32]) {
    typealias Form = NormalizationForm
    guard scalar >= 0xA0 else { return result.append(scalar) }
    let index = scalar &- Form.syllable
    if index < Form.leads * Form.vowels * Form.trails {
      result.append(Form.leading + index / (Form.vowels * Form.trails))
      result.append(Form.vowel + index % (Form.vowels * Form.trails) / Form.trails)
      let trail = index % Form.trails
      if trail > 0 { result.append(Form.trailing + trail) }
      return
    }
    let tables = Decomposition.shared
    let mapping = tables.canonical[scalar] ?? (isCompatible ? tables.compatible[scalar] : nil)
    guard let mapping else { return result.append(scalar) }
    for part in mapping { decompose(part, into: &result) }
  }

  private func composed(_ scalars: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    var starter: Int?
    var lastClass: UInt8 = 0
    for scalar in scalars {
      let order = NormalizationForm.combiningClass(scalar)
      if let starter, let pair = compose(result[starter], scalar) {
        let isAdjacent = starter == result.count - 1
        // A mark is blocked by one of its own class or above before it.
        if isAdjacent || lastClass != 0 && lastClass < order {
          result[starter] = pair
          continue
        }
      }
      if order == 0 { starter = result.count }
      lastClass = order
      result.append(scalar)
    }
    return result
  }

  private func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    typealias Form = NormalizationForm
    let (lead, vowel) = (first &- Form.leading, second &- Form.vowel)
    if lead < Form.leads, vowel < Form.vowels {
      return Form.syllable + (lead * Form.vowels + vowel) * Form.trails
    }
    let (index, trail) = (first &- Form.syllable, second &- Form.trailing)
    if index < Form.leads * Form.vowels * Form.trails, index % Form.trails == 0,
      trail > 0, trail < Form.trails
    {
      return first + trail
    }
    return Decomposition.shared.composed[Decomposition.Pair(first: first, second: second)]
  }
}
