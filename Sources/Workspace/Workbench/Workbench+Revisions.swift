public import Compression
public import Jobs
public import Models

extension Workbench {
  /// The model of a revision, if it is in memory. Asking for another has it
  /// rebuilt in the background by replaying the recipe.
  public func model(of id: RevisionID) -> ModelState? {
    if let model = store.use(id) { return model }
    if tree[id] != nil { rebuild(id) }
    return nil
  }

  /// Queues a pass on a revision, then the measuring of what it makes. The new
  /// revision becomes the current one, unless the user moves meanwhile.
  @discardableResult
  public func run(_ step: Step, on id: RevisionID) -> JobID {
    let moves = moves
    let plan = JobPlan<Never>(
      title: step.title, kind: .pass, revision: id, retry: { $0.run(step, on: id) })
    return start(plan, on: queues.passes, needing: id) { model, job, _ in
      let step = try step.marked(by: model.texts)
      return (step, try Replay(base: model, steps: [step]).run(in: job))
    } onFinish: { workbench, made in
      workbench.add(made.1, step: made.0, parent: id, moves: moves)
    }
  }

  /// Runs a recipe's steps one after the other, each a revision of its own.
  @discardableResult
  public func run(_ recipe: Recipe, on id: RevisionID) -> JobID? {
    guard let step = recipe.steps.first else { return nil }
    let rest = Recipe(steps: Array(recipe.steps.dropFirst()))
    let moves = moves
    let plan = JobPlan<Never>(
      title: step.title, kind: .pass, revision: id, retry: { $0.run(recipe, on: id) })
    return start(plan, on: queues.passes, needing: id) { model, job, _ in
      let step = try step.marked(by: model.texts)
      return (step, try Replay(base: model, steps: [step]).run(in: job))
    } onFinish: { workbench, made in
      let events = workbench.add(made.1, step: made.0, parent: id, moves: moves)
      if let child = workbench.tree.revisions.last?.id { workbench.run(rest, on: child) }
      return events
    }
  }

  /// Goes to the parent; false at the original.
  @discardableResult
  public func undo() -> Bool { moved(tree.undo()) }

  /// Goes to the child that was left last; false at a leaf.
  @discardableResult
  public func redo() -> Bool { moved(tree.redo()) }

  /// Goes to a revision. Throws `RevisionError` when there is none.
  public func go(to id: RevisionID) throws {
    try tree.go(to: id)
    _ = moved(true)
  }

  /// Deletes a revision nothing was made from, and cancels the jobs on it.
  /// Throws `RevisionError` when that cannot be.
  public func deleteLeaf(_ id: RevisionID) throws {
    let trained = tree[id]?.trainedWeights
    try tree.deleteLeaf(id)
    keeping.refused[id] = nil
    if let file = trained?.file { discardFile(file) }
    measuring.pending.removeAll { $0 == id }
    for record in ledger.records where record.revision == id && !record.state.isOver {
      cancel(record.id)
    }
    store.forget(id)
    layers.forget(id)
    _ = moved(true)
  }

  /// Has the weights of a revision rebuilt from the nearest ancestor that has
  /// its own.
  func rebuild(_ id: RevisionID) {
    guard rebuilding[id] == nil else { return }
    let path = tree.path(to: id)
    guard let start = path.lastIndex(where: { store.contains($0.id) }),
      let base = store.use(path[start].id)
    else { return }
    let replay = Replay(base: base, path: path[(start + 1)...].compactMap(\.provenance))
    var plan = JobPlan<Never>(title: "rebuild \(id)", kind: .pass, revision: id)
    plan.onEnd = { workbench in
      workbench.rebuilding[id] = nil
      return []
    }
    plan.onFailure = { workbench, sentence in workbench.release(id, failure: sentence) }
    plan.onCancel = { workbench in workbench.release(id, failure: nil) }
    rebuilding[id] = self.start(plan, on: queues.passes) { job, _ in
      try replay.run(in: job)
    } onFinish: { workbench, model in
      guard let revision = workbench.tree[id] else {
        return workbench.release(id, failure: nil)
      }
      workbench.store.keep(model, of: revision)
      return workbench.unpark(id, model)
    }
  }

  private func unpark(_ id: RevisionID, _ model: ModelState) -> [WorkbenchEvent] {
    for job in parked.removeValue(forKey: id) ?? [] where ledger[job.id] != nil {
      ledger[job.id]?.handle = job.submit(self, model)
    }
    return []
  }

  /// Ends the jobs that waited for weights that will not come.
  private func release(_ id: RevisionID, failure: String?) -> [WorkbenchEvent] {
    (parked.removeValue(forKey: id) ?? []).flatMap { job in
      finish(job.id, failure.map { .failed(RevisionError($0)) } ?? .cancelled)
    }
  }

  private func add(
    _ model: ModelState, step: Step, parent: RevisionID, moves: Int
  ) -> [WorkbenchEvent] {
    guard tree[parent] != nil else {
      return [.failed("\(parent) was deleted while \(step.title) ran")]
    }
    let id = tree.add(.pass(step), parent: parent)
    if moves == self.moves { try? tree.go(to: id) }
    if let revision = tree[id] { store.keep(model, of: revision) }
    keepTrained()
    persist()
    requestMissingMetrics()
    return [.revisionAdded(id)]
  }

  private func moved(_ hasMoved: Bool) -> Bool {
    guard hasMoved else { return false }
    moves += 1
    persist()
    requestMissingMetrics()
    return true
  }
}
