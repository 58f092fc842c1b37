extension Unicode.Scalar {
  /// Columns that a terminal gives this scalar: 0 for a combining mark, 2 for a wide East
  /// Asian glyph or emoji, else 1 (UAX #11, East Asian Width; general categories Mn, Me, Cf).
  public var columns: Int {
    if value < 0x300 { return 1 }
    if isWide { return 2 }
    return isCombining ? 0 : 1
  }

  /// What is sent in its place: a control character becomes its picture (ESC is ␛), an
  /// unassigned or invisible formatting character becomes �, all else stays.
  public var shown: Unicode.Scalar {
    switch value {
    case 0x20...0x7E: return self
    case 0...0x1F: return Unicode.Scalar(0x2400 + value) ?? "?"
    case 0x7F: return "\u{2421}"
    case 0x80...0x9F, 0xAD: return "\u{FFFD}"
    case 0xA0: return " "
    case 0xA1...0x2FF, 0x2500...0x25FF, 0x2800...0x28FF: return self
    default: break
    }
    switch properties.generalCategory {
    case .format, .unassigned, .surrogate, .control, .lineSeparator, .paragraphSeparator:
      return "\u{FFFD}"
    case .spaceSeparator: return columns == 2 ? self : " "
    default: return self
    }
  }

  /// True for a mark that is drawn over the glyph before it.
  var isCombining: Bool {
    guard value >= 0x300 else { return false }
    // Jamo vowels and final consonants join the syllable before them.
    if 0x1160...0x11FF ~= value || 0xD7B0...0xD7FB ~= value { return true }
    guard !(0x2500...0x25FF ~= value) else { return false }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return true
    default: return false
    }
  }

  /// True for joiners and variation selectors, which only choose between pictures of a glyph.
  var isJoiner: Bool { value == 0x200D || 0xFE00...0xFE0F ~= value }

  private var isWide: Bool {
    guard value >= 0x1100 else { return false }
    let ranges = Unicode.Scalar.wideRanges
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(value)
  }

  /// East Asian Width W and F, in order.
  private static let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x23F0...0x23F0,
    0x23F3...0x23F3, 0x25FD...0x25FE, 0x2614...0x2615, 0x2648...0x2653, 0x267F...0x267F,
    0x2693...0x2693, 0x26A1...0x26A1, 0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5,
    0x26CE...0x26CE, 0x26D4...0x26D4, 0x26EA...0x26EA, 0x26F2...0x26F3, 0x26F5...0x26F5,
    0x26FA...0x26FA, 0x26FD...0x26FD, 0x2705...0x2705, 0x270A...0x270B, 0x2728...0x2728,
    0x274C...0x274C, 0x274E...0x274E, 0x2753...0x2755, 0x2757...0x2757, 0x2795...0x2797,
    0x27B0...0x27B0, 0x27BF...0x27BF, 0x2B1B...0x2B1C, 0x2B50...0x2B50, 0x2B55...0x2B55,
    0x2E80...0x3029, 0x302E...0x303E, 0x3041...0x3098, 0x309B...0xA4CF, 0xA960...0xA97C,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6B, 0xFF01...0xFF60,
    0xFFE0...0xFFE6, 0x16FE0...0x18CD5, 0x18D00...0x18D08, 0x1AFF0...0x1B2FB,
    0x1F004...0x1F004, 0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E, 0x1F191...0x1F19A,
    0x1F200...0x1F320, 0x1F32D...0x1F335, 0x1F337...0x1F37C, 0x1F37E...0x1F393,
    0x1F3A0...0x1F3CA, 0x1F3CF...0x1F3D3, 0x1F3E0...0x1F3F0, 0x1F3F4...0x1F3F4,
    0x1F3F8...0x1F43E, 0x1F440...0x1F440, 0x1F442...0x1F4FC, 0x1F4FF...0x1F53D,
    0x1F54B...0x1F54E, 0x1F550...0x1F567, 0x1F57A...0x1F57A, 0x1F595...0x1F596,
    0x1F5A4...0x1F5A4, 0x1F5FB...0x1F64F, 0x1F680...0x1F6C5, 0x1F6CC...0x1F6CC,
    0x1F6D0...0x1F6D2, 0x1F6D5...0x1F6D7, 0x1F6DC...0x1F6DF, 0x1F6EB...0x1F6EC,
    0x1F6F4...0x1F6FC, 0x1F7E0...0x1F7EB, 0x1F7F0...0x1F7F0, 0x1F90C...0x1F93A,
    0x1F93C...0x1F945, 0x1F947...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x2FFFD,
    0x30000...0x3FFFD,
  ]
}

extension String {
  /// Columns that the text takes on a screen, control characters shown.
  public var columns: Int {
    var count = 0
    for scalar in unicodeScalars where !scalar.isJoiner {
      count += scalar.isCombining ? 0 : scalar.shown.columns
    }
    return count
  }

  /// The text cut to at most `columns` columns, with `…` as the last one if anything is lost.
  public func truncated(to columns: Int) -> String {
    guard self.columns > columns else { return self }
    guard columns > 0 else { return "" }
    return prefix(columns: columns - 1) + "…"
  }

  /// The end of the text in at most `columns` columns, with `…` first if anything is lost:
  /// for paths, whose end says most.
  public func truncatedAtStart(to columns: Int) -> String {
    guard self.columns > columns else { return self }
    guard columns > 0 else { return "" }
    let reversed = String(String.UnicodeScalarView(unicodeScalars.reversed()))
    let tail = reversed.prefix(columns: columns - 1)
    return "…" + String(String.UnicodeScalarView(tail.unicodeScalars.reversed()))
  }

  /// The text cut or filled with spaces to exactly `columns` columns.
  public func padded(to columns: Int, _ alignment: Alignment = .leading) -> String {
    let text = truncated(to: columns)
    let space = Swift.max(0, columns - text.columns)
    let left = alignment.offset(of: space)
    return String(repeating: " ", count: left) + text + String(repeating: " ", count: space - left)
  }

  private func prefix(columns limit: Int) -> String {
    var used = 0
    var kept = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      let width = scalar.isJoiner || scalar.isCombining ? 0 : scalar.shown.columns
      if used + width > limit { break }
      used += width
      kept.append(scalar)
    }
    return String(kept)
  }
}

/// Where a text stands in the room it has.
public enum Alignment: Hashable, Sendable {
  case leading, center, trailing

  /// How much of the free `space` comes before the text.
  func offset(of space: Int) -> Int {
    switch self {
    case .leading: 0
    case .center: space / 2
    case .trailing: space
    }
  }
}
