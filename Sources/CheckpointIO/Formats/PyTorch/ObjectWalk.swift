internal import Tensors

/// Goes once through a pickle's objects and lists the tensors under the names
/// their dictionaries give them.
struct ObjectWalk {
  private static let settingsKeys = ["model_args", "config", "args", "hyper_parameters", "hparams"]

  /// Values of an object to look at for tensors.
  private static let lookLimit = 64

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
    let search = try WeightSearch(graph)
    for root in search.roots {
      try list(from: root.value, prefix: root.prefix, isTrainingState: root.isTrainingState)
    }
    index.warnings += search.warnings
    dropRepeatedNames()
    for root in search.roots where !root.isTrainingState { readMetadata(of: root.value) }
    readSettings(search.settings)
    if index.tensors.isEmpty { index.warnings.append("the file holds no tensors") }
    if isCutOff {
      index.warnings.append(
        "objects nested deeper than \(PyTorchFormat.nestingLimit) are not listed")
    }
  }

  private struct Step {
    let value: PickleValue.Reference
    let key: String
    /// Position in `trail` of the container it is in; nil for a root.
    let parent: Int?
    let depth: Int
    var isTrainingState: Bool
  }

  /// Depth first without recursion; a container that several others share is
  /// visited once.
  private mutating func list(
    from root: PickleValue.Reference, prefix: String, isTrainingState: Bool
  ) throws(CheckpointError) {
    guard isListed(root, isTrainingState) else { return }
    var waiting = [
      Step(value: root, key: prefix, parent: nil, depth: 0, isTrainingState: isTrainingState)
    ]
    while var step = waiting.popLast() {
      switch graph[step.value] {
      case .tensor(let tensor):
        try add(tensor, name: try name(of: step), isTrainingState: step.isTrainingState)
        continue
      case .derived(let number):
        try add(graph.derived[number], name: try name(of: step), step.isTrainingState)
        continue
      case .object(let number) where !graph.isContainer(step.value):
        let name = graph.name(of: graph.objects[number])
        try add(unreadable: name, name: try self.name(of: step))
        continue
      default: break
      }
      guard visited.insert(step.value).inserted else { continue }
      if graph.isOptimizer(step.value) { step.isTrainingState = true }
      let children = children(of: step)
      guard !children.isEmpty else { continue }
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
    let members =
      graph.elements(step.value).map { $0.enumerated().map { (key: String($0), value: $1) } }
      ?? graph.members(step.value)
    return members.compactMap { key, value in
      guard isListed(value, step.isTrainingState) else { return nil }
      return Step(
        value: value, key: key, parent: trail.count, depth: step.depth + 1,
        isTrainingState: step.isTrainingState)
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

  /// Whether a value is a tensor, may hold some, or is an object that was made of tensors and
  /// would be one.
  private func isListed(_ reference: PickleValue.Reference, _ isTrainingState: Bool) -> Bool {
    switch graph[reference] {
    case .list, .tuple, .dictionary, .tensor, .derived: true
    case .object: graph.isContainer(reference) || (!isTrainingState && isMadeOfTensors(reference))
    case .none, .bool, .integer, .hugeInteger, .float, .string, .bytes, .global, .storage: false
    }
  }

  /// Looks at the first values that an object was made of.
  private func isMadeOfTensors(_ reference: PickleValue.Reference) -> Bool {
    var waiting = graph.contents(reference, limit: ObjectWalk.lookLimit)
    var left = ObjectWalk.lookLimit
    while left > 0, let value = waiting.popLast() {
      left -= 1
      switch graph[value] {
      case .tensor, .storage, .derived: return true
      case .list, .tuple, .dictionary, .object:
        waiting += graph.contents(value, limit: ObjectWalk.lookLimit)
      default: break
      }
    }
    return false
  }

  /// An object that a function of another library would make of tensors.
  private mutating func add(unreadable type: String, name: String) throws(CheckpointError) {
    try CheckpointIndex.checkName(type, of: "a class")
    try index.add(
      IndexedTensor(name: name, dtype: nil, dtypeName: type, shape: [], byteRange: 0..<0))
  }

  private mutating func add(
    _ tensor: PickleDerivedTensor, name: String, _ isTrainingState: Bool
  ) throws(CheckpointError) {
    let name = ObjectWalk.moduleName(name)
    let parts = tensor.parts.map { "\(name).\($0.suffix)" }
    for (part, name) in zip(tensor.parts, parts) {
      try add(part.tensor, name: name, isTrainingState: isTrainingState)
    }
    guard !isTrainingState else { return }
    index.derived.append(
      DerivedTensor(
        name: name, form: tensor.form, shape: try Shape(checking: tensor.dimensions, tensor: name),
        parts: parts))
  }

  /// `torch.ao.nn.quantized` keeps weight and bias of a layer as a pair in
  /// `LAYER._packed_params._packed_params`; and compilers put `_orig_mod` before all names.
  private static func moduleName(_ name: String) -> String {
    let compiled = "_orig_mod."
    if name.hasPrefix(compiled) { return moduleName(String(name.dropFirst(compiled.count))) }
    let packed = "._packed_params._packed_params."
    for (number, word) in ["weight", "bias"].enumerated() {
      let ending = "\(packed)\(number)"
      if name.hasSuffix(ending) { return name.dropLast(ending.utf8.count) + "." + word }
    }
    return name
  }

  private mutating func add(
    _ tensor: PickleTensor, name: String, isTrainingState: Bool
  ) throws(CheckpointError) {
    let name = ObjectWalk.moduleName(name)
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

  /// What Pare writes of a model beside a plain state dictionary.
  private mutating func readMetadata(of model: PickleValue.Reference) {
    guard let attributes = graph.attributes[model] else { return }
    for own in graph.members(attributes) where own.key == PyTorchFormat.metadataAttribute {
      for (key, value) in graph.members(own.value) {
        if let text = graph.scalarText(value) { index.metadata[key] = text }
      }
    }
  }

  private mutating func readSettings(_ members: [(key: String, value: PickleValue.Reference)]) {
    for (key, value) in members {
      if let text = graph.scalarText(value) { index.metadata[key] = text }
    }
    for key in ObjectWalk.settingsKeys {
      guard let settings = members.first(where: { $0.key == key }) else { continue }
      for (name, value) in graph.settings(settings.value) where index.configuration[name] == nil {
        index.configuration[name] = graph.scalarText(value)
      }
    }
    index.vocabulary = PickledVocabulary.read(graph, members)
  }
}
