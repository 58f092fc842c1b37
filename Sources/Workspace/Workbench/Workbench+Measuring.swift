internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Tensors
internal import Transformers

/// Which revisions are still to be measured.
struct MeasuringState {
  /// In no order: the one on screen goes first.
  var pending: [RevisionID] = []
  /// The one being measured, and the job that does it.
  var running: (id: RevisionID, job: JobID)?
  /// Not measured of their own accord again: cancelled or failed.
  var givenUp: Set<RevisionID> = []
  /// Revisions whose sizes are being computed.
  var sizing: Set<RevisionID> = []
}

extension Workbench {
  /// Measures a revision's loss in the background, also when it was measured
  /// before.
  public func measure(_ id: RevisionID) {
    guard tree[id] != nil else { return }
    requestSizes(id)
    guard whyNotRunnable == nil else {
      announce([.failed("no loss can be measured: \(whyNotRunnable ?? "")")])
      return
    }
    measuring.givenUp.remove(id)
    if !measuring.pending.contains(id) { measuring.pending.append(id) }
    measureNext()
  }

  /// Has the tokens counted that the experts of a revision take: its loss is measured, which
  /// tells both, unless it is about to be. `routersReady` brings them.
  public func requestRouters(of id: RevisionID) {
    guard whyNotRunnable == nil, measuring.running?.id != id, !measuring.pending.contains(id)
    else { return }
    measure(id)
  }

  /// Queues what is not known yet of the revision on screen, of the original,
  /// which the others are compared with, and of all others.
  func requestMissingMetrics() {
    guard !isClosing else { return }
    for revision in tree.revisions where revision.id != liveTraining {
      if !revision.metrics.hasSizes { requestSizes(revision.id) }
      guard whyNotRunnable == nil, revision.metrics.loss == nil,
        !measuring.givenUp.contains(revision.id), measuring.running?.id != revision.id,
        !measuring.pending.contains(revision.id)
      else { continue }
      measuring.pending.append(revision.id)
    }
    leaveForScreen()
    measureNext()
  }

  /// A measurement of a revision that is not on screen gives way to that of
  /// the one that is, and comes again later. The original's goes on: the
  /// others are compared with it.
  private func leaveForScreen() {
    guard let running = measuring.running, running.id != tree.current, running.id != .original,
      measuring.pending.contains(tree.current)
    else { return }
    measuring.pending.append(running.id)
    ledger[running.job]?.isStale = true
    cancel(running.job)
  }

  private func measureNext() {
    guard measuring.running == nil, !measuring.pending.isEmpty else { return }
    let next =
      [.original, tree.current].first(where: measuring.pending.contains)
      ?? measuring.pending.removeLast()
    measuring.pending.removeAll { $0 == next }
    startMeasuring(next)
  }

  private func startMeasuring(_ id: RevisionID) {
    let (meter, checkpoint) = (meter, checkpoint)
    var plan = JobPlan<Never>(
      title: "measure \(id)", kind: .measure, revision: id,
      retry: { workbench in
        workbench.measure(id)
        return workbench.measuring.running?.job
      })
    plan.onFailure = { workbench, _ in
      workbench.measuring.givenUp.insert(id)
      return []
    }
    plan.onCancel = { workbench in
      if !workbench.measuring.pending.contains(id) { workbench.measuring.givenUp.insert(id) }
      return []
    }
    plan.onEnd = { workbench in
      workbench.measuring.running = nil
      workbench.measureNext()
      return []
    }
    let job = start(plan, on: queues.measurements, needing: id) { model, job, _ in
      let measured = try meter.measure(model, isOriginal: id == .original, in: job)
      return (measured, try LayerSpeed.ratio(of: model, against: checkpoint, in: job))
    } onFinish: { workbench, result in
      let (measured, layerSpeed) = result
      let events = workbench.update(id) {
        $0.take(measured)
        $0.layerSpeed = layerSpeed
      }
      let routers = measured.evaluation.routers
      return routers.isEmpty ? events : events + [.routersReady(id, routers)]
    }
    measuring.running = (id, job)
  }

  private func requestSizes(_ id: RevisionID) {
    guard checkpoint.unreadCodes == nil, measuring.sizing.insert(id).inserted else { return }
    var plan = JobPlan<Never>(title: "size of \(id)", kind: .statistics, isShown: false)
    plan.onEnd = { workbench in
      workbench.measuring.sizing.remove(id)
      return []
    }
    let (checkpoint, given) = (checkpoint, tree.givenLayers(to: id))
    start(plan, on: queues.sizes, needing: id) { model, job, _ in
      try ModelSizes(of: model, against: checkpoint, given: given, in: job)
    } onFinish: { workbench, sizes in
      workbench.update(id) {
        $0.take(sizes)
        if id == .original { $0 = $0.ofFile(checkpoint) }
      }
    }
  }

  private func update(_ id: RevisionID, _ change: (inout Metrics) -> Void) -> [WorkbenchEvent] {
    guard var metrics = tree[id]?.metrics else { return [] }
    change(&metrics)
    tree.setMetrics(metrics, of: id)
    persist()
    return [.metricsChanged(id)]
  }
}
