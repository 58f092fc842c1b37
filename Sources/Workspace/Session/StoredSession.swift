internal import Compression

/// A session as its file has it.
struct StoredSession: Codable {
  static let currentVersion = 1
  /// More than anybody makes by hand.
  static let revisionLimit = 4096

  var version = currentVersion
  var place: [String: String]
  var textKey: String?
  var current: RevisionID
  var nextNumber: Int
  var lastVisited: [StoredVisit]
  var revisions: [StoredRevision]

  init(_ session: Session) {
    let tree = (session.tree ?? RevisionTree()).replayable
    place = session.place
    textKey = session.textKey
    current = tree.current
    nextNumber = tree.nextNumber
    lastVisited = tree.lastVisited.map { StoredVisit(parent: $0.key, child: $0.value) }
      .sorted { $0.parent < $1.parent }
    revisions = tree.revisions.map(StoredRevision.init)
  }

  /// Throws `SessionError`, or `PassError` for a pass of another version.
  func restoredTree() throws -> RevisionTree {
    guard version == Self.currentVersion else {
      throw SessionError("it was written by another version of Pare")
    }
    guard revisions.count <= Self.revisionLimit else {
      throw SessionError("it has more than \(Self.revisionLimit) revisions")
    }
    let visits = Dictionary(lastVisited.map { ($0.parent, $0.child) }, uniquingKeysWith: { $1 })
    let tree = RevisionTree(
      revisions: try revisions.map { try $0.restored() }, current: current, lastVisited: visits,
      nextNumber: nextNumber)
    guard let tree else { throw SessionError("its revisions do not form a tree") }
    return tree
  }
}

/// Where redo leads from a revision.
struct StoredVisit: Codable {
  let parent: RevisionID
  let child: RevisionID
}

/// A revision without its weights.
struct StoredRevision: Codable {
  let id: RevisionID
  let parent: RevisionID?
  let step: StoredStep?
  let metrics: Metrics

  init(_ revision: Revision) {
    id = revision.id
    parent = revision.parent
    step = revision.step.map(StoredStep.init)
    metrics = revision.metrics
  }

  func restored() throws -> Revision {
    guard let metrics = metrics.plausible else {
      throw SessionError("\(id) of it has a number of weights that no model has")
    }
    return Revision(id: id, parent: parent, step: try step?.restored(), metrics: metrics)
  }
}

/// A step as recipes write it.
struct StoredStep: Codable {
  struct Setting: Codable {
    let name: String
    let value: String
  }

  let pass: String
  let settings: [Setting]
  let layers: LayerSelection

  init(_ step: Step) {
    pass = step.passName
    if let loaded = step.pass as? LoadedWeights {
      settings = loaded.path.map { [Setting(name: "path", value: $0)] } ?? []
    } else {
      settings = step.writtenSettings.map { Setting(name: $0.name, value: $0.value) }
    }
    layers = step.layers
  }

  func restored() throws -> Step {
    if pass == LoadedWeights.name {
      let path = settings.first { $0.name == "path" }?.value
      return Step(pass: LoadedWeights(path: path), layers: layers)
    }
    return try Step(
      passName: pass, settings: settings.map { (name: $0.name, text: $0.value) }, layers: layers)
  }
}
