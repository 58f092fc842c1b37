internal import Synchronization

/// A model's tensors, in the order of the checkpoint.
public struct Parameters: Sendable, RandomAccessCollection {
  private let list: [Parameter]
  private let positions: NamePositions
  /// Why there are no weights among them, where whoever made them knows; nil where there are
  /// some.
  public let absence: String?

  /// The last of several parameters of one name wins look-ups.
  public init(_ list: [Parameter], absence: String? = nil) {
    self.init(list, NamePositions(), absence)
  }

  private init(_ list: [Parameter], _ positions: NamePositions, _ absence: String?) {
    self.list = list
    self.positions = positions
    self.absence = absence
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { list.count }
  public subscript(position: Int) -> Parameter { list[position] }

  /// The parameter of that name in the checkpoint, if there is one. The first look-up
  /// is O(n).
  public subscript(name: String) -> Parameter? {
    positions.position(of: name, in: list).map { list[$0] }
  }

  /// The same model with some parameters replaced, by name.
  public func replacing(_ changed: [Parameter]) -> Parameters {
    let changes = Dictionary(changed.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    return Parameters(list.map { changes[$0.name] ?? $0 }, positions, absence)
  }

  /// The weight matrices of the blocks' linear layers.
  public var linearLayers: [Parameter] { list.filter { $0.place.role == .linear } }
}

extension Sequence<Parameter> {
  /// The numbers in all of them.
  public var weightCount: Int { reduce(0) { $0 + $1.shape.count } }
}

/// Position of each name in a list, built when first needed: opening a checkpoint does not
/// need it.
private final class NamePositions: Sendable {
  private let positions = Mutex<[String: Int]?>(nil)

  /// `list` is one of those with the same names in the same order.
  func position(of name: String, in list: [Parameter]) -> Int? {
    positions.withLock { known in
      let positions = known ?? Self.positions(in: list)
      known = positions
      return positions[name]
    }
  }

  private static func positions(in list: [Parameter]) -> [String: Int] {
    var positions = [String: Int](minimumCapacity: list.count)
    for (position, parameter) in list.enumerated() { positions[parameter.name] = position }
    return positions
  }
}
