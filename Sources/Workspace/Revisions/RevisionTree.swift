internal import Compression

/// Why a revision cannot be made, deleted or gone to, in one sentence.
public struct RevisionError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// All revisions of one checkpoint: a tree that grows from the original, and
/// the place in it where one stands.
///
/// Laws: `current` always exists; every revision but `r0` has a parent that was
/// created before it; numbers are never given twice.
public struct RevisionTree: Hashable, Sendable {
  /// In the order they were made; the first is the original.
  public private(set) var revisions: [Revision]
  public private(set) var current: RevisionID
  /// For each revision the child that was visited last: where redo leads.
  private(set) var lastVisited: [RevisionID: RevisionID] = [:]
  private(set) var nextNumber = 1

  /// A tree of the original alone.
  public init(original: Metrics = Metrics()) {
    revisions = [Revision(id: .original, parent: nil, provenance: nil, metrics: original)]
    current = .original
  }

  public subscript(id: RevisionID) -> Revision? {
    position(of: id).map { revisions[$0] }
  }

  /// The original.
  public var original: Revision { revisions[0] }

  /// The revisions made from `id`, oldest first.
  public func children(of id: RevisionID) -> [Revision] { revisions.filter { $0.parent == id } }

  /// The revisions that lead to `id`, from the original to itself; empty when
  /// there is no such revision.
  public func path(to id: RevisionID) -> [Revision] {
    var path: [Revision] = []
    var next: RevisionID? = id
    while let id = next, let revision = self[id] {
      path.append(revision)
      next = revision.parent
    }
    return path.reversed()
  }

  /// The passes that make `id` of the original; nil where weights from elsewhere lead to it,
  /// which no recipe makes.
  public func recipe(to id: RevisionID) -> Recipe? {
    source(of: id) == nil ? Recipe(steps: path(to: id).compactMap(\.step)) : nil
  }

  /// The layers that the passes leading to `id` were given. Weights from elsewhere stand
  /// for no layers of their own.
  func givenLayers(to id: RevisionID) -> [LayerSelection] {
    path(to: id).compactMap(\.step).map(\.layers)
  }

  /// Adds a revision that hangs on `parent`; the current revision stays. The
  /// parent must exist.
  @discardableResult
  public mutating func add(_ provenance: Provenance, parent: RevisionID) -> RevisionID {
    precondition(self[parent] != nil, "a revision is made from one that exists")
    let id = RevisionID(nextNumber)
    nextNumber += 1
    revisions.append(
      Revision(
        id: id, parent: parent, provenance: provenance,
        metrics: Metrics(weights: original.metrics.weights)))
    return id
  }

  /// The weights from elsewhere that `id` has, or that passes made it of; nil where those are
  /// the original's.
  public func source(of id: RevisionID) -> Provenance? {
    path(to: id).last { $0.step == nil }?.provenance
  }

  /// Goes to the parent; false at the original.
  public mutating func undo() -> Bool {
    guard let parent = self[current]?.parent else { return false }
    lastVisited[parent] = current
    current = parent
    return true
  }

  /// Goes to the child that was left last, else to the newest; false at a leaf.
  public mutating func redo() -> Bool {
    guard let child = lastVisited[current] ?? children(of: current).last?.id else { return false }
    current = child
    return true
  }

  /// Whether `undo` leads anywhere.
  public var canUndo: Bool { self[current]?.parent != nil }

  /// Whether `redo` leads anywhere.
  public var canRedo: Bool { !children(of: current).isEmpty }

  /// Goes to any revision; redo then leads along this path.
  public mutating func go(to id: RevisionID) throws {
    guard self[id] != nil else { throw RevisionError("there is no revision \(id)") }
    for revision in path(to: id) {
      if let parent = revision.parent { lastVisited[parent] = revision.id }
    }
    current = id
  }

  /// Deletes a revision that nothing was made from. When it is the current
  /// one, its parent becomes current.
  public mutating func deleteLeaf(_ id: RevisionID) throws {
    guard let revision = self[id] else { throw RevisionError("there is no revision \(id)") }
    guard let parent = revision.parent else {
      throw RevisionError("the original cannot be deleted")
    }
    guard children(of: id).isEmpty else {
      throw RevisionError("\(id) has revisions made from it; delete those first")
    }
    revisions.removeAll { $0.id == id }
    if lastVisited[parent] == id { lastVisited[parent] = nil }
    if current == id { current = parent }
  }

  /// Records what was measured.
  public mutating func setMetrics(_ metrics: Metrics, of id: RevisionID) {
    guard let position = position(of: id) else { return }
    revisions[position].metrics = metrics
  }

  /// Gives other weights to a revision that training still changes, and forgets what was
  /// measured of it.
  mutating func setTrained(_ trained: TrainedWeights, of id: RevisionID) {
    setStored(trained, of: id)
    setMetrics(Metrics(weights: original.metrics.weights), of: id)
  }

  /// Says where weights that training made lie now; they are the same as before.
  mutating func setStored(_ trained: TrainedWeights, of id: RevisionID) {
    guard let position = position(of: id), revisions[position].parent != nil else { return }
    revisions[position].provenance = .trained(trained)
  }

  /// The tree without what neither a recipe nor a file can make again: weights of a training
  /// run that are in memory alone, and whatever was made from them.
  var keepable: RevisionTree {
    var lost: Set<RevisionID> = []
    for revision in revisions
    where revision.trainedWeights?.isInMemory == true
      || revision.parent.map(lost.contains) == true
    {
      lost.insert(revision.id)
    }
    return without(lost)
  }

  /// The tree without these revisions, to which all belong that were made from them.
  func without(_ lost: Set<RevisionID>) -> RevisionTree {
    guard !lost.isEmpty else { return self }
    var tree = self
    tree.current = path(to: current).last { !lost.contains($0.id) }?.id ?? .original
    tree.revisions.removeAll { lost.contains($0.id) }
    tree.lastVisited = lastVisited.filter { !lost.contains($0.key) && !lost.contains($0.value) }
    return tree
  }

  /// Forgets what was measured on a text that is no longer the one in use.
  mutating func forgetLosses() {
    for position in revisions.indices { revisions[position].metrics.forgetLoss() }
  }

  /// The revisions no other beats in both bytes and loss, smallest file first.
  public var pareto: [RevisionID] {
    let measured = revisions.compactMap { revision -> (id: RevisionID, bytes: Int, loss: Double)? in
      guard let bytes = revision.metrics.fileBytes, let loss = revision.metrics.loss, !loss.isNaN
      else { return nil }
      return (revision.id, bytes, loss)
    }
    var best = Double.infinity
    var front: [RevisionID] = []
    for point in measured.sorted(by: { ($0.bytes, $0.loss, $0.id) < ($1.bytes, $1.loss, $1.id) })
    where point.loss < best {
      best = point.loss
      front.append(point.id)
    }
    return front
  }

  /// Rebuilds a tree that was stored; nil when a law is broken.
  init?(
    revisions: [Revision], current: RevisionID, lastVisited: [RevisionID: RevisionID],
    nextNumber: Int
  ) {
    guard let original = revisions.first, original.id == .original, original.parent == nil,
      original.provenance == nil
    else { return nil }
    var known: Set<RevisionID> = [.original]
    var highest = 0
    for revision in revisions.dropFirst() {
      guard let parent = revision.parent, known.contains(parent), revision.provenance != nil,
        revision.id.number > highest
      else { return nil }
      highest = revision.id.number
      known.insert(revision.id)
    }
    guard known.contains(current), nextNumber > highest, nextNumber < Int.max / 2 else {
      return nil
    }
    self.revisions = revisions
    self.current = current
    let parents = Dictionary(revisions.map { ($0.id, $0.parent) }, uniquingKeysWith: { $1 })
    self.lastVisited = lastVisited.filter { parents[$0.value] == .some($0.key) }
    self.nextNumber = nextNumber
  }

  private func position(of id: RevisionID) -> Int? {
    var low = 0
    var high = revisions.count
    while low < high {
      let middle = (low + high) / 2
      if revisions[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < revisions.count && revisions[low].id == id ? low : nil
  }
}
