internal import Terminal

/// A line being typed at the bottom of the screen.
public struct Prompt: Sendable, Hashable {
  /// What the line is for.
  public enum Purpose: Sendable, Hashable {
    case command
    /// A view's own line, which it follows while it is typed; the former text comes back on
    /// Esc.
    case text(of: ViewID, lead: String, former: String)
    /// A dial's value.
    case value(dial: Int, label: String)
  }

  public let purpose: Purpose
  public var editor: LineEditor
  /// Completions of the word at the cursor, and which one is taken.
  public var completions: [String] = []
  public var chosen: Int?

  public init(_ purpose: Purpose, text: String = "") {
    self.purpose = purpose
    editor = LineEditor(text)
  }

  /// What stands before the line.
  public var lead: String {
    switch purpose {
    case .command: ":"
    case .text(_, let lead, _): lead
    case .value(_, let label): label + " "
    }
  }
}

/// The help that lies over a view.
public struct HelpState: Sendable, Hashable {
  public var scroll = 0
  public var search = LineEditor()
  public var isSearching = false

  public init() {}
}
