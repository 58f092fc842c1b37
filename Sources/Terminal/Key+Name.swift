extension Key {
  /// The key by its name: `j`, `space`, `enter`, `pagedown`, `f1`, `^c`, `alt-x`; nil if
  /// no key has that name.
  public init?(named name: String) {
    if let key = Key.names.first(where: { $0.name == name.lowercased() })?.key {
      self = key
    } else if name.count == 1, let character = name.first {
      self = .character(character)
    } else if name.hasPrefix("^"), name.count == 2, let last = name.last {
      self = .control(Character(last.lowercased()))
    } else if name.lowercased().hasPrefix("alt-"), name.count == 5, let last = name.last {
      self = .alt(last)
    } else if name.lowercased().hasPrefix("f"), let number = Int(name.dropFirst()),
      1...24 ~= number
    {
      self = .function(number)
    } else {
      return nil
    }
  }

  /// The name that `init(named:)` reads.
  public var name: String {
    if let name = Key.names.first(where: { $0.key == self })?.name { return name }
    switch self {
    case .character(let character): return String(character)
    case .control(let character): return "^\(character)"
    case .alt(let character): return "alt-\(character)"
    case .function(let number): return "f\(number)"
    default: return ""
    }
  }

  private static let names: [(name: String, key: Key)] = [
    ("up", .up), ("down", .down), ("left", .left), ("right", .right), ("home", .home),
    ("end", .end), ("pageup", .pageUp), ("pagedown", .pageDown), ("enter", .enter),
    ("escape", .escape), ("esc", .escape), ("tab", .tab), ("backtab", .backTab),
    ("backspace", .backspace), ("delete", .delete), ("insert", .insert),
    ("space", .character(" ")), ("shift-up", .shiftUp), ("shift-down", .shiftDown),
    ("shift-left", .shiftLeft), ("shift-right", .shiftRight),
  ]
}
