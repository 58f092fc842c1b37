extension Glyphs {
  /// What stands for a sign where only ASCII can be shown; `?` for foreign letters.
  public static func standIn(for scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0x20...0x7E: return scalar
    case 0x2800...0x28FF:
      return brailleStandIns[(scalar.value & 0xFF).nonzeroBitCount]
    case 0x2500...0x257F: return lineStandIn(scalar)
    default: return standIns[scalar] ?? "?"
    }
  }

  /// Ten densities in ASCII, from nothing to everything.
  public static let asciiShades: [Unicode.Scalar] = [
    " ", ".", ":", "-", "=", "+", "*", "#", "%", "@",
  ]

  /// The ASCII sign for a density (0…1).
  public static func asciiShade(_ density: Double) -> Unicode.Scalar {
    asciiShades[min(9, Int((unit(density) * 9).rounded(.up)))]
  }

  /// By the number of dots, 0…8.
  private static let brailleStandIns: [Unicode.Scalar] = [
    " ", ".", ":", ":", "+", "*", "*", "#", "#",
  ]

  private static func lineStandIn(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar {
    case "─", "╌", "┄", "┈", "╴", "╶": "-"
    case "━", "═": "="
    case "│", "║", "┃", "╎", "┆", "┊", "╵", "╷": "|"
    default: "+"
    }
  }

  private static let standIns: [Unicode.Scalar: Unicode.Scalar] = [
    "▏": ".", "▎": ".", "▍": "-", "▌": "-", "▋": "=", "▊": "=", "▉": "#", "█": "#", "▕": "|",
    "▁": "_", "▂": ".", "▃": "-", "▄": "o", "▅": "=", "▆": "+", "▇": "*", "▀": "\"", "▐": "|",
    "░": ".", "▒": ":", "▓": "%", "▘": "'", "▝": "'", "▖": ",", "▗": ",", "▚": "\\", "▞": "/",
    "▛": "#", "▜": "#", "▙": "#", "▟": "#",
    "●": "O", "○": "o", "◉": "@", "◦": "o", "•": "*", "·": ".", "…": "~", "◆": "*", "◇": "o",
    "■": "#", "□": "o", "▪": "*", "▫": "o",
    "▶": ">", "◀": "<", "▸": ">", "◂": "<", "▲": "^", "▼": "v", "▴": "^", "▾": "v", "►": ">",
    "◄": "<", "‹": "<", "›": ">", "«": "<", "»": ">", "→": ">", "←": "<", "↑": "^", "↓": "v",
    "↔": "-", "↕": "|", "⏎": "<", "↵": "<", "⏸": "=", "⇧": "^", "⌫": "<", "↳": "`",
    "✓": "+", "✔": "+", "✗": "x", "✘": "x", "×": "x", "÷": "/", "−": "-", "±": "~", "≈": "~",
    "≤": "<", "≥": ">", "≠": "#", "∞": "8", "√": "v", "∑": "S", "Σ": "S", "∆": "D", "Δ": "D",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "‘": "'", "’": "'", "“": "\"", "”": "\"",
    "α": "a", "β": "b", "γ": "g", "δ": "d", "ε": "e", "κ": "k", "λ": "l", "μ": "u", "µ": "u",
    "σ": "s", "τ": "t", "θ": "t", "ρ": "r", "‖": "|", "′": "'", "″": "\"", "°": "o", "²": "2",
    "³": "3", "¹": "1", "½": "%", "⅛": "%", "★": "*", "☆": "*", "⚠": "!", "�": "?",
  ]
}

extension CellGrid {
  /// The same frame in ASCII alone, sign for sign.
  public func ascii() -> CellGrid {
    var grid = self
    grid.mapCells { cell in
      cell.isContinuation
        ? Cell(" ", cell.style) : Cell(Glyphs.standIn(for: cell.scalar), cell.style)
    }
    return grid
  }
}
