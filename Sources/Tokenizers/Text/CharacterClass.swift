/// Sets of Unicode scalars made of the cells below, one bit each.
///
/// Cells are the thirty general categories, four of them divided so that white
/// space (`\s`) and word characters (`\w`) are unions of cells too. Every scalar is
/// in exactly one cell, so that a complement is a complement of bits.
package struct CellSet: OptionSet, Hashable {
  package var rawValue: UInt64

  static let uppercase = CellSet(cell: 0)
  static let lowercase = CellSet(cell: 1)
  static let titlecase = CellSet(cell: 2)
  static let modifierLetter = CellSet(cell: 3)
  static let otherLetter = CellSet(cell: 4)
  static let nonspacingMark = CellSet(cell: 5)
  static let spacingMark = CellSet(cell: 6)
  static let enclosingMark = CellSet(cell: 7)
  static let decimalNumber = CellSet(cell: 8)
  static let letterNumber = CellSet(cell: 9)
  static let plainOtherNumber = CellSet(cell: 10)
  static let connector = CellSet(cell: 11)
  static let dash = CellSet(cell: 12)
  static let open = CellSet(cell: 13)
  static let close = CellSet(cell: 14)
  static let initialQuote = CellSet(cell: 15)
  static let finalQuote = CellSet(cell: 16)
  static let otherPunctuation = CellSet(cell: 17)
  static let mathSymbol = CellSet(cell: 18)
  static let currencySymbol = CellSet(cell: 19)
  static let modifierSymbol = CellSet(cell: 20)
  static let plainOtherSymbol = CellSet(cell: 21)
  static let spaceSeparator = CellSet(cell: 22)
  static let lineSeparator = CellSet(cell: 23)
  static let paragraphSeparator = CellSet(cell: 24)
  static let plainControl = CellSet(cell: 25)
  static let plainFormat = CellSet(cell: 26)
  static let surrogate = CellSet(cell: 27)
  static let privateUse = CellSet(cell: 28)
  package static let unassigned = CellSet(cell: 29)
  /// Controls that are white space: U+0009…U+000D and U+0085.
  static let controlSpace = CellSet(cell: 30)
  /// Symbols that are alphabetic: Ⓐ…ⓩ and their relatives.
  static let alphabeticSymbol = CellSet(cell: 31)
  /// U+200C and U+200D.
  static let joiner = CellSet(cell: 32)
  /// ² ³ ¹ ¼ ½ ¾, the numbers that Oniguruma takes for word characters.
  static let wordNumber = CellSet(cell: 33)
  static let all = CellSet(rawValue: 1 << 34 - 1)

  package static let letter: CellSet = [
    .uppercase, .lowercase, .titlecase, .modifierLetter, .otherLetter,
  ]
  package static let mark: CellSet = [.nonspacingMark, .spacingMark, .enclosingMark]
  static let otherNumber: CellSet = [.plainOtherNumber, .wordNumber]
  package static let number: CellSet = [.decimalNumber, .letterNumber, .otherNumber]
  package static let punctuation: CellSet = [
    .connector, .dash, .open, .close, .initialQuote, .finalQuote, .otherPunctuation,
  ]
  static let otherSymbol: CellSet = [.plainOtherSymbol, .alphabeticSymbol]
  package static let symbol: CellSet = [
    .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol,
  ]
  package static let separator: CellSet = [.spaceSeparator, .lineSeparator, .paragraphSeparator]
  static let control: CellSet = [.plainControl, .controlSpace]
  static let format: CellSet = [.plainFormat, .joiner]
  static let other: CellSet = [.control, .format, .surrogate, .privateUse, .unassigned]
  /// `\s`: the property White_Space.
  package static let space: CellSet = [.separator, .controlSpace]
  /// `\w` of Oniguruma, which the Hugging Face library uses for patterns.
  static let word: CellSet = [
    .letter, .mark, .decimalNumber, .letterNumber, .connector, .alphabeticSymbol, .wordNumber,
  ]
  /// `\w` of Unicode's Technical Standard 18, for the pre-tokenizer `Whitespace`.
  static let unicodeWord: CellSet = [
    .letter, .mark, .decimalNumber, .letterNumber, .connector, .alphabeticSymbol, .joiner,
  ]

  private init(cell: UInt64) { rawValue = 1 << cell }

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package var inverted: CellSet { CellSet(rawValue: ~rawValue & CellSet.all.rawValue) }

  @inline(__always)
  func contains(cell: UInt8) -> Bool { rawValue >> UInt64(cell) & 1 != 0 }

  /// Whether a scalar is in the set.
  @inline(__always)
  package func contains(scalar: UInt32) -> Bool { contains(cell: CharacterCells.cell(scalar)) }
}

/// The cell of each scalar, by Unicode 16: what later versions added is unassigned
/// here, whatever version the standard library knows, so that the same text gives
/// the same tokens on every toolchain from 16 on.
package enum CharacterCells {
  static let newestVersion = (major: 16, minor: 0)

  /// Cells of the two planes that most text is in.
  private static let table: [UInt8] = (0..<0x20000).map { compute(UInt32($0)) }

  package static func cell(_ scalar: UInt32) -> UInt8 {
    scalar < 0x20000 ? table[Int(scalar)] : compute(scalar)
  }

  private static func compute(_ value: UInt32) -> UInt8 {
    guard let scalar = Unicode.Scalar(value) else { return 27 }
    switch value {
    case 0x09...0x0D, 0x85: return 30
    case 0x200C, 0x200D: return 32
    case 0xB2, 0xB3, 0xB9, 0xBC...0xBE: return 33
    default: break
    }
    let properties = scalar.properties
    if let age = properties.age, age.major > newestVersion.major { return 29 }
    switch properties.generalCategory {
    case .uppercaseLetter: return 0
    case .lowercaseLetter: return 1
    case .titlecaseLetter: return 2
    case .modifierLetter: return 3
    case .otherLetter: return 4
    case .nonspacingMark: return 5
    case .spacingMark: return 6
    case .enclosingMark: return 7
    case .decimalNumber: return 8
    case .letterNumber: return 9
    case .otherNumber: return 10
    case .connectorPunctuation: return 11
    case .dashPunctuation: return 12
    case .openPunctuation: return 13
    case .closePunctuation: return 14
    case .initialPunctuation: return 15
    case .finalPunctuation: return 16
    case .otherPunctuation: return 17
    case .mathSymbol: return 18
    case .currencySymbol: return 19
    case .modifierSymbol: return 20
    case .otherSymbol: return properties.isAlphabetic ? 31 : 21
    case .spaceSeparator: return 22
    case .lineSeparator: return 23
    case .paragraphSeparator: return 24
    case .control: return 25
    case .format: return 26
    case .surrogate: return 27
    case .privateUse: return 28
    case .unassigned: return 29
    @unknown default: return 29
    }
  }
}
