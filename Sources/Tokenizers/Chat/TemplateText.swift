extension Unicode.Scalar {
  /// White space to Python's `str.isspace`.
  var isTemplateSpace: Bool {
    switch value {
    case 0x1C...0x1F: true
    default: properties.isWhitespace
    }
  }
}

/// Python's methods of text, by scalars.
extension String {
  /// Without the scalars of `set`, or white space, at the ends.
  func stripped(of set: String? = nil, left: Bool = true, right: Bool = true) -> String {
    let set = set.map { Set($0.unicodeScalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isTemplateSpace }
    var rest = unicodeScalars[...]
    if left { rest = rest.drop(while: goes) }
    if right { while let last = rest.last, goes(last) { rest.removeLast() } }
    return String(rest)
  }

  /// Between occurrences of `separator`, which is not empty, at most `limit` of them; from
  /// the end if `fromEnd`.
  func divided(by separator: String, limit: Int?, fromEnd: Bool = false) -> [String] {
    let (text, mark) = (Array(utf8), Array(separator.utf8))
    let found = text.places(of: mark, fromEnd: fromEnd, limit: limit)
    let places = fromEnd ? found.reversed() : found
    var (parts, start): ([String], Int) = ([], 0)
    for place in places {
      parts.append(String(decoding: text[start..<place], as: UTF8.self))
      start = place + mark.count
    }
    return parts + [String(decoding: text[start...], as: UTF8.self)]
  }

  /// Words between white space; what is left after `limit` of them stays whole.
  func words(limit: Int?) -> [String] {
    var (parts, rest): ([String], Substring.UnicodeScalarView) = ([], self[...].unicodeScalars)
    while true {
      rest = rest.drop { $0.isTemplateSpace }
      guard !rest.isEmpty else { return parts }
      if parts.count == limit {
        return parts + [String(rest)]
      }
      let word = rest.prefix { !$0.isTemplateSpace }
      parts.append(String(word))
      rest = rest[word.endIndex...]
    }
  }

  func replacing(_ old: String, with new: String, limit: Int?) -> String {
    guard old.isEmpty else { return divided(by: old, limit: limit).joined(separator: new) }
    // Python puts the new text before each character and at the end.
    var (result, left) = ("", limit ?? Int.max)
    for scalar in unicodeScalars {
      if left > 0 { result += new }
      left -= 1
      result.unicodeScalars.append(scalar)
    }
    return left > 0 ? result + new : result
  }

  /// Lines without their ends.
  var dividedLines: [String] {
    var (lines, line, wasReturn): ([String], String.UnicodeScalarView, Bool) = ([], .init(), false)
    for scalar in unicodeScalars {
      if wasReturn, scalar == "\n" {
        wasReturn = false
        continue
      }
      wasReturn = scalar == "\r"
      switch scalar.value {
      case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
        lines.append(String(line))
        line = .init()
      default: line.append(scalar)
      }
    }
    return line.isEmpty ? lines : lines + [String(line)]
  }

  /// The first letter of each run of letters, or of the text alone, in upper case, the others
  /// in lower.
  func capitalized(eachWord: Bool) -> String {
    var (result, isInside) = ("", false)
    for scalar in unicodeScalars {
      let properties = scalar.properties
      result += isInside ? properties.lowercaseMapping : properties.titlecaseMapping
      isInside = !eachWord || properties.isCased
    }
    return result
  }

  /// Whether it has scalars, and all are as asked.
  func consists(of isWanted: (Unicode.Scalar) -> Bool) -> Bool {
    !isEmpty && unicodeScalars.allSatisfy(isWanted)
  }

  /// In single quotes, as Python's `repr` writes it.
  var quoted: String {
    let mark: Unicode.Scalar = utf8.contains(0x27) && !utf8.contains(0x22) ? "\"" : "'"
    var text = String.UnicodeScalarView([mark])
    for scalar in unicodeScalars {
      switch scalar {
      case mark, "\\": text += ["\\", scalar]
      case "\n": text += "\\n".unicodeScalars
      case "\r": text += "\\r".unicodeScalars
      case "\t": text += "\\t".unicodeScalars
      default:
        if scalar.isPrintable {
          text.append(scalar)
        } else {
          let digits = String(scalar.value, radix: 16)
          let (letter, width) =
            scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          text +=
            "\\\(letter)\(String(repeating: "0", count: width - digits.count))\(digits)"
            .unicodeScalars
        }
      }
    }
    text.append(mark)
    return String(text)
  }
}

extension Unicode.Scalar {
  /// To Python's `str.isprintable`.
  private static let hidden: Set<Unicode.GeneralCategory> = [
    .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
    .spaceSeparator,
  ]

  fileprivate var isPrintable: Bool {
    self == " " || !Self.hidden.contains(properties.generalCategory)
  }
}

extension [UInt8] {
  /// Where `mark`, which is not empty, begins, without overlaps, in the order they are found
  /// (Knuth, Morris and Pratt, 1977). Time: O(n), whatever the mark.
  func places(of mark: [UInt8], fromEnd: Bool = false, limit: Int? = nil) -> [Int] {
    guard limit != 0 else { return [] }
    guard !fromEnd else {
      return Array(reversed()).places(of: mark.reversed(), limit: limit)
        .map { count - $0 - mark.count }
    }
    // The longest proper prefix of the mark that ends at each of its bytes.
    var borders = [0]
    var matched = 0
    for byte in mark.dropFirst() {
      while matched > 0, mark[matched] != byte { matched = borders[matched - 1] }
      if mark[matched] == byte { matched += 1 }
      borders.append(matched)
    }
    var places: [Int] = []
    matched = 0
    for (offset, byte) in enumerated() {
      while matched > 0, mark[matched] != byte { matched = borders[matched - 1] }
      if mark[matched] == byte { matched += 1 }
      guard matched == mark.count else { continue }
      places.append(offset + 1 - mark.count)
      matched = 0
      if places.count == limit { break }
    }
    return places
  }
}

extension Double {
  /// As Python's `repr` writes it: the shortest digits, an exponent below 1e-4 and from 1e16.
  var templateText: String {
    guard isFinite else { return isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
    let sign = self.sign == .minus ? "-" : ""
    guard self != 0 else { return sign + "0.0" }
    // Digits and the decimal exponent of the first, from Swift's shortest form.
    let parts = magnitude.description.split(separator: "e")
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = halves[0]
    let fraction = halves.count > 1 ? halves[1] : ""
    var exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + whole.count - 1
    var digits = Substring(whole + fraction)
    while digits.count > 1, digits.first == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    if exponent < -4 || exponent >= 16 {
      let rest = digits.dropFirst()
      let power = String(exponent.magnitude)
      return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
        + (exponent < 0 ? "e-" : "e+") + (power.count < 2 ? "0" : "") + power
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    let padded = digits + String(repeating: "0", count: Swift.max(0, exponent + 1 - digits.count))
    let end = padded.index(padded.startIndex, offsetBy: exponent + 1)
    let rest = padded[end...]
    return sign + padded[..<end] + "." + (rest.isEmpty ? "0" : rest)
  }
}
