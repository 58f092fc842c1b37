/// What happens to the program from outside.
public enum Event: Hashable, Sendable {
  case key(Key)
  case mouse(Mouse)
  /// Text pasted as a whole; it is text even where its letters are keys.
  case paste(String)
  case resize(columns: Int, rows: Int)
  /// The program runs again after it was stopped; the screen has been restored.
  case resumed
  /// Another thread left a message.
  case wake
  /// A signal asks to end (SIGTERM, SIGHUP): the program leaves in order.
  case terminate(signal: Int32)
}

/// A key, or a chord of keys, as the terminal reports it.
public enum Key: Hashable, Sendable {
  case character(Character)
  case up, down, left, right
  case home, end, pageUp, pageDown
  case enter, escape, tab, backTab, backspace, delete, insert
  case function(Int)
  /// With the control key; the letter in lower case.
  case control(Character)
  /// With the alternate (meta) key.
  case alt(Character)
  /// An arrow with the shift key: larger steps.
  case shiftUp, shiftDown, shiftLeft, shiftRight
}

/// What the mouse did, and where.
public struct Mouse: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case press, release, drag, move, wheelUp, wheelDown
  }

  public enum Button: Hashable, Sendable {
    case none, left, middle, right
  }

  public struct Modifiers: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let shift = Modifiers(rawValue: 1)
    public static let alt = Modifiers(rawValue: 2)
    public static let control = Modifiers(rawValue: 4)
  }

  public var kind: Kind
  public var button: Button
  /// The cell, from 0 at the top left.
  public var x: Int
  public var y: Int
  public var modifiers: Modifiers

  public init(_ kind: Kind, _ button: Button = .left, x: Int, y: Int, modifiers: Modifiers = []) {
    self.kind = kind
    self.button = button
    self.x = x
    self.y = y
    self.modifiers = modifiers
  }
}
