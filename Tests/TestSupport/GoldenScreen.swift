public import Terminal

/// A frame as text with two planes: its glyphs, and below them one letter for each cell's
/// style, with a legend that names the theme's role.
public enum GoldenScreen {
  /// The text of a golden screen; the same frame gives the same text.
  public static func text(of frame: CellGrid, _ theme: Theme) -> String {
    var letters = StyleLetters(theme)
    var plane = ""
    for y in 0..<frame.rows {
      var line = ""
      for x in 0..<frame.columns { line.append(letters.letter(frame[x, y].style)) }
      while line.last == StyleLetters.plain { line.removeLast() }
      plane += line + "\n"
    }
    return """
      == \(frame.columns)×\(frame.rows) · \(theme.name)
      \(frame.plainText)== styles
      \(plane)== legend
      \(letters.legend)
      """
  }
}

/// The letters given to styles: a fixed one to each role, the next free one to any other.
private struct StyleLetters {
  static let plain: Character = "."
  private var known: [Style: Character] = [:]
  private var lines: [Character: String] = [:]
  private var names: [Style: (Character, String)] = [:]
  private var free: [Character]
  private var overflow: UInt64 = 0xCBF2_9CE4_8422_2325
  private var overflowCount = 0

  init(_ theme: Theme) {
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    let roles = Role.allCases
    // The last of equal looks is overwritten by the first, which names it.
    for role in roles.reversed() {
      let letter = role == .text ? StyleLetters.plain : letters[role.rawValue - 1]
      names[theme[role]] = (letter, "\(role)")
    }
    names[theme[.text]] = (StyleLetters.plain, "text")
    free = Array(letters[(roles.count - 1)...])
  }

  mutating func letter(_ style: Style) -> Character {
    if let letter = known[style] { return letter }
    if let (letter, name) = names[style] {
      note(style, letter, name)
      return letter
    }
    guard !free.isEmpty else {
      overflowCount += 1
      for byte in describe(style).utf8 { overflow = (overflow ^ UInt64(byte)) &* 0x100_0000_01B3 }
      return "*"
    }
    let letter = free.removeFirst()
    note(style, letter, describe(style))
    return letter
  }

  var legend: String {
    var text = lines.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
    if overflowCount > 0 {
      text += "* \(overflowCount) cells of other styles, FNV-1a \(String(overflow, radix: 16))\n"
    }
    return text
  }

  private mutating func note(_ style: Style, _ letter: Character, _ meaning: String) {
    known[style] = letter
    lines[letter] = meaning
  }

  private func describe(_ style: Style) -> String {
    var text = "\(name(style.foreground)) on \(name(style.background))"
    if style.bold { text += " bold" }
    if style.dim { text += " dim" }
    if style.italic { text += " italic" }
    if style.underline { text += " underline" }
    if style.reverse { text += " reverse" }
    return text
  }

  private func name(_ color: Color) -> String {
    if let index = color.ansiIndex { return "ansi \(index)" }
    guard let c = color.components else { return "standard" }
    let value = Int(c.red) << 16 | Int(c.green) << 8 | Int(c.blue)
    let digits = String(value, radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }
}
