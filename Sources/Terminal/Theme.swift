/// What a style means; a view names the meaning, the theme gives the look.
public enum Role: Int, Hashable, Sendable, CaseIterable {
  case text, dim, accent, title, border, borderFocused
  case barFilled, barEmpty, barBehind
  case good, bad, warning
  case selected, marked, cursor
  case maskKept, maskPruned
  case dialTrack, dialKnob, preview
  case status, key, keyDisabled, tab, tabSelected, input, match
}

/// The looks of all roles, for one depth of colour and one repertoire of signs.
///
/// Colour never carries meaning alone: where the views rely on a role to be seen (selected,
/// marked, disabled, bad), it has an attribute as well or the view writes a sign.
public struct Theme: Hashable, Sendable {
  public let name: String
  public let depth: ColorDepth
  /// True where frames are shown in ASCII alone (`CellGrid.ascii()`).
  public let ascii: Bool
  private let styles: [Style]
  private let ramp: [Color]
  private let lines: [Style]
  /// What the terminal's own colours are taken to be in pictures for elsewhere.
  public let paper: (ink: Color, ground: Color)

  init(
    name: String, depth: ColorDepth, ascii: Bool, ramp: [Color], lines: [Style],
    paper: (ink: Color, ground: Color), style: (Role) -> Style
  ) {
    self.name = name
    self.depth = depth
    self.ascii = ascii
    styles = Role.allCases.map(style)
    self.ramp = ramp
    self.lines = lines
    self.paper = paper
  }

  /// The look of a role.
  public subscript(role: Role) -> Style { styles[role.rawValue] }

  /// The colour for a value in 0…1, from cold to hot; lightness rises all along, so that it
  /// reads in grey as well.
  public func heat(_ value: Double) -> Color {
    guard ramp.count > 1 else { return .standard }
    let place = Glyphs.unit(value) * Double(ramp.count - 1)
    if depth == .ansi16 { return ramp[Int(place.rounded())] }
    let index = min(ramp.count - 2, Int(place))
    return ramp[index].mixed(with: ramp[index + 1], place - Double(index))
  }

  /// A full cell for a value in 0…1: a space on the heat colour, or a shade without colours.
  public func heatCell(_ value: Double) -> Cell {
    if ascii { return Cell(Glyphs.asciiShade(value), self[.text]) }
    guard depth >= .indexed256 else { return Cell(Glyphs.shade(value), self[.text]) }
    return Cell(" ", self[.text].on(heat(value)))
  }

  /// The style of the n-th curve of a chart; they repeat.
  public func series(_ number: Int) -> Style {
    let count = lines.count
    return lines[((number % count) + count) % count]
  }

  public static func == (a: Theme, b: Theme) -> Bool {
    a.name == b.name && a.depth == b.depth && a.ascii == b.ascii
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(depth)
    hasher.combine(ascii)
  }
}
