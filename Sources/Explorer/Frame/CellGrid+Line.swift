internal import Terminal

/// Facts side by side: as many as fit, each whole.
enum Facts {
  /// The facts in as few lines as hold them, each whole.
  static func lines(_ facts: [String], width: Int) -> [String] {
    var lines: [String] = []
    for fact in facts {
      if let last = lines.last, last.columns + 3 + fact.columns <= width {
        lines[lines.count - 1] = last + "   " + fact
      } else {
        lines.append(fact)
      }
    }
    return lines
  }

  static func line(_ facts: [String], width: Int) -> String {
    var line = facts.first ?? ""
    for fact in facts.dropFirst() {
      let longer = line + "   " + fact
      guard longer.columns <= width else { break }
      line = longer
    }
    return line
  }
}

extension String {
  /// Lines of whole words; a word that is longer than a line is broken.
  func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      if let last = lines.last, last.columns + 1 + String(word).columns <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines += String(word).broken(to: width)
      }
    }
    return lines
  }

  /// Pieces that are no wider than a line.
  func broken(to width: Int) -> [String] {
    guard columns > width, width > 1 else { return [self] }
    var pieces = [""]
    for character in self {
      if pieces[pieces.count - 1].columns + String(character).columns > width { pieces.append("") }
      pieces[pieces.count - 1].append(character)
    }
    return pieces
  }
}

extension CellGrid {
  /// Writes one line at the left of a row of `area`, cut with `…` where it does
  /// not fit.
  mutating func putLine(_ text: String, in area: Rect, row: Int = 0, _ style: Style) {
    putLine(text, in: area, row: row, .leading, style)
  }

  /// Writes a sentence in the middle of `area`, in as many lines as it takes.
  mutating func putSentence(_ text: String, in area: Rect, _ style: Style) {
    let lines = text.wrapped(to: area.width)
    let first = max(0, (area.height - lines.count) / 2)
    for (index, line) in lines.enumerated() where first + index < area.height {
      putLine(line, in: area, row: first + index, .center, style)
    }
  }
}
