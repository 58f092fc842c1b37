/// A session as its file has it.
struct StoredSession: Codable {
  static let currentVersion = 1
  /// More than anybody makes by hand.
  static let revisionLimit = 4096

  var version = currentVersion
  /// The checkpoint's name, a hint for people.
  var name: String?
  var place: [String: String]
  var textKey: String?
  var current: RevisionID
  var nextNumber: Int
  var lastVisited: [StoredVisit]
  var revisions: [StoredRevision]
  var startedRun: StartedRun?

  /// What somebody knows to be stored: what is missing from it later was added by another
  /// program.
  struct Known: Sendable {
    var revisions: Set<RevisionKey> = []
    var startedRun: StartedRun?
  }

  init(_ session: Session) {
    let tree = (session.tree ?? RevisionTree()).keepable
    name = session.name
    place = session.place
    textKey = session.textKey
    current = tree.current
    nextNumber = tree.nextNumber
    lastVisited = tree.lastVisited.map { StoredVisit(parent: $0.key, child: $0.value) }
      .sorted { $0.parent < $1.parent }
    revisions = tree.revisions.map(StoredRevision.init)
    startedRun = session.startedRun
  }

  var known: Known {
    Known(revisions: Set(RevisionKey.keys(of: revisions).values), startedRun: startedRun)
  }

  /// Files of weights that its revisions need.
  var weightFiles: Set<String> { Set(revisions.compactMap(\.provenance?.weightFile)) }

  /// The tree, and what of it was left out. Throws `SessionError`, or `PassError` for a pass of
  /// another version.
  func restored(weightsIn folder: String) throws -> (tree: RevisionTree, warning: String?) {
    try check()
    var lost: Set<RevisionID> = []
    var names: [String] = []
    for revision in revisions {
      if let file = revision.provenance?.weightFile, !KeptWeights.isThere(file, in: folder) {
        names.append("\(revision.id)")
        lost.insert(revision.id)
      } else if let parent = revision.parent, lost.contains(parent) {
        lost.insert(revision.id)
      }
    }
    let visits = Dictionary(lastVisited.map { ($0.parent, $0.child) }, uniquingKeysWith: { $1 })
    let whole = RevisionTree(
      revisions: try revisions.map { try $0.restored(weightsIn: folder) }, current: current,
      lastVisited: visits, nextNumber: nextNumber)
    guard let whole else { throw SessionError("its revisions do not form a tree") }
    guard !lost.isEmpty else { return (whole, nil) }
    let count = lost.count == 1 ? "1 revision is" : "\(lost.count) revisions are"
    return (
      whole.without(lost),
      "\(count) gone: the trained weights of \(names.joined(separator: ", ")) are missing in "
        + folder
    )
  }

  /// Throws `SessionError` where it is not a session that can be used.
  func check() throws {
    guard version == Self.currentVersion else {
      throw SessionError("it was written by another version of Pare")
    }
    guard revisions.count <= Self.revisionLimit else {
      throw SessionError("it has more than \(Self.revisionLimit) revisions")
    }
    var numbers: Set<RevisionID> = []
    for revision in revisions {
      guard revision.parent.map(numbers.contains) ?? numbers.isEmpty,
        numbers.insert(revision.id).inserted
      else { throw SessionError("its revisions do not form a tree") }
    }
  }

  /// Takes over what another program has added to the file since: revisions that are neither
  /// here nor were `known`, with what they were made from, under numbers of their own.
  mutating func take(from other: StoredSession, knowing known: Known) {
    var places: [RevisionKey: RevisionID] = [:]
    for (id, key) in RevisionKey.keys(of: revisions) { places[key] = id }
    let theirs = RevisionKey.keys(of: other.revisions)
    let parents = Dictionary(
      other.revisions.map { ($0.id, $0.parent) }, uniquingKeysWith: { $1 })
    var wanted: Set<RevisionID> = []
    for (id, key) in theirs where places[key] == nil && !known.revisions.contains(key) {
      var next: RevisionID? = id
      while let id = next, let key = theirs[id], places[key] == nil, wanted.insert(id).inserted {
        next = parents[id] ?? nil
      }
    }
    for revision in other.revisions where wanted.contains(revision.id) {
      guard revisions.count < Self.revisionLimit, let key = theirs[revision.id],
        let parent = revision.parent.flatMap({ theirs[$0] }).flatMap({ places[$0] })
      else { continue }
      let id = RevisionID(nextNumber)
      nextNumber += 1
      places[key] = id
      revisions.append(StoredRevision(revision, id: id, parent: parent))
    }
    if startedRun == known.startedRun { startedRun = other.startedRun }
  }
}

/// Tells revisions of one checkpoint apart by how they came to be, whatever their numbers: the
/// same pass on the same parent is the same revision in two programs.
struct RevisionKey: Hashable, Sendable {
  private let value: Int

  private init(_ first: some Hashable, _ second: some Hashable) {
    var hasher = Hasher()
    hasher.combine(first)
    hasher.combine(second)
    value = hasher.finalize()
  }

  /// The keys of revisions that form a tree, parents first. A pass that was run twice on one
  /// parent has two.
  static func keys(of revisions: [StoredRevision]) -> [RevisionID: RevisionKey] {
    var keys: [RevisionID: RevisionKey] = [:]
    var counts: [RevisionKey: Int] = [:]
    for revision in revisions {
      let parent = revision.parent.flatMap { keys[$0] }?.value ?? 0
      let base = RevisionKey(parent, revision.provenance)
      let ordinal = counts[base, default: 0]
      counts[base] = ordinal + 1
      keys[revision.id] = RevisionKey(base.value, ordinal)
    }
    return keys
  }
}

/// Where redo leads from a revision.
struct StoredVisit: Codable {
  let parent: RevisionID
  let child: RevisionID
}

/// A training run that was begun in the explorer.
struct StartedRun: Codable, Hashable, Sendable {
  /// The checkpoint it writes; its state lies beside.
  let output: String
  let textPath: String
}

/// A revision without its weights.
struct StoredRevision: Codable {
  let id: RevisionID
  let parent: RevisionID?
  let provenance: StoredProvenance?
  let metrics: Metrics

  private enum CodingKeys: String, CodingKey {
    case id, parent, metrics
    case provenance = "step"
  }

  init(_ revision: Revision) {
    id = revision.id
    parent = revision.parent
    provenance = revision.provenance.map(StoredProvenance.init)
    metrics = revision.metrics
  }

  init(_ other: StoredRevision, id: RevisionID, parent: RevisionID) {
    self.id = id
    self.parent = parent
    provenance = other.provenance
    metrics = other.metrics
  }

  func restored(weightsIn folder: String) throws -> Revision {
    guard let metrics = metrics.plausible else {
      throw SessionError("\(id) of it has a number of weights that no model has")
    }
    return Revision(
      id: id, parent: parent, provenance: try provenance?.restored(weightsIn: folder),
      metrics: metrics)
  }
}
