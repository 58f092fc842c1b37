/// What a scripted user does, step by step.
///
/// As text, one step a line; empty lines and lines that begin with `#` say nothing:
///
///     key j             one or more keys by name, blank between: `key down down enter`
///     type 0.5          each character as a key
///     paste some text
///     click 12,5        press and release; `right-click` too
///     drag 12,5 40,5    press, each cell on the way, release
///     wheel up 12,5     or down
///     resize 20x5
///     idle              until no message waits and no job runs
///     save-screen NAME
///     terminate         as SIGTERM asks
public struct Script: Hashable, Sendable {
  public enum Step: Hashable, Sendable {
    case event(Event)
    case idle
    case saveScreen(String)
  }

  public var steps: [Step]

  public init(_ steps: [Step] = []) { self.steps = steps }

  /// Reads a script; throws the first line that says nothing known.
  public init(parsing text: String) throws(ScriptError) {
    steps = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard let verb = words.first, !verb.hasPrefix("#") else { continue }
      guard let more = Script.steps(verb, words.count > 1 ? words[1] : "") else {
        throw ScriptError(line: index + 1, text: String(line))
      }
      steps += more
    }
  }

  private static func steps(_ verb: String, _ rest: String) -> [Step]? {
    let words = rest.split(separator: " ").map(String.init)
    switch verb {
    case "key":
      let keys = words.compactMap(Key.init(named:))
      return keys.count == words.count && !keys.isEmpty ? keys.map { .event(.key($0)) } : nil
    case "type": return rest.map { .event(.key(.character($0))) }
    case "paste": return [.event(.paste(rest))]
    case "click": return click(.left, words)
    case "right-click": return click(.right, words)
    case "drag": return drag(words)
    case "wheel": return wheel(words)
    case "resize":
      guard words.count == 1, let (columns, rows) = pair(words[0], "x"), columns > 0, rows > 0
      else { return nil }
      return [.event(.resize(columns: columns, rows: rows))]
    case "idle": return words.isEmpty ? [.idle] : nil
    case "save-screen": return words.count == 1 ? [.saveScreen(words[0])] : nil
    case "terminate": return words.isEmpty ? [.event(.terminate(signal: 15))] : nil
    default: return nil
    }
  }

  private static func click(_ button: Mouse.Button, _ words: [String]) -> [Step]? {
    guard words.count == 1, let (x, y) = pair(words[0], ",") else { return nil }
    return [
      .event(.mouse(Mouse(.press, button, x: x, y: y))),
      .event(.mouse(Mouse(.release, button, x: x, y: y))),
    ]
  }

  private static func drag(_ words: [String]) -> [Step]? {
    guard words.count == 2, let (x0, y0) = pair(words[0], ","), let (x1, y1) = pair(words[1], ",")
    else { return nil }
    let steps = max(abs(x1 - x0), abs(y1 - y0))
    var events = [Mouse(.press, x: x0, y: y0)]
    for step in stride(from: 1, through: steps, by: 1) {
      events.append(
        Mouse(.drag, x: x0 + (x1 - x0) * step / steps, y: y0 + (y1 - y0) * step / steps))
    }
    events.append(Mouse(.release, x: x1, y: y1))
    return events.map { .event(.mouse($0)) }
  }

  private static func wheel(_ words: [String]) -> [Step]? {
    guard let first = words.first, ["up", "down"].contains(first), words.count <= 2 else {
      return nil
    }
    let place = words.count == 2 ? pair(words[1], ",") : (0, 0)
    guard let (x, y) = place else { return nil }
    return [.event(.mouse(Mouse(first == "up" ? .wheelUp : .wheelDown, .none, x: x, y: y)))]
  }

  /// Two numbers in 0…9999 with a separator between.
  private static func pair(_ text: String, _ separator: Character) -> (Int, Int)? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let a = parts[0], let b = parts[1] else { return nil }
    return 0...9999 ~= a && 0...9999 ~= b ? (a, b) : nil
  }
}

/// A line of a script that says nothing known.
public struct ScriptError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line's number, from 1.
  public let line: Int
  /// What it says.
  public let text: String

  /// The error of a line.
  public init(line: Int, text: String) {
    self.line = line
    self.text = text
  }

  public var description: String { "line \(line) of the script is no step: \(text)" }
}
