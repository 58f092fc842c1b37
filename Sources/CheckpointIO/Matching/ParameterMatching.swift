public import Tensors

/// Which parameter of one checkpoint is which of another of its architecture: by name,
/// and where the files name them differently, by block and layer.
public struct ParameterMatching: Sendable {
  /// One parameter in both.
  public struct Pair: Sendable {
    public let first: Parameter
    public let second: Parameter
    /// Of the first and the second, where it has llama.cpp's order of rows and the
    /// other has not.
    let rows: (first: LlamaRows?, second: LlamaRows?)
    /// What is to be added to the first and the second, where the other has it already.
    let shift: (first: Float, second: Float)

    /// Whether one has the rows of queries or keys in llama.cpp's order, and the other
    /// has not; `tensors` puts them right.
    public var isReordered: Bool { rows.first != nil || rows.second != nil }

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
        try rows.first?.undone(tensors.0, threads: threads, shouldStop: shouldStop)
          ?? tensors.0.adding(shift.first),
        try rows.second?.undone(tensors.1, threads: threads, shouldStop: shouldStop)
          ?? tensors.1.adding(shift.second)
      )
    }

    /// Whether one has 1 added to the weights of a norm, and the other has not; `tensors`
    /// adds it.
    public var isShifted: Bool { shift.first != 0 || shift.second != 0 }
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
    let names = (
      CanonicalName.all(of: first.parameters), CanonicalName.all(of: second.parameters)
    )
    let byPlace = Self.places(names.1, of: second.parameters, without: first.parameters)
    let ownPlaces = Self.places(names.0, of: first.parameters, without: second.parameters)
    let positions = Dictionary(
      second.parameters.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
    var taken = [Bool](repeating: false, count: second.parameters.count)
    for (index, parameter) in first.parameters.enumerated() {
      let name = names.0[index]
      let isOnlyOne = ownPlaces[name] == index
      guard let other = positions[parameter.name] ?? (isOnlyOne ? byPlace[name] : nil),
        !taken[other]
      else {
        onlyInFirst.append(parameter)
        continue
      }
      taken[other] = true
      let counterpart = second.parameters[other]
      let areOrdered = (
        LlamaRows.areThose(of: parameter, name, in: first),
        LlamaRows.areThose(of: counterpart, names.1[other], in: second)
      )
      // Two of one order are compared as they are.
      let isReordered = areOrdered.0 != areOrdered.1
      let rows =
        isReordered
        ? LlamaRows(name, of: parameter, in: areOrdered.0 ? [first, second] : [second, first]) : nil
      if isReordered, rows == nil { unknownOrderCount += 1 }
      let shifts = (
        LlamaFamily.shift(of: parameter, in: first),
        LlamaFamily.shift(of: counterpart, in: second)
      )
      // What has it already needs it no more; two of one kind are compared as they are.
      let isShifted = shifts.0 != nil && shifts.1 != nil && shifts.0 != shifts.1
      pairs.append(
        Pair(
          first: parameter, second: counterpart,
          rows: areOrdered.0 ? (first: rows, second: nil) : (first: nil, second: rows),
          shift: isShifted ? (shifts.0 ?? 0, shifts.1 ?? 0) : (first: 0, second: 0)))
    }
    onlyInSecond = second.parameters.enumerated().filter { !taken[$0.offset] }.map(\.element)
  }

  /// The parameters that the other has not by name, by what they are; those of which
  /// two are the same are left out.
  private static func places(
    _ names: [CanonicalName], of parameters: Parameters, without other: Parameters
  ) -> [CanonicalName: Int] {
    var places: [CanonicalName: [Int]] = [:]
    for (index, parameter) in parameters.enumerated() where other[parameter.name] == nil {
      places[names[index], default: []].append(index)
    }
    return places.compactMapValues { $0.count == 1 ? $0[0] : nil }
  }
}
