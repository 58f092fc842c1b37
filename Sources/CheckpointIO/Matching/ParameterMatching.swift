internal import Models
public import Tensors

/// Which parameter of one checkpoint is which of another of its architecture: by name,
/// and where the files name them differently, by what they are for.
public struct ParameterMatching: Sendable {
  /// One parameter in both.
  public struct Pair: Sendable {
    public let first: Parameter
    public let second: Parameter
    /// What makes each the model's, where the two files differ.
    fileprivate let changes: (first: TensorChange, second: TensorChange)

    /// Whether one has the rows of queries or keys in llama.cpp's order, and the other
    /// has not; `tensors` puts them right.
    public var isReordered: Bool { changes.first.rows != nil || changes.second.rows != nil }

    /// Whether one has 1 added to the weights of a norm, and the other has not; `tensors`
    /// adds it.
    public var isShifted: Bool { changes.first.offset != 0 || changes.second.offset != 0 }

    /// The values of both, rows in the same order. Throws what reading them throws,
    /// also when `shouldStop` stopped it.
    public func tensors(
      threads: Int, shouldStop: @Sendable () -> Bool
    ) throws -> (first: Tensor, second: Tensor) {
      let tensors = (
        try first.tensor(threads: threads, shouldStop: shouldStop),
        try second.tensor(threads: threads, shouldStop: shouldStop)
      )
      return (
        try tensors.0.changed(changes.first, threads: threads, shouldStop: shouldStop),
        try tensors.1.changed(changes.second, threads: threads, shouldStop: shouldStop)
      )
    }
  }

  /// In the order of the first.
  public private(set) var pairs: [Pair] = []
  public private(set) var onlyInFirst: [Parameter] = []
  public private(set) var onlyInSecond: [Parameter] = []

  /// Pairs of queries or keys whose rows have different orders, which cannot be undone because
  /// neither file says how many heads there are.
  public private(set) var unknownOrderCount = 0

  /// Pairs that bear different names.
  public var renamedCount: Int { pairs.count { $0.first.name != $0.second.name } }
  /// Pairs of which one has its rows in another order.
  public var reorderedCount: Int { pairs.count { $0.isReordered } }
  /// Pairs of norms of which one has 1 added to its weights.
  public var shiftedCount: Int { pairs.count { $0.isShifted } }

  /// Matches the parameters of two checkpoints. A place that several parameters of one
  /// of them claim decides nothing. Reads no values.
  public init(_ first: Checkpoint, _ second: Checkpoint) {
    let sides = (Side(first), Side(second))
    let byPlace = sides.1.places(without: first.parameters)
    let ownPlaces = sides.0.places(without: second.parameters)
    let positions = Dictionary(
      second.parameters.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
    var taken = [Bool](repeating: false, count: second.parameters.count)
    for (index, parameter) in first.parameters.enumerated() {
      let identity = sides.0.members[index].identity
      let isOnlyOne = ownPlaces[identity] == index
      guard let other = positions[parameter.name] ?? (isOnlyOne ? byPlace[identity] : nil),
        !taken[other]
      else {
        onlyInFirst.append(parameter)
        continue
      }
      taken[other] = true
      pairs.append(pair((sides.0, index), (sides.1, other)))
    }
    onlyInSecond = second.parameters.enumerated().filter { !taken[$0.offset] }.map(\.element)
  }

  private mutating func pair(
    _ first: (side: Side, index: Int), _ second: (side: Side, index: Int)
  ) -> Pair {
    let members = (first.side.members[first.index], second.side.members[second.index])
    var changes = (first: TensorChange(), second: TensorChange())
    // Two of one kind are compared as they are.
    if members.0.layout != members.1.layout {
      let checkpoints = [first.side.checkpoint, second.side.checkpoint]
      changes.first.rows = members.0.order(checkpoints)
      changes.second.rows = members.1.order(checkpoints.reversed())
      let orders = [(members.0, changes.first), (members.1, changes.second)]
      if orders.contains(where: { $0.layout != .plain && $1.rows == nil }) {
        (changes.first.rows, changes.second.rows) = (nil, nil)
        unknownOrderCount += 1
      }
    }
    if let one = members.0.offset, let other = members.1.offset, one != other {
      (changes.first.offset, changes.second.offset) = (one, other)
    }
    return Pair(first: members.0.parameter, second: members.1.parameter, changes: changes)
  }
}

/// One of two checkpoints that are matched.
private struct Side {
  /// What a tensor is, whatever the file calls it.
  enum Identity: Hashable {
    case known(TensorID)
    case other(block: Int?, name: String)
  }

  struct Member {
    let parameter: Parameter
    let identity: Identity
    let role: TensorRole?
    let layout: RowLayout
    /// Still to be added to the weights of a norm; nil where the family has no offset.
    let offset: Float?

    /// The row order for the number of heads in the first checkpoint that states it. nil if no
    /// checkpoint does, if the heads do not fit the rows, and if the rows are in the model's
    /// order already.
    func order(_ checkpoints: [Checkpoint]) -> RowOrder? {
      let queries = ["n_head", "num_attention_heads"]
      let keys = (role == .key ? ["num_key_value_heads"] : []) + queries
      let said = keys.lazy.compactMap { key in
        checkpoints.lazy.compactMap { $0.configuration[key] }.first
      }.first
      guard layout != .plain, let heads = said.flatMap({ Int($0) }) else { return nil }
      return layout.order(rows: parameter.shape.dimensions.first ?? 0, heads: heads)
    }
  }

  let checkpoint: Checkpoint
  let members: [Member]

  init(_ checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    let type = checkpoint.familyName
    let names = TensorNames(checkpoint.parameters, type: type)
    members = checkpoint.parameters.map { parameter in
      let place = parameter.place
      guard let (id, dialect) = names.meaning(of: parameter) else {
        let name =
          place.block == nil ? parameter.name[...] : TensorName(parameter.name).rest
        return Member(
          parameter: parameter, identity: .other(block: place.block, name: String(name)), role: nil,
          layout: .plain, offset: nil)
      }
      return Member(
        parameter: parameter, identity: .known(id), role: id.role,
        layout: RowLayout(of: id.role, in: dialect, type: type),
        offset: place.role == .norm ? type.flatMap { NormOffset.of(type: $0, in: dialect) } : nil)
    }
  }

  /// The parameters that the other has not by name, by what they are; those of which
  /// two are the same are left out.
  func places(without other: Parameters) -> [Identity: Int] {
    var places: [Identity: [Int]] = [:]
    for (index, member) in members.enumerated() where other[member.parameter.name] == nil {
      places[member.identity, default: []].append(index)
    }
    return places.compactMapValues { $0.count == 1 ? $0[0] : nil }
  }
}

extension Checkpoint {
  /// What llama.cpp calls the family of a GGUF file, or of a file that was made of one;
  /// of others the model type.
  var familyName: String? {
    if case .text(let architecture) = gguf?["general.architecture"] { return architecture }
    return configuration["model_type"]
  }
}
