internal import Tensors

/// Finds which of a pickle's objects hold the weights. What a dictionary holds decides: the
/// state of an optimizer has its shape, and a network's is one of tensors by name. Names
/// decide only between several networks.
struct WeightSearch {
  /// A part of the pickle to list.
  struct Root {
    let value: PickleValue.Reference
    let prefix: String
    let isTrainingState: Bool
  }

  /// Names under which training scripts keep the network's weights.
  private static let modelKeys = [
    "model", "state_dict", "model_state_dict", "model_state", "module", "net", "network",
  ]
  /// Levels of dictionaries around the weights.
  private static let levelLimit = 8
  /// Values to look at, all searches together.
  private static let stepLimit = 1 << 20

  let graph: PickleGraph
  private(set) var roots: [Root] = []
  private(set) var warnings: [String] = []
  /// The members of the dictionaries around the weights.
  private(set) var settings: [(key: String, value: PickleValue.Reference)] = []
  private var steps = 0
  /// Containers in which nothing of a kind was found: none is searched twice.
  private var barren: [Kind: Set<PickleValue.Reference>] = [:]

  /// What is looked for.
  private enum Kind { case matrix, vector, optimizer, shape }

  /// Throws `CheckpointError.wholeModule` where the network itself was pickled.
  init(_ graph: PickleGraph) throws(CheckpointError) {
    self.graph = graph
    try search(graph.root, prefix: "", level: 0)
  }

  private typealias Member = (key: String, value: PickleValue.Reference)

  private mutating func search(
    _ place: PickleValue.Reference, prefix: String, level: Int
  ) throws(CheckpointError) {
    try refuseModule(place)
    let members = graph.members(place)
    settings += members
    if graph.isOptimizer(place) { return add(place, prefix, isTrainingState: true) }
    let networks = members.filter { holdsMatrix($0.value) }
    let known = Self.modelKeys.lazy.compactMap { key in members.first { $0.key == key } }.first {
      member in networks.contains { $0.key == member.key }
    }
    if known == nil, isStateDictionary(members, networks) {
      return add(place, prefix, isTrainingState: false)
    }
    if let weights = known ?? only(withoutAverages(networks)) {
      tell([weights.key], networks)
      return try choose(weights, among: members, prefix, level)
    }
    if networks.isEmpty {
      for key in Self.modelKeys {
        if let model = members.first(where: { $0.key == key }) { try refuseModule(model.value) }
      }
      if let weights = only(members.filter({ holdsVector($0.value) })) {
        return try choose(weights, among: members, prefix, level)
      }
      return add(place, prefix, isTrainingState: members.contains { holdsOptimizer($0.value) })
    }
    let weights = Set(withoutAverages(networks).map(\.key))
    tell(weights, networks)
    let isAround = members.contains { !weights.contains($0.key) && !isScalar($0.value) }
    guard isAround else { return add(place, prefix, isTrainingState: false) }
    for member in members {
      let isWeight = weights.contains(member.key) || (graph.rank(member.value) ?? 0) >= 2
      add(member.value, joined(prefix, member.key), isTrainingState: !isWeight)
    }
  }

  /// The weights are in one of the members.
  private mutating func choose(
    _ weights: Member, among members: [Member], _ prefix: String, _ level: Int
  ) throws(CheckpointError) {
    let inner = graph.members(weights.value)
    let isDirect = inner.contains { graph.rank($0.value) != nil }
    let isWrapped = inner.contains { Self.modelKeys.contains($0.key) || holdsOptimizer($0.value) }
    if !isDirect, isWrapped, level < Self.levelLimit {
      try search(weights.value, prefix: joined(prefix, weights.key), level: level + 1)
    } else {
      let isNamed = isDirect || Self.modelKeys.contains(weights.key)
      add(weights.value, isNamed ? "" : joined(prefix, weights.key), isTrainingState: false)
    }
    for member in members where member.value != weights.value {
      add(member.value, joined(prefix, member.key), isTrainingState: true)
    }
  }

  private mutating func add(
    _ value: PickleValue.Reference, _ prefix: String, isTrainingState: Bool
  ) {
    roots.append(Root(value: value, prefix: prefix, isTrainingState: isTrainingState))
  }

  private func joined(_ prefix: String, _ key: String) -> String {
    prefix.isEmpty ? key : "\(prefix).\(key)"
  }

  private func only(_ members: [Member]) -> Member? { members.count == 1 ? members[0] : nil }

  /// Which networks beside the weights are not read.
  private mutating func tell(_ weights: Set<String>, _ networks: [Member]) {
    guard let held = networks.first(where: { weights.contains($0.key) }) else { return }
    for network in networks where !weights.contains(network.key) {
      let what = TrainingState.isAverage(network.key) ? "an average of weights" : "another network"
      guard warnings.count < Self.levelLimit else { return }
      warnings.append(
        "\(held.key.quoted) holds the weights; \(network.key.quoted), \(what), is listed as "
          + "training state")
    }
  }

  /// Tensors under their names, and no larger dictionary of them as a member.
  private mutating func isStateDictionary(_ members: [Member], _ networks: [Member]) -> Bool {
    let direct = members.count { graph.rank($0.value).map { $0 >= 2 } ?? false }
    guard direct > 0 else { return false }
    return Set(networks.map(\.value)).allSatisfy { network in
      graph.members(network).count { graph.rank($0.value) != nil } < direct
    }
  }

  private func isScalar(_ reference: PickleValue.Reference) -> Bool {
    graph.contents(reference, limit: 1).isEmpty && graph.rank(reference) == nil
  }

  // MARK: Averages

  /// The networks without those that are averages of another: their names say so, and their
  /// matrices have the same shapes.
  private mutating func withoutAverages(_ networks: [Member]) -> [Member] {
    guard networks.count > 1 else { return networks }
    let isNamed = networks.map { TrainingState.isAverage($0.key) }
    guard isNamed.contains(true), isNamed.contains(false) else { return networks }
    var shapes: [[[Int]: Int]] = []
    for network in networks { shapes.append(self.shapes(of: network.value)) }
    let others = Set(networks.indices.filter { !isNamed[$0] }.map { shapes[$0] })
    return networks.indices.filter { !isNamed[$0] || !others.contains(shapes[$0]) }
      .map { networks[$0] }
  }

  private mutating func shapes(of root: PickleValue.Reference) -> [[Int]: Int] {
    var shapes: [[Int]: Int] = [:]
    walk(root, for: .shape) { value, graph in
      if case .tensor(let tensor) = graph[value], tensor.dimensions.count >= 2 {
        shapes[tensor.dimensions, default: 0] += 1
      }
      return false
    }
    return shapes
  }

  // MARK: Looking inside

  /// Whether a dictionary has matrices by name somewhere in it.
  private mutating func holdsMatrix(_ root: PickleValue.Reference) -> Bool {
    holdsTensor(root, .matrix) { $0 >= 2 }
  }

  private mutating func holdsVector(_ root: PickleValue.Reference) -> Bool {
    holdsTensor(root, .vector) { $0 >= 1 }
  }

  private mutating func holdsTensor(
    _ root: PickleValue.Reference, _ kind: Kind, where isRank: (Int) -> Bool
  ) -> Bool {
    guard graph.isContainer(root), graph.pairs(root) != nil else { return false }
    return walk(root, for: kind) { value, graph in
      graph.pairs(value)?.contains { graph.rank($0.value).map(isRank) ?? false } ?? false
    }
  }

  private mutating func holdsOptimizer(_ root: PickleValue.Reference) -> Bool {
    graph.isContainer(root)
      && walk(root, for: .optimizer) { value, graph in graph.isOptimizer(value) }
  }

  /// Goes through containers until `body` says to stop; whether it did. The state of an
  /// optimizer is only entered to look for one.
  @discardableResult
  private mutating func walk(
    _ root: PickleValue.Reference, for kind: Kind,
    _ body: (PickleValue.Reference, PickleGraph) -> Bool
  ) -> Bool {
    var waiting = [root]
    var visited: Set<PickleValue.Reference> = [root]
    while let value = waiting.popLast(), steps < Self.stepLimit {
      if barren[kind]?.contains(value) ?? false { continue }
      guard kind == .optimizer || !graph.isOptimizer(value) else { continue }
      if body(value, graph) { return true }
      let members = graph.pairs(value)?.map(\.value) ?? graph.elements(value) ?? []
      steps += 1 + members.count
      for member in members
      where graph.isContainer(member) || (kind == .shape && graph.rank(member) != nil) {
        if visited.insert(member).inserted { waiting.append(member) }
      }
    }
    if kind != .shape { barren[kind, default: []].formUnion(visited) }
    return false
  }

  /// Throws where a value is a module that was pickled whole.
  private func refuseModule(_ reference: PickleValue.Reference) throws(CheckpointError) {
    guard case .object(let number) = graph[reference] else { return }
    let object = graph.objects[number]
    guard object.state >= 0, let state = graph.pairs(Int(object.state)) else { return }
    let isModule = state.contains { pair in
      if case .string("_modules") = graph[pair.key] { return true }
      if case .string("_parameters") = graph[pair.key] { return true }
      return false
    }
    if isModule { throw .wholeModule(name: graph.name(of: object)) }
  }
}

extension PickleGraph {
  /// How many axes a tensor has; nil for anything else.
  func rank(_ reference: PickleValue.Reference) -> Int? {
    switch values[reference] {
    case .tensor(let tensor): tensor.dimensions.count
    case .derived(let number): derived[number].dimensions.count
    default: nil
    }
  }

  func isContainer(_ reference: PickleValue.Reference) -> Bool {
    switch values[reference] {
    case .list, .tuple, .dictionary: true
    case .object(let number): objects[number].items >= 0
    default: false
    }
  }

  /// Whether a dictionary is an optimizer's state, or that of one of its parameters.
  func isOptimizer(_ reference: PickleValue.Reference) -> Bool {
    guard let pairs = pairs(reference) else { return false }
    var (hasState, hasGroups) = (false, false)
    for pair in pairs {
      guard case .string(let key) = values[pair.key] else { continue }
      if key == "state" { hasState = true }
      if key == "param_groups" { hasGroups = true }
      if TrainingState.isSlot(key), rank(pair.value) != nil || isContainer(pair.value) {
        return true
      }
    }
    return hasState && hasGroups
  }
}
