public import Terminal

/// A line of text being typed, with a cursor and a history.
public struct LineEditor: Sendable, Hashable {
  public private(set) var text: [Character]
  /// Position of the cursor, 0…text.count.
  public private(set) var cursor: Int

  public init(_ text: String = "") {
    self.text = Array(text)
    cursor = self.text.count
  }

  public var string: String { String(text) }

  /// Applies an editing key; false when the key edits nothing.
  public mutating func handle(_ key: Key) -> Bool {
    switch key {
    case .character(let character): insert([character])
    case .backspace, .control("h"): if cursor > 0 { remove(cursor - 1..<cursor) }
    case .delete, .control("d"): if cursor < text.count { remove(cursor..<cursor + 1) }
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(text.count, cursor + 1)
    case .home, .control("a"): cursor = 0
    case .end, .control("e"): cursor = text.count
    case .control("u"): remove(0..<cursor)
    case .control("k"): remove(cursor..<text.count)
    case .control("w"): remove(wordStart..<cursor)
    default: return false
    }
    return true
  }

  /// Inserts at the cursor.
  public mutating func insert(_ characters: some Collection<Character>) {
    text.insert(contentsOf: characters, at: cursor)
    cursor += characters.count
  }

  /// What stands before the cursor.
  public var beforeCursor: String { String(text[..<cursor]) }

  /// Replaces the text between a position and the cursor, as completion does.
  public mutating func complete(from start: Int, _ word: String) {
    remove(min(max(0, start), cursor)..<cursor)
    insert(Array(word))
  }

  private var wordStart: Int {
    var start = cursor
    while start > 0, text[start - 1] != " " { start -= 1 }
    return start
  }

  private mutating func remove(_ range: Range<Int>) {
    text.removeSubrange(range)
    cursor = range.lowerBound
  }
}
