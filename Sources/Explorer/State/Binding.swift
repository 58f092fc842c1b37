public import Terminal

/// A key and what it does: declared once, it is dispatched, shown in the
/// footer and explained in the help.
public struct Binding: Sendable {
  /// Keys that do it; the first is the one that is shown.
  public let keys: [Key]
  /// A word or two for the footer; nil keeps it out of there.
  public let label: String?
  /// The same where it depends on what is going on; empty to leave the key out.
  let changingLabel: (@Sendable (AppState) -> String?)?
  /// One sentence for the help.
  public let help: String
  /// Why it cannot be done now; nil when it can.
  public let obstacle: @Sendable (AppState) -> String?
  public let action: Action

  public init(
    _ keys: Key..., label: String? = nil,
    now changingLabel: (@Sendable (AppState) -> String?)? = nil, help: String,
    unless obstacle: @escaping @Sendable (AppState) -> String? = { _ in nil },
    action: @escaping Action
  ) {
    self.keys = keys
    self.label = label
    self.changingLabel = changingLabel
    self.help = help
    self.obstacle = obstacle
    self.action = action
  }

  /// What the footer calls it now.
  func labelNow(_ state: AppState) -> String? { changingLabel?(state) ?? label }
}

extension Key {
  /// As help and footers write it: `Enter`, `^R`, `↑`.
  public var label: String {
    switch self {
    case .character(" "): "Space"
    case .character(let character): String(character)
    case .control(let character): "^" + String(character).uppercased()
    case .alt(let character): "Alt-" + String(character)
    case .up: "↑"
    case .down: "↓"
    case .left: "←"
    case .right: "→"
    case .home: "Home"
    case .end: "End"
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .enter: "Enter"
    case .escape: "Esc"
    case .tab: "Tab"
    case .backTab: "Shift-Tab"
    case .backspace: "Backspace"
    case .delete: "Del"
    case .insert: "Ins"
    case .shiftUp: "Shift-↑"
    case .shiftDown: "Shift-↓"
    case .shiftLeft: "Shift-←"
    case .shiftRight: "Shift-→"
    case .function(let number): "F\(number)"
    }
  }
}
