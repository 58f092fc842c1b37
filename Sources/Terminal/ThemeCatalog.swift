/// The themes there are.
public enum ThemeCatalog {
  /// Their names, the default first.
  public static let names = ["night", "day", "mono"]

  /// Every theme in full colour.
  public static var all: [Theme] { names.compactMap { theme(named: $0) } }

  /// A theme for a terminal of this depth; nil if there is none of that name. A terminal
  /// without colours gets `mono` under any name.
  public static func theme(
    named name: String, depth: ColorDepth = .trueColor, ascii: Bool = false
  ) -> Theme? {
    guard names.contains(name) else { return nil }
    if name == "mono" || depth == .monochrome { return mono(depth: .monochrome, ascii: ascii) }
    let palette = name == "day" ? Palette.day : Palette.night
    return colored(name, depth == .ansi16 ? palette.in16 : palette, depth, ascii)
  }

  /// The theme a terminal gets unasked.
  public static func standard(_ capabilities: Capabilities) -> Theme {
    theme(named: names[0], depth: capabilities.colors, ascii: !capabilities.unicode)
      ?? mono(depth: .monochrome, ascii: !capabilities.unicode)
  }

  private static func colored(
    _ name: String, _ palette: Palette, _ depth: ColorDepth, _ ascii: Bool
  ) -> Theme {
    Theme(
      name: name, depth: depth, ascii: ascii, ramp: palette.ramp,
      lines: palette.lines.map { Style($0) }, paper: (palette.ink, palette.ground)
    ) { palette.style($0) }
  }

  private static func mono(depth: ColorDepth, ascii: Bool) -> Theme {
    Theme(
      name: "mono", depth: depth, ascii: ascii, ramp: [],
      lines: [Style(), Style(.standard, .bold), Style(.standard, .dim)],
      paper: (.hex(0xE0E0E0), .hex(0x101010))
    ) { Style(.standard, monoAttributes($0)) }
  }

  private static func monoAttributes(_ role: Role) -> Style.Attributes {
    switch role {
    case .text, .border, .barFilled, .maskKept, .barEmpty, .status, .dialTrack, .good: []
    case .dim, .barBehind, .maskPruned, .preview, .keyDisabled, .tab: .dim
    case .accent, .title, .borderFocused, .dialKnob, .key, .warning, .bad: .bold
    case .selected: .reverse
    case .cursor: [.reverse, .bold]
    case .marked, .input, .match: .underline
    case .tabSelected: [.reverse, .bold]
    }
  }
}

extension Style {
  fileprivate init(_ color: Color, _ attributes: Attributes) {
    self.init(color, on: .standard, attributes)
  }
}

/// The colours that a coloured theme is made of.
private struct Palette {
  var ink: Color
  var ground: Color
  var faint: Color
  var line: Color
  var accent: Color
  var second: Color
  var good: Color
  var bad: Color
  var warning: Color
  var selection: Color
  var trough: Color
  var kept: Color
  var pruned: Color
  var ramp: [Color]
  var lines: [Color]
  /// What is written on the accent colour.
  var onAccent: Color

  func style(_ role: Role) -> Style {
    switch role {
    case .text, .status: Style()
    case .dim: Style(faint)
    case .barBehind: Style(faint)
    case .accent: Style(accent)
    case .title: Style(accent, .bold)
    case .border: Style(line)
    case .borderFocused: Style(accent, .bold)
    case .barFilled: Style(accent)
    case .barEmpty: Style(trough)
    case .good: Style(good)
    case .bad: Style(bad, .bold)
    case .warning: Style(warning)
    case .selected: Style(.standard, on: selection, .bold)
    case .marked: Style(second, .bold)
    case .cursor: Style(onAccent, on: accent, .bold)
    case .maskKept: Style(kept)
    case .maskPruned: Style(pruned)
    case .dialTrack: Style(line)
    case .dialKnob: Style(second, .bold)
    case .preview: Style(faint, .italic)
    case .key: Style(second, .bold)
    case .keyDisabled: Style(faint, .dim)
    case .tab: Style(faint)
    case .tabSelected: Style(onAccent, on: accent, .bold)
    case .input: Style(.standard, .underline)
    case .match: Style(warning, .underline)
    }
  }

  /// The same meaning in the terminal's own sixteen colours.
  var in16: Palette {
    var palette = self
    palette.faint = .ansi(8)
    palette.line = .ansi(8)
    palette.accent = .ansi(6)
    palette.second = .ansi(3)
    palette.good = .ansi(2)
    palette.bad = .ansi(1)
    palette.warning = .ansi(3)
    palette.selection = .ansi(4)
    palette.trough = .ansi(8)
    palette.kept = .ansi(15)
    palette.pruned = .ansi(0)
    palette.onAccent = .ansi(0)
    palette.ramp = [.ansi(0), .ansi(4), .ansi(5), .ansi(1), .ansi(3), .ansi(11), .ansi(15)]
    palette.lines = [.ansi(6), .ansi(3), .ansi(5), .ansi(2), .ansi(4), .ansi(1)]
    return palette
  }

  static let night = Palette(
    ink: .hex(0xD8DEE9), ground: .hex(0x14171C), faint: .hex(0x7B8494), line: .hex(0x4A5262),
    accent: .hex(0x6CB6D9), second: .hex(0xE5B567), good: .hex(0x8FC98A), bad: .hex(0xE8776F),
    warning: .hex(0xE5B567), selection: .hex(0x2F4560), trough: .hex(0x353C49),
    kept: .hex(0xF2F2EC), pruned: .hex(0x0A0C10),
    ramp: [
      .hex(0x0B0A1E), .hex(0x3B1361), .hex(0x7A1F6D), .hex(0xBC3B5A), .hex(0xEE6F3C),
      .hex(0xFDB42F), .hex(0xFCFDC0),
    ],
    lines: [
      .hex(0x6CB6D9), .hex(0xE5B567), .hex(0xC79BE0), .hex(0x8FC98A), .hex(0xE8776F),
      .hex(0x9AA5B8),
    ], onAccent: .hex(0x10141A))

  static let day = Palette(
    ink: .hex(0x24292F), ground: .hex(0xFBFBF8), faint: .hex(0x7A7F87), line: .hex(0xB4B8BF),
    accent: .hex(0x0B6E99), second: .hex(0x9A5B00), good: .hex(0x2B7A2B), bad: .hex(0xB3261E),
    warning: .hex(0x9A5B00), selection: .hex(0xCFE4F2), trough: .hex(0xD9DCE0),
    kept: .hex(0xFFFFFF), pruned: .hex(0x16181C),
    ramp: [
      .hex(0x0B0A1E), .hex(0x3B1361), .hex(0x7A1F6D), .hex(0xBC3B5A), .hex(0xEE6F3C),
      .hex(0xFDB42F), .hex(0xFCFDC0),
    ],
    lines: [
      .hex(0x0B6E99), .hex(0x9A5B00), .hex(0x7B3FA0), .hex(0x2B7A2B), .hex(0xB3261E),
      .hex(0x5A6068),
    ], onAccent: .hex(0xFFFFFF))
}
