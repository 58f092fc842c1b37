internal import Tensors

/// Goes once through a pickle's objects and lists the tensors under the names
/// their dictionaries give them.
struct ObjectWalk {
  /// Names under which training scripts keep the network's weights.
  private static let modelKeys = ["model", "state_dict", "model_state_dict", "model_state"]
  private static let settingsKeys = ["model_args", "config", "args", "hyper_parameters"]

  let graph: PickleGraph
  let file: Bytes
  let storages: PyTorchStorages
  private(set) var index = CheckpointIndex()
  /// The containers on the way to tensors, whose names are put together from
  /// them: a few bytes of a pickle can put a long key on any number of ways.
  private var trail: [Step] = []
  private var nameBytes = 0
  private var visited: Set<PickleValue.Reference> = []
  private var isCutOff = false
  /// First tensor of each view, to know a second name for it.
  private var views: [PickleTensor: String] = [:]

  /// What a pickle's objects, whose storages lie in `file`, hold.
  static func index(
    _ graph: PickleGraph, _ storages: PyTorchStorages, _ file: Bytes
  ) throws(CheckpointError) -> CheckpointIndex {
    var walk = ObjectWalk(graph: graph, file: file, storages: storages)
    try walk.run()
    return walk.index
  }

  private init(graph: PickleGraph, file: Bytes, storages: PyTorchStorages) {
    self.graph = graph
    self.file = file
    self.storages = storages
  }

  private mutating func run() throws(CheckpointError) {
    let members = graph.members(graph.root)
    let model = model(among: members)
    if let model {
      try list(from: model.value, prefix: "", isTrainingState: false)
      for member in members where member.value != model.value {
        try list(from: member.value, prefix: member.key, isTrainingState: true)
      }
    } else {
      try list(from: graph.root, prefix: "", isTrainingState: false)
    }
    dropRepeatedNames()
    readSettings(members)
    if index.tensors.isEmpty { index.warnings.append("the file holds no tensors") }
    if isCutOff {
      index.warnings.append(
        "objects nested deeper than \(PyTorchFormat.nestingLimit) are not listed")
    }
  }

  private func model(
    among members: [(key: String, value: PickleValue.Reference)]
  ) -> (key: String, value: PickleValue.Reference)? {
    for key in ObjectWalk.modelKeys {
      if let model = members.first(where: { $0.key == key && isDictionary($0.value) }) {
        return model
      }
    }
    return nil
  }

  private func isDictionary(_ reference: PickleValue.Reference) -> Bool {
    if case .dictionary = graph[reference] { return true }
    return false
  }

  private struct Step {
    let value: PickleValue.Reference
    let key: String
    /// Position in `trail` of the container it is in; nil for a root.
    let parent: Int?
    let depth: Int
  }

  /// Depth first without recursion; a container that several others share is
  /// visited once.
  private mutating func list(
    from root: PickleValue.Reference, prefix: String, isTrainingState: Bool
  ) throws(CheckpointError) {
    var waiting = [Step(value: root, key: prefix, parent: nil, depth: 0)]
    while let step = waiting.popLast() {
      if case .tensor(let tensor) = graph[step.value] {
        try add(tensor, name: try name(of: step), isTrainingState: isTrainingState)
        continue
      }
      let children = children(of: step)
      guard !children.isEmpty, visited.insert(step.value).inserted else { continue }
      guard step.depth < PyTorchFormat.nestingLimit else {
        isCutOff = true
        continue
      }
      trail.append(step)
      waiting.append(contentsOf: children.reversed())
    }
  }

  /// What a container holds; its own place in the trail will be the next.
  private func children(of step: Step) -> [Step] {
    guard !visited.contains(step.value) else { return [] }
    let members =
      graph.elements(step.value).map { $0.enumerated().map { (key: String($0), value: $1) } }
      ?? graph.members(step.value)
    return members.compactMap { key, value in
      guard holdsTensors(value) else { return nil }
      return Step(value: value, key: key, parent: trail.count, depth: step.depth + 1)
    }
  }

  /// The keys on the way to a tensor, joined by dots.
  private mutating func name(of step: Step) throws(CheckpointError) -> String {
    var keys = [step.key]
    var length = step.key.utf8.count
    var parent = step.parent
    while let position = parent {
      keys.append(trail[position].key)
      length += 1 + trail[position].key.utf8.count
      parent = trail[position].parent
    }
    guard length <= CheckpointIndex.nameLimit else {
      throw .limitExceeded(
        what: "the length of a tensor's name", limit: CheckpointIndex.nameLimit)
    }
    nameBytes += length
    guard nameBytes <= CheckpointIndex.nameBytesLimit else {
      throw .limitExceeded(
        what: "the length of all tensors' names", limit: CheckpointIndex.nameBytesLimit)
    }
    return keys.reversed().reduce("") { $0.isEmpty ? $1 : "\($0).\($1)" }
  }

  private func holdsTensors(_ reference: PickleValue.Reference) -> Bool {
    switch graph[reference] {
    case .list, .tuple, .dictionary, .tensor: true
    case .none, .bool, .integer, .hugeInteger, .float, .string, .bytes, .global, .storage,
      .opaque:
      false
    }
  }

  private mutating func add(
    _ tensor: PickleTensor, name: String, isTrainingState: Bool
  ) throws(CheckpointError) {
    var name = name
    let compiled = "_orig_mod."
    if name.hasPrefix(compiled) { name.removeFirst(compiled.count) }
    let view = try StorageView(tensor, name: name, storages)
    var indexed = view.indexed
    indexed.isOptimizer = isTrainingState
    if !isTrainingState, tensor.dimensions.contains(where: { $0 > 0 }) {
      indexed.sharesStorageOf = views[tensor]
      if indexed.sharesStorageOf == nil { views[tensor] = name }
    }
    if isTrainingState, tensor.dimensions.isEmpty, let value = scalar(indexed) {
      index.metadata[name] = value
    }
    try index.add(indexed)
  }

  /// nanoGPT keeps `best_val_loss` as a tensor without axes.
  private func scalar(_ tensor: IndexedTensor) -> String? {
    guard let dtype = tensor.dtype else { return nil }
    let reader = TensorReader(
      bytes: file[tensor.byteRange], dtype: dtype, shape: [], strides: nil, isTransposed: false)
    return reader.tensor().array.first.map { String($0) }
  }

  /// `_orig_mod.a` beside `a`: the later one stays, as in a dictionary.
  private mutating func dropRepeatedNames() {
    var names: Set<String> = []
    let kept = index.tensors.reversed().filter { names.insert($0.name).inserted }
    guard kept.count < index.tensors.count else { return }
    index.warnings.append(
      "\(index.tensors.count - kept.count) tensors have the name of another and are left out")
    index.tensors = kept.reversed()
    for position in index.tensors.indices {
      if let other = index.tensors[position].sharesStorageOf, !names.contains(other) {
        index.tensors[position].sharesStorageOf = nil
      }
    }
  }

  private mutating func readSettings(_ members: [(key: String, value: PickleValue.Reference)]) {
    for (key, value) in members {
      if let text = graph.scalarText(value) { index.metadata[key] = text }
    }
    for key in ObjectWalk.settingsKeys {
      guard let settings = members.first(where: { $0.key == key }) else { continue }
      for (name, value) in graph.members(settings.value) where index.configuration[name] == nil {
        index.configuration[name] = graph.scalarText(value)
      }
    }
    index.vocabulary = PickledVocabulary.read(graph, members)
  }
}
