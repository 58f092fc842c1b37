internal import CheckpointIO
internal import Compression
public import Jobs
internal import Models

/// What a job is called and what becomes of what it posts.
struct JobPlan<Value: Sendable> {
  var title: String
  var kind: JobRecord.Kind
  var revision: RevisionID?
  /// Whether it is listed in `Workbench.jobs`.
  var isShown = true
  /// Starts the same anew.
  var retry: ((Workbench) -> JobID?)?
  var onPartial: ((Workbench, Value) -> [WorkbenchEvent])?
  /// Instead of an event `failed`, for jobs that are not shown.
  var onFailure: ((Workbench, String) -> [WorkbenchEvent])?
  /// When it was cancelled.
  var onCancel: ((Workbench) -> [WorkbenchEvent])?
  /// Always called last, however the job ended.
  var onEnd: ((Workbench) -> [WorkbenchEvent])?
}

extension Workbench {
  /// Starts a job that needs no revision's weights.
  @discardableResult
  func start<Value: Sendable, Partial: Sendable>(
    _ plan: JobPlan<Partial>, on queue: JobQueue,
    _ body: @escaping @Sendable (borrowing JobContext, _ post: (Partial) -> Void) throws -> Value,
    onFinish: @escaping (Workbench, Value) -> [WorkbenchEvent]
  ) -> JobID {
    let id = open(plan, onFinish: onFinish)
    let handle = submit(id, plan.kind, on: queue, body)
    ledger[id]?.handle = handle
    announce(ledger.update(id) { _ in })
    return id
  }

  /// Starts a job on the model of a revision, once it is there.
  @discardableResult
  func start<Value: Sendable, Partial: Sendable>(
    _ plan: JobPlan<Partial>, on queue: JobQueue, needing revision: RevisionID,
    _ body:
      @escaping @Sendable (ModelState, borrowing JobContext, _ post: (Partial) -> Void) throws ->
      Value,
    onFinish: @escaping (Workbench, Value) -> [WorkbenchEvent]
  ) -> JobID {
    let id = open(plan, onFinish: onFinish)
    let kind = plan.kind
    let submit: (Workbench, ModelState) -> JobHandle = { workbench, model in
      workbench.submit(id, kind, on: queue) { job, post in try body(model, job, post) }
    }
    if let model = store.use(revision) {
      let handle = submit(self, model)
      ledger[id]?.handle = handle
    } else {
      parked[revision, default: []].append((id, submit))
      rebuild(revision)
    }
    announce(ledger.update(id) { _ in })
    return id
  }

  /// Stops a job; one that has not begun never will.
  public func cancel(_ id: JobID) {
    guard let entry = ledger[id] else { return }
    guard let handle = entry.handle else {
      announce(finish(id, .cancelled))
      return
    }
    handle.cancellation.cancel()
  }

  /// Stops everything that is not over.
  public func cancelAll() {
    measuring.pending = []
    for id in ledger.liveIDs { cancel(id) }
  }

  /// Pauses or resumes a job.
  public func setPaused(_ id: JobID, _ paused: Bool) {
    guard let handle = ledger[id]?.handle else { return }
    handle.gate.setPaused(paused)
    announce(ledger.update(id) { $0.setPaused(paused, at: .now) })
  }

  /// Starts a failed or cancelled job anew; nil when that cannot be.
  @discardableResult
  public func retry(_ id: JobID) -> JobID? {
    ledger.retry(of: id)?(self) ?? nil
  }

  /// Lets a job end without heeding what it still posts.
  func abandon(_ id: JobID) {
    ledger[id]?.isStale = true
    cancel(id)
  }

  func fold(_ message: WorkbenchMessage) -> [WorkbenchEvent] {
    switch message {
    case .wake: return []
    case .started(let id):
      return ledger.update(id) {
        $0.startedAt = .now
        if $0.state == .queued { $0.state = .running }
        if $0.state == .paused { $0.pausedAt = $0.startedAt }
      }
    case .progressed(let id, let progress):
      return ledger.update(id) {
        if progress.fraction >= $0.progress.fraction { $0.progress = progress }
      }
    case .partial(let id, let value):
      guard let entry = ledger[id], !entry.isStale else { return [] }
      return entry.onPartial?(self, value) ?? []
    case .finished(let id, let outcome):
      return finish(id, outcome)
    case .kept(let id, let outcome):
      return fold(kept: id, outcome)
    }
  }

  private func open<Value: Sendable, Partial: Sendable>(
    _ plan: JobPlan<Partial>, onFinish: @escaping (Workbench, Value) -> [WorkbenchEvent]
  ) -> JobID {
    let onPartial = plan.onPartial
    let entry = JobLedger.Entry(
      handle: nil, kind: plan.kind, isShown: plan.isShown,
      onPartial: onPartial.map { fold in
        { workbench, value in (value as? Partial).map { fold(workbench, $0) } ?? [] }
      },
      onFinish: { workbench, value in (value as? Value).map { onFinish(workbench, $0) } ?? [] },
      onFailure: plan.onFailure, onCancel: plan.onCancel, onEnd: plan.onEnd)
    return ledger.open(
      entry, title: plan.title, revision: plan.revision, retry: plan.retry)
  }

  private func submit<Value: Sendable, Partial: Sendable>(
    _ id: JobID, _ kind: JobRecord.Kind, on queue: JobQueue,
    _ body: @escaping @Sendable (borrowing JobContext, _ post: (Partial) -> Void) throws -> Value
  ) -> JobHandle {
    let mailbox = mailbox
    let throttle = ProgressThrottle()
    let codes = kind.needsWeights ? checkpoint.unreadCodes : nil
    return queue.submit(
      progress: { if throttle.admits($0) { mailbox.post(.progressed(id, $0)) } },
      { job -> any Sendable in
        mailbox.post(.started(id))
        if let codes { throw codes.refusal }
        return try body(job) { mailbox.post(.partial(id, $0)) }
      },
      completion: { mailbox.post(.finished(id, $0)) })
  }

  func finish(_ id: JobID, _ outcome: JobOutcome<any Sendable>) -> [WorkbenchEvent] {
    guard let entry = ledger.close(id) else { return [] }
    var events: [WorkbenchEvent] = []
    // A save that was done before it could be cancelled is on disk.
    let isCancelled = entry.handle?.cancellation.isCancelled == true
    switch isCancelled ? outcome.cancelled(keepingResult: entry.kind == .save) : outcome {
    case .finished(let value):
      if !entry.isStale { events += entry.onFinish(self, value) }
      events += ledger.update(id) {
        $0.progress = Progress(fraction: 1)
        $0.state = .done
      }
    case .cancelled:
      events += ledger.update(id) { $0.state = .cancelled }
      events += entry.onCancel?(self) ?? []
    case .failed(let error):
      let sentence = "\(error)"
      events += ledger.update(id) { $0.state = .failed(sentence) }
      guard !entry.isStale else { break }
      if let onFailure = entry.onFailure {
        events += onFailure(self, sentence)
      } else if !entry.isShown {
        events.append(.failed(sentence))
      }
    }
    return events + (entry.onEnd?(self) ?? [])
  }
}

extension JobOutcome {
  /// The outcome of a job that was asked to stop, whatever it then threw.
  fileprivate func cancelled(keepingResult: Bool) -> JobOutcome {
    if keepingResult, case .finished = self { return self }
    return .cancelled
  }
}
