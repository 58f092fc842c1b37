internal import CheckpointIO
internal import Jobs
public import Workspace

extension AppState {
  /// Most layers kept at hand; each holds a copy-free reference to its weights.
  private static let snapshotLimit = 12

  /// The same of codes; each holds a copy of its blocks.
  private static let codesLimit = 4

  /// Takes in what background jobs have brought.
  public mutating func fold(_ events: [WorkbenchEvent], tree: RevisionTree, jobs: [JobRecord]) {
    let former = current
    self.tree = tree
    self.jobs = jobs
    if current != former {
      pair.follow(from: former, to: current)
      for view in ViewCatalog.all { view.follow(from: former, &self) }
    }
    forgetDeleted()
    for event in events { fold(event) }
    refreshOverview()
  }

  private mutating func fold(_ event: WorkbenchEvent) {
    for view in ViewCatalog.all { view.fold(event, &self) }
    switch event {
    case .jobChanged(let record):
      if case .failed(let sentence) = record.state { notice = Notice(sentence, isError: true) }
    case .revisionAdded, .metricsChanged: break
    case .layerReady(let snapshot): keep(snapshot)
    case .sensitivity(let revision, let layers):
      sensitivities[revision, default: [:]].merge(layers) { $1 }
    case .spectrumReady(let spectrum):
      spectra[LayerKey(name: spectrum.name, revision: spectrum.revision)] = spectrum
    case .codesReady(let layer): keep(layer)
    case .routersReady(let revision, let loads): routers[revision] = loads
    case .blockFigures(let revision, let layers):
      figures[revision, default: [:]].merge(layers) { $1 }
      widenScale(revision, layers.keys)
    case .previewReady(let preview):
      guard sheet?.ticket == preview.ticket else { return }
      sheet?.take(preview)
    case .sample, .training: break
    case .notKept(let id, let reason):
      notKept[id] = reason
      notice = Notice(
        "\(id) is in memory alone and is lost on quitting: \(reason); S saves it.", isError: true)
    case .saved(let id, let file):
      notice = Notice(Self.text(of: file))
      savedFiles = savedFiles.filter { $0.value != file.path }
      // Not a file of rounded weights: a pass would make something else of it.
      if !file.losses.contains(where: \.changesValues) { savedFiles[id] = file.path }
    case .saveGrows(let path, let before, let after):
      notice = Notice(
        "\(path) will be larger than the file it is made of: \(ByteCount.text(after)) instead of "
          + "\(ByteCount.text(before)).")
    case .saveStopped(let kept):
      notice = Notice("Stopped; the same save goes on from what is kept in \(kept).")
    case .failed(let sentence): notice = Notice(sentence, isError: true)
    }
  }

  /// What was written, and what the file does not hold.
  private static func text(of file: SavedFile) -> String {
    var parts = ["Saved \(file.path), \(ByteCount.text(file.byteCount))"]
    if file.resumed > 0 {
      parts.append(
        "\(file.resumed) of \(file.tensorCount) tensors were there from a save that stopped")
    }
    file.nonFinite.map { parts.append("it holds \($0)") }
    return (parts + file.losses.map(\.description) + file.notes).joined(separator: "; ") + "."
  }

  /// Leaves revisions that were deleted.
  private mutating func forgetDeleted() {
    pair.leaveDeleted(of: tree)
    for view in ViewCatalog.all { view.leaveDeleted(&self) }
    for id in figures.keys where tree[id] == nil { figures[id] = nil }
    for id in routers.keys where tree[id] == nil { routers[id] = nil }
    for id in notKept.keys where tree[id] == nil { notKept[id] = nil }
    for id in savedFiles.keys where tree[id] == nil { savedFiles[id] = nil }
  }

  private mutating func keep(_ snapshot: LayerSnapshot) {
    let key = LayerKey(name: snapshot.name, revision: snapshot.revision)
    snapshots[key] = snapshot
    stale.remove(key)
    snapshotUse.removeAll { $0 == key }
    snapshotUse.append(key)
    while snapshotUse.count > Self.snapshotLimit {
      snapshots[snapshotUse.removeFirst()] = nil
    }
  }

  private mutating func keep(_ layer: LayerCodes) {
    codes.removeAll { $0.name == layer.name && $0.revision == layer.revision }
    codes.append(layer)
    if codes.count > Self.codesLimit { codes.removeFirst() }
  }

  /// What the screen still lacks and has not asked for yet.
  public mutating func newDemands() -> [Effect] {
    let wanted = ViewCatalog.view(view).demands(self, in: FrameLayout(self).view)
    defer { asked = Set(wanted) }
    return wanted.filter { !asked.contains($0) }
  }
}
