internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Tensors

/// What the layer queue is busy with, by revision: the newest request of each
/// kind is served, an older one gives way.
struct LayerRequests {
  /// The layer of a revision that is asked for.
  typealias Layers = [RevisionID: (name: String, ticket: Int, job: JobID)]

  var snapshots: Layers = [:]
  var codes: Layers = [:]
  var figures: (revision: RevisionID, ticket: Int, job: JobID, names: FigureNames)?
  var ticket = 0
}

extension Workbench {
  /// Has a layer read and measured; `layerReady` brings it. A request for
  /// another layer of the same revision gives way.
  public func requestLayer(_ name: String, of id: RevisionID) {
    guard tree[id] != nil, let parameter = checkpoint.parameters[name] else { return }
    let known = layers.statistics(of: parameter, revision: id, in: tree)
    let original = id == .original ? nil : checkpoint.parameters[name]
    request(name, of: id, in: \.snapshots, title: "read \(parameter.place.path)") {
      parameter, job in
      try LayerSnapshot(of: parameter, revision: id, original: original, known: known, in: job)
    } onFinish: { workbench, snapshot in
      workbench.layers.keep(snapshot.statistics, of: parameter, in: workbench.tree)
      return [.layerReady(snapshot)]
    }
  }

  /// Works on one layer of a revision in the background. One of `requests` for another
  /// layer of the same revision gives way; the same once more does nothing.
  func request<Result: Sendable>(
    _ name: String, of id: RevisionID,
    in requests: WritableKeyPath<LayerRequests, LayerRequests.Layers>, title: String,
    work: @escaping @Sendable (Parameter, borrowing JobContext) throws -> Result,
    onFinish: @escaping (Workbench, Result) -> [WorkbenchEvent]
  ) {
    guard let original = checkpoint.parameters[name] else { return }
    if let former = layerRequests[keyPath: requests][id] {
      if former.name == name { return }
      abandon(former.job)
    }
    layerRequests.ticket += 1
    let ticket = layerRequests.ticket
    var plan = JobPlan<Never>(title: title, kind: .statistics, isShown: false)
    plan.onEnd = { workbench in
      if workbench.layerRequests[keyPath: requests][id]?.ticket == ticket {
        workbench.layerRequests[keyPath: requests][id] = nil
      }
      return []
    }
    let job = start(plan, on: queues.layers, needing: id) { model, job, _ in
      try work(model.layer(original), job)
    } onFinish: { workbench, result in
      onFinish(workbench, result)
    }
    layerRequests[keyPath: requests][id] = (name, ticket, job)
  }

  /// Has all layers of a revision measured, those on screen first and of a large
  /// model no others; `blockFigures` brings them one by one. A request for another revision
  /// takes the place of this one; one for another part of the screen only
  /// changes what comes next. O(visible layers) while the same revision is
  /// being measured.
  public func requestBlockFigures(of id: RevisionID, visible: [String]) {
    guard tree[id] != nil else { return }
    if let running = layerRequests.figures, running.revision == id,
      running.names.hurry(layersFirst(announceKnown(visible, of: id)))
    {
      return
    }
    if let former = layerRequests.figures { abandon(former.job) }
    layerRequests.figures = nil
    let isLarge = checkpoint.parameters.areLarge
    let others = isLarge ? [] : checkpoint.parameters.linearLayers.map(\.name)
    let wanted = announceKnown(visible + others, of: id)
    guard !wanted.isEmpty else { return }
    let names = FigureNames(isLarge ? [] : wanted)
    _ = names.hurry(layersFirst(wanted))
    measureLayers(names, of: id)
  }

  /// Embeddings are the largest tensors and say the least; routers are small, and stand
  /// beside hundreds of experts.
  private func layersFirst(_ names: [String]) -> [String] {
    let role = { (name: String) in self.checkpoint.parameters[name]?.place.role }
    return names.filter { role($0) == .router } + names.filter { role($0) == .linear }
      + names.filter { role($0) != .router && role($0) != .linear }
  }

  /// Tells the figures that are known already; returns the names of the others.
  private func announceKnown(_ names: [String], of id: RevisionID) -> [String] {
    var known: [String: LayerStatistics] = [:]
    var wanted: [String] = []
    for name in names {
      guard let parameter = checkpoint.parameters[name] else { continue }
      if let figures = layers.statistics(of: parameter, revision: id, in: tree) {
        known[name] = figures
      } else {
        wanted.append(name)
      }
    }
    if !known.isEmpty { announce([.blockFigures(id, known)]) }
    return wanted
  }

  private func measureLayers(_ names: FigureNames, of id: RevisionID) {
    layerRequests.ticket += 1
    let ticket = layerRequests.ticket
    let checkpoint = checkpoint
    var plan = JobPlan<LayerStatistics>(
      title: "figures of \(id)", kind: .statistics, isShown: false)
    plan.onPartial = { workbench, figures in
      guard let parameter = workbench.checkpoint.parameters[figures.name] else { return [] }
      workbench.layers.keep(figures, of: parameter, in: workbench.tree)
      return [.blockFigures(id, [figures.name: figures])]
    }
    plan.onEnd = { workbench in
      if workbench.layerRequests.figures?.ticket == ticket { workbench.layerRequests.figures = nil }
      return []
    }
    let job = start(plan, on: queues.figures, needing: id) { model, job, post in
      while let name = names.next() {
        try job.checkpoint()
        guard let original = checkpoint.parameters[name] else { continue }
        let parameter = model.layer(original)
        post(
          try LayerStatistics(
            of: parameter, try parameter.loaded(in: job), revision: id,
            original: id == .original ? nil : try original.weights(in: job), in: job))
      }
    } onFinish: { _, _ in
      []
    }
    layerRequests.figures = (id, ticket, job, names)
  }
}

extension LayerSnapshot {
  /// Reads a layer; `known` spares measuring it. Throws `Cancelled`, and what
  /// reading the tensor throws.
  init(
    of parameter: Parameter, revision: RevisionID, original: Parameter?,
    known: LayerStatistics?, in job: borrowing JobContext
  ) throws {
    let weights = try parameter.loaded(in: job)
    let before = try original?.weights(in: job)
    guard
      let mask = Mask(nonzerosOf: weights.values, threads: job.threads, shouldStop: job.shouldStop)
    else { throw Cancelled() }
    self.init(
      name: parameter.name, revision: revision, shape: parameter.shape, dtype: parameter.dtype,
      place: parameter.place, tensor: weights.values, mask: mask, grid: weights.grid,
      statistics: try known
        ?? LayerStatistics(
          of: parameter, weights, revision: revision, original: before, in: job))
  }
}
