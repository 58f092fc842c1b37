internal import CNcurses
internal import Terminal

/// How ncurses draws one style: attributes and a colour pair.
struct Pen {
  var attributes: UInt32
  var pair: Int32
}

/// The pens for the styles seen so far; pairs are defined when first needed.
struct PenCase {
  private let depth: ColorDepth
  private var pens: [Style: Pen] = [:]
  private var pairs: [UInt64: Int32] = [:]
  private var lastStyle = Style.plain
  private var lastPen = Pen(attributes: 0, pair: 0)
  /// Pairs that can be defined; ncurses searches its tables more slowly the fuller they are.
  private let limit: Int

  init(depth: ColorDepth) {
    self.depth = depth
    limit = min(Int(pare_color_pairs()) - 1, 30_000)
  }

  /// True when the next frame might not find pairs enough.
  var isNearlyFull: Bool { depth != .monochrome && pairs.count > limit / 2 && limit > 512 }

  /// Forgets all pairs; what is on the screen must then be painted again.
  mutating func clear() {
    reset_color_pairs()
    pairs = [:]
    pens = [:]
    lastStyle = .plain
    lastPen = Pen(attributes: 0, pair: 0)
  }

  mutating func pen(for style: Style) -> Pen {
    if style == lastStyle { return lastPen }
    let pen = pens[style] ?? define(style)
    lastStyle = style
    lastPen = pen
    return pen
  }

  private mutating func define(_ style: Style) -> Pen {
    var pen = Pen(attributes: attributes(style.attributes), pair: 0)
    if depth != .monochrome {
      var front = PaletteIndex.of(style.foreground, depth, pare_colors())
      var back = PaletteIndex.of(style.background, depth, pare_colors())
      if pare_colors() < 16 {
        // Eight colours: a bright one is bold, and grey, which would be bold black, dim.
        if front == 8 {
          pen.attributes |= pare_dim
        } else if front > 8 {
          pen.attributes |= pare_bold
        }
        if front >= 8 { front = front == 8 ? -1 : front - 8 }
        if back >= 8 { back -= 8 }
      }
      pen.pair = pair(front, back)
    }
    pens[style] = pen
    return pen
  }

  private mutating func pair(_ front: Int32, _ back: Int32) -> Int32 {
    guard front >= 0 || back >= 0 else { return 0 }
    let key = UInt64(UInt32(bitPattern: front)) << 32 | UInt64(UInt32(bitPattern: back))
    if let pair = pairs[key] { return pair }
    let pair = Int32(pairs.count + 1)
    guard pairs.count < limit, init_extended_pair(pair, front, back) != pare_err else { return 0 }
    pairs[key] = pair
    return pair
  }

  private func attributes(_ wanted: Style.Attributes) -> UInt32 {
    var bits: UInt32 = 0
    if wanted.contains(.bold) { bits |= pare_bold }
    if wanted.contains(.dim) { bits |= pare_dim }
    if wanted.contains(.italic) { bits |= pare_italic }
    if wanted.contains(.underline) { bits |= pare_underline }
    if wanted.contains(.reverse) { bits |= pare_reverse }
    return bits
  }
}
