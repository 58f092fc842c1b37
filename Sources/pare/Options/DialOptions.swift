internal import ArgumentParser
internal import Compression

/// Settings as options, one for each dial.
///
/// The parser finds a type's options by reflection; this one reflects the
/// dials, so that a new dial is an option with help and completion
/// without a word here.
struct DialOptions<Settings: Dialed>: ParsableArguments, CustomReflectable {
  /// The dials that were set, and the text they were set to, in their order.
  let settings: [(name: String, text: String)]

  init() { settings = [] }

  /// The text has an option already, which weighs the errors of blocks too.
  static var text: String { "text" }
  private static var dials: [DialSetting] { Settings().settings.filter { $0.name != text } }

  init(from decoder: any Decoder) throws {
    let options = try decoder.container(keyedBy: DialKey.self)
    settings = try Self.dials.compactMap { dial in
      let option = try options.decode(Option<String?>.self, forKey: DialKey(dial.name))
      return option.wrappedValue.map { (dial.name, $0) }
    }
  }

  var customMirror: Mirror {
    Mirror(self, children: Self.dials.map { ("_\($0.name)", $0.option) })
  }
}

/// Names a dial among the parsed options.
private struct DialKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension DialSetting {
  /// The dial as an option: `--group-size <number>`.
  fileprivate var option: Option<String?> {
    Option(
      name: .customLong(name), parsing: .unconditional,
      help: ArgumentHelp("\(help) \(control.choices) (default: \(value))", valueName: control.noun),
      completion: control.completion)
  }
}

extension DialControl {
  /// What a value is called in a usage line.
  fileprivate var noun: String {
    switch self {
    case .number, .integer: "number"
    case .choice: "word"
    case .text: "text"
    case .words: "words"
    }
  }

  /// What may be chosen, in a help text.
  fileprivate var choices: String {
    switch self {
    case .number(let range, _, _):
      "\(DialValue.number(range.lowerBound)) … \(DialValue.number(range.upperBound))"
    case .integer(let range, _): "\(range.lowerBound) … \(range.upperBound)"
    case .choice(let words): words.joined(separator: ", ")
    case .text, .words: ""
    }
  }

  fileprivate var completion: CompletionKind? {
    switch self {
    case .number, .integer, .words: nil
    case .choice(let words): .list(words)
    case .text: .file()
    }
  }
}
