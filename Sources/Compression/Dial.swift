/// One setting of a `Dialed` type: declared once, it becomes the dial in the explorer,
/// the option on the command line, the field in a recipe and a row of help.
public struct Dial<Settings: Sendable>: Sendable {
  /// The word in recipes and options: `amount`, `group-size`.
  public let name: String
  /// One sentence for help.
  public let help: String
  /// What it lets one choose.
  public let control: DialControl
  /// Whether the setting matters under the other settings.
  public let isActive: @Sendable (Settings) -> Bool
  let get: @Sendable (Settings) -> DialValue
  let set: @Sendable (inout Settings, DialValue) -> Void

  private init(
    _ name: String, _ help: String, _ control: DialControl,
    when isActive: @escaping @Sendable (Settings) -> Bool,
    get: @escaping @Sendable (Settings) -> DialValue,
    set: @escaping @Sendable (inout Settings, DialValue) -> Void
  ) {
    self.name = name
    self.help = help
    self.control = control
    self.isActive = isActive
    self.get = get
    self.set = set
  }

  /// A real number within `range`; arrows move it by `step`.
  public static func number(
    _ name: String, _ path: any WritableKeyPath<Settings, Double> & Sendable,
    in range: ClosedRange<Double>, step: Double, unit: DialControl.Unit = .plain, help: String,
    when isActive: @escaping @Sendable (Settings) -> Bool = { _ in true }
  ) -> Dial {
    Dial(
      name, help, .number(range: range, step: step, unit: unit), when: isActive,
      get: { .number($0[keyPath: path]) },
      set: { if case .number(let value) = $1 { $0[keyPath: path] = value } })
  }

  /// A whole number within `range`.
  public static func integer(
    _ name: String, _ path: any WritableKeyPath<Settings, Int> & Sendable,
    in range: ClosedRange<Int>,
    step: Int = 1, help: String,
    when isActive: @escaping @Sendable (Settings) -> Bool = { _ in true }
  ) -> Dial {
    Dial(
      name, help, .integer(range: range, step: step), when: isActive,
      get: { .number(Double($0[keyPath: path])) },
      set: { if case .number(let value) = $1 { $0[keyPath: path] = Int(value) } })
  }

  /// The path of a text, or other words.
  public static func text(
    _ name: String, _ path: any WritableKeyPath<Settings, String> & Sendable,
    _ control: DialControl = .text, help: String,
    when isActive: @escaping @Sendable (Settings) -> Bool = { _ in true }
  ) -> Dial {
    Dial(
      name, help, control, when: isActive, get: { .choice($0[keyPath: path]) },
      set: { if case .choice(let text) = $1 { $0[keyPath: path] = text } })
  }

  /// The same dial of a part of other settings, where they have a use for that part.
  func of<Whole>(
    _ part: any WritableKeyPath<Whole, Settings> & Sendable,
    when isUsed: @escaping @Sendable (Whole) -> Bool
  ) -> Dial<Whole> {
    Dial<Whole>(
      name, help, control, when: { [isActive] in isUsed($0) && isActive($0[keyPath: part]) },
      get: { [get] in get($0[keyPath: part]) },
      set: { [set] in set(&$0[keyPath: part], $1) })
  }

  /// One of an enumeration's cases, by raw value.
  public static func choice<Option: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: any WritableKeyPath<Settings, Option> & Sendable, help: String,
    when isActive: @escaping @Sendable (Settings) -> Bool = { _ in true }
  ) -> Dial {
    Dial(
      name, help, .choice(Option.allCases.map(\.rawValue)), when: isActive,
      get: { .choice($0[keyPath: path].rawValue) },
      set: {
        guard case .choice(let word) = $1, let option = Option(rawValue: word) else { return }
        $0[keyPath: path] = option
      })
  }
}

/// What a dial lets one choose.
public enum DialControl: Sendable, Hashable {
  /// How a number is written: `0.5`, or `50 %` for a share.
  public enum Unit: Sendable, Hashable { case plain, share }

  case number(range: ClosedRange<Double>, step: Double, unit: Unit)
  case integer(range: ClosedRange<Int>, step: Int)
  case choice([String])
  /// The path of a text; empty for one that the original writes.
  case text
  /// Any words, or none.
  case words

  /// Whether it is typed rather than turned.
  public var isTyped: Bool { self == .text || self == .words }
}

/// The setting of a dial.
public enum DialValue: Sendable, Hashable, CustomStringConvertible {
  case number(Double)
  case choice(String)

  /// As recipes and options write it: `0.5`, `4`, `magnitude`.
  public var description: String {
    switch self {
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    case .choice(let word): word
    }
  }
}

/// A dial together with its present setting, for code that treats all `Dialed`
/// types alike.
public struct DialSetting: Sendable, Hashable {
  /// The word in recipes and options.
  public let name: String
  /// One sentence for help.
  public let help: String
  /// What the dial lets one choose.
  public let control: DialControl
  /// What is chosen now.
  public let value: DialValue
  /// Whether the setting matters under the other settings.
  public let isActive: Bool
}

extension DialControl {
  /// The setting that a text means: `0.5`, `50%`, `magnitude`. A text that is no number
  /// stays a word.
  public func value(of text: String) -> DialValue {
    switch self {
    case .number(_, _, .share) where text.hasSuffix("%"):
      let digits = text.dropLast().split(separator: " ").joined()
      return Double(digits).map { .number($0 / 100) } ?? .choice(text)
    case .number, .integer: return Double(text).map { .number($0) } ?? .choice(text)
    case .choice, .text, .words: return .choice(text)
    }
  }

  /// `value` if it lies within; else throws the sentence that says why not.
  func check(_ value: DialValue, for name: String) throws -> DialValue {
    switch (self, value) {
    case (.number(let range, _, _), .number(let number)) where range.contains(number):
      return value
    case (.integer(let range, _), .number(let number))
    where number == number.rounded() && number >= Double(range.lowerBound)
      && number <= Double(range.upperBound):
      return value
    case (.choice(let words), .choice(let word)) where words.contains(word):
      return value
    case (.text, .choice), (.words, .choice): return value
    case (.number(let range, _, _), _):
      throw PassError(
        "\(name) is a number from \(range.lowerBound) to \(range.upperBound), not \(value)")
    case (.integer(let range, _), _):
      throw PassError(
        "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound), not \(value)")
    case (.choice(let words), _):
      throw PassError("\(name) is one of \(words.joined(separator: ", ")), not \(value)")
    case (.text, _), (.words, _):
      throw PassError("\(name) is a text, not \(value)")
    }
  }
}
