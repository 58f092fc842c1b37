internal import CheckpointIO
internal import Tensors

/// A model's parameters by block, on their way into rows.
struct ModelGroups {
  /// Headings of the columns.
  private(set) var kinds: [String] = []
  private(set) var weightCount = 0
  /// What stands before and after the blocks.
  private(set) var before: [Parameter] = []
  private(set) var after: [Parameter] = []

  private let parameters: Parameters
  /// What layers are called in their blocks, in the order in which they are met.
  private var names: [LayerName] = []
  private var numbers: [String: Int] = [:]
  private var members: [Member] = []
  /// Weights of each block that stand in no column.
  private var others: [Int: Int] = [:]
  /// The column of each of `names`.
  private var columns: [Int] = []

  private struct LayerName {
    let kind: String
    let expert: Int?
    let isRouter: Bool
  }

  private struct Member {
    let block: Int
    /// In `parameters`.
    let position: Int
    /// Position in `names`; nil if the layer is in no column.
    let name: Int?
  }

  init(_ parameters: Parameters) {
    self.parameters = parameters
    for (position, parameter) in parameters.enumerated() {
      let role = parameter.place.role
      guard role != .buffer, role != .optimizer,
        parameter.dtype.isFloatingPoint || role == .codes
      else { continue }
      add(parameter, at: position)
    }
    if zip(members, members.dropFirst()).contains(where: { $0.block > $1.block }) {
      members.sort { ($0.block, $0.position) < ($1.block, $1.position) }
    }
    findColumns()
  }

  private mutating func add(_ parameter: Parameter, at position: Int) {
    let count = parameter.shape.count
    weightCount += count
    guard let block = parameter.place.block else {
      if parameter.shape.dimensions.count >= 2 {
        if members.isEmpty { before.append(parameter) } else { after.append(parameter) }
      }
      return
    }
    let role = parameter.place.role
    guard [.linear, .auxiliary, .router, .codes].contains(role) else {
      members.append(Member(block: block, position: position, name: nil))
      others[block, default: 0] += count
      return
    }
    let name = number(of: parameter.place)
    members.append(Member(block: block, position: position, name: name))
  }

  private mutating func number(of place: Place) -> Int {
    if let known = numbers[place.layer] { return known }
    numbers[place.layer] = names.count
    names.append(
      LayerName(kind: place.kind, expert: place.expert, isRouter: place.role == .router))
    return names.count - 1
  }

  /// Calls `body` with the members of each block, by block.
  private func forEachBlock(_ body: (ArraySlice<Member>) -> Void) {
    var start = 0
    while start < members.count {
      var end = start + 1
      while end < members.count, members[end].block == members[start].block { end += 1 }
      body(members[start..<end])
      start = end
    }
  }

  /// Kinds of the layers of the first block that has most of them, in model order, the
  /// router before its experts; then those that other blocks have besides.
  private mutating func findColumns() {
    var fullest: ArraySlice<Member> = []
    var most = 0
    forEachBlock { block in
      let count = block.count { $0.name != nil }
      if count > most { (fullest, most) = (block, count) }
    }
    let own = fullest.compactMap { $0.name.map { names[$0] } }
    let start = own.prefix { $0.expert == nil }
    let rest = own.dropFirst(start.count)
    let inOrder =
      start.filter { !$0.isRouter } + own.filter(\.isRouter) + rest.filter { !$0.isRouter }
    var column: [String: Int] = [:]
    for name in inOrder + names {
      guard column.updateValue(column[name.kind] ?? kinds.count, forKey: name.kind) == nil else {
        continue
      }
      kinds.append(name.kind)
    }
    columns = names.map { column[$0.kind] ?? 0 }
  }

  /// A row for each block, by number.
  func blockRows() -> [ModelMap.Row] {
    var rows: [ModelMap.Row] = []
    let digits = String(members.last?.block ?? 0).count
    forEachBlock { block in
      let number = block.first?.block ?? 0
      rows.append(
        ModelMap.Row(
          block: number, digits: digits, layers: layers(of: block),
          otherWeights: others[number] ?? 0))
    }
    return rows
  }

  /// By column and expert; of several in one place the last.
  private func layers(of block: ArraySlice<Member>) -> [ModelMap.Layer] {
    var keys: [(column: Int, expert: Int, position: Int)] = []
    for member in block {
      guard let name = member.name else { continue }
      keys.append((columns[name], names[name].expert ?? -1, member.position))
    }
    let isInOrder = zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }
    if !isInOrder { keys.sort { $0 < $1 } }
    var layers: [ModelMap.Layer] = []
    layers.reserveCapacity(keys.count)
    for (number, key) in keys.enumerated() {
      if number + 1 < keys.count, keys[number + 1].column == key.column,
        keys[number + 1].expert == key.expert
      {
        continue
      }
      layers.append(
        ModelMap.Layer(
          parameters[key.position], expert: key.expert < 0 ? nil : key.expert,
          column: key.column))
    }
    return layers
  }
}
