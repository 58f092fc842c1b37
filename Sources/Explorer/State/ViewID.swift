/// Names a view of the catalog.
public struct ViewID: RawRepresentable, Sendable, Hashable {
  /// The word for it: `layer`.
  public let rawValue: String

  /// The name that a view gives itself.
  package init(_ word: String) { rawValue = word }

  /// The view with that word, if there is one.
  public init?(rawValue: String) {
    let id = ViewID(rawValue)
    guard Self.allCases.contains(id) else { return nil }
    self = id
  }
}

extension ViewID: CustomStringConvertible {
  public var description: String { rawValue }
}

extension ViewID: CaseIterable {
  /// In the order of their number keys.
  public static var allCases: [ViewID] { ViewCatalog.all.map { $0.id } }
}

extension ViewID {
  /// The key that leads there: its place in the catalog; of the tenth, 0.
  public var digit: Character {
    let position = Self.allCases.firstIndex(of: self) ?? 0
    return Character(String((position + 1) % 10))
  }
}
