/// Settings that dials turn: its stored properties, and for each the dial that says what it
/// may be. Passes and training runs have them; whatever else is to be set can.
///
/// Laws: the defaults are legal; every setting survives its text.
public protocol Dialed: Sendable, Hashable, Codable {
  /// The word for it in recipes and on the command line.
  static var name: String { get }
  /// One sentence for help texts and tables.
  static var summary: String { get }
  /// Its settings, in the order they are shown.
  static var dials: [Dial<Self>] { get }

  /// The default settings.
  init()

  /// Checks settings that no single dial can, such as N ≤ M.
  ///
  /// Throws `PassError` with the sentence to show.
  func validate() throws
}

extension Dialed {
  /// Nothing to check beyond the dials' ranges.
  public func validate() throws {}

  /// All dials with their present settings.
  public var settings: [DialSetting] {
    Self.dials.map {
      DialSetting(
        name: $0.name, help: $0.help, control: $0.control, value: $0.get(self),
        isActive: $0.isActive(self))
    }
  }

  /// The same with one dial set to `value`.
  ///
  /// Throws `PassError` when there is no such dial, or `value` is out of its range.
  public func setting(_ name: String, to value: DialValue) throws -> Self {
    try setting(name) { _ in value }
  }

  /// The same from a text: `0.5`, `50%`, `magnitude`.
  public func setting(_ name: String, toText text: String) throws -> Self {
    try setting(name) { $0.value(of: text) }
  }

  private func setting(_ name: String, _ value: (DialControl) -> DialValue) throws -> Self {
    guard let dial = Self.dials.first(where: { $0.name == name }) else {
      let known = Self.dials.map(\.name).joined(separator: ", ")
      throw PassError(
        "\(Self.name) has no setting ‘\(name)’; it has \(known.isEmpty ? "none" : known)")
    }
    var copy = self
    dial.set(&copy, try dial.control.check(value(dial.control), for: "\(Self.name) \(name)"))
    return copy
  }
}
