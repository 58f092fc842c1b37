internal import CheckpointIO
internal import Glibc
public import Jobs
internal import Models
internal import Tensors
public import Training
internal import Transformers

/// A training run to be started on the open checkpoint.
public struct TrainingRequest: Sendable, Hashable {
  /// The text, UTF-8.
  public var textPath: String
  /// The checkpoint to write.
  public var output: String
  public var overwrite: Bool
  public var settings: TrainingSettings

  public init(textPath: String, output: String, overwrite: Bool, settings: TrainingSettings) {
    self.textPath = textPath
    self.output = output
    self.overwrite = overwrite
    self.settings = settings
  }
}

/// What is told of a training run.
public enum TrainingNews: Sendable {
  case began(JobID, TrainingLog.Header)
  /// Lines of its log, in order, some at a time.
  case logged([TrainingLog.Entry])
  /// The live revision has the weights after a step.
  case weights(RevisionID, step: Int)
  /// The weights after a step were kept as a revision.
  case branched(RevisionID, step: Int)
  case saved(step: Int)
  /// Something could not be written; training goes on.
  case notSaved(String)
  /// The run was stopped; it can be resumed from the state beside its output.
  case stopped(output: String)
  case ended
  /// The log of the run that made a revision; nil when there is none.
  case log(RevisionID, TrainingLog?)
}

/// The training run that is under way.
struct TrainingSeat {
  let job: JobID
  let controls: TrainingControls
  let parent: RevisionID
  /// What the run writes.
  let output: String
  let started: StartedRun
  var live: RevisionID?
}

extension Workbench {
  /// The revision that follows training; nil when none does.
  var liveTraining: RevisionID? { training?.live }

  /// Trains the open checkpoint on a text in the background. Throws
  /// `TrainingFileError` when a run is under way or the output cannot be written.
  @discardableResult
  public func train(_ request: TrainingRequest) throws -> JobID {
    guard training == nil else { throw TrainingFileError("a training run is under way already") }
    try check(request)
    let model = try TrainingModel(checkpoint)
    return begin(
      StartedRun(
        output: Self.absolute(request.output), textPath: Self.absolute(request.textPath)),
      title: request.settings.compression == nil ? "train" : "self-compress",
      output: request.output
    ) { threads in
      var settings = request.settings
      settings.threads = threads
      let network = try Network.make(model.parameters, configuration: model.configuration)
      settings.context = min(settings.context, network.configuration.context)
      return try TrainingRun(
        model, textPath: request.textPath, settings: settings, output: request.output,
        overwrite: request.overwrite, saveEvery: TrainingPost.minutesBetweenSaves)
    }
  }

  /// Goes on with the training run that was begun last and was stopped. Throws
  /// `TrainingFileError` when a run is under way or there is nothing to go on from.
  @discardableResult
  public func resumeTraining() throws -> JobID {
    guard training == nil else { throw TrainingFileError("a training run is under way already") }
    guard let run = startedRun, TrainingState.isThere(for: run.output) else {
      throw TrainingFileError("no training run was begun here and stopped; :compress begins one")
    }
    let model = checkpoint.model
    return begin(run, title: "resumed training", output: run.output) { _ in
      let path = TrainingState.path(for: run.output)
      let state = try TrainingState(path)
      // Of another network where somebody else has written to the same output since.
      _ = try LoadedWeights(path: path).model(of: state.checkpoint.model, for: model)
      return try TrainingRun(
        resuming: state, textPath: run.textPath, output: run.output,
        saveEvery: TrainingPost.minutesBetweenSaves)
    }
  }

  private func begin(
    _ started: StartedRun, title: String, output: String,
    _ makeRun: @escaping @Sendable (_ threads: Int) throws -> TrainingRun
  ) -> JobID {
    let controls = TrainingControls()
    var plan = JobPlan<TrainingPost>(title: title, kind: .train, revision: nil)
    plan.onPartial = { $0.take($1) }
    plan.onCancel = { _ in [.training(.stopped(output: output))] }
    plan.onEnd = { $0.endTraining() }
    let job = start(plan, on: queues.training) { job, post in
      try TrainingPost.run(makeRun, controls, in: job, post)
    } onFinish: { workbench, _ in
      workbench.startedRun = nil
      return []
    }
    training = TrainingSeat(
      job: job, controls: controls, parent: .original, output: output, started: started)
    return job
  }

  /// As sessions are opened from other folders.
  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(folder) }
    return unsafe String(cString: folder) + "/" + path
  }

  private func check(_ request: TrainingRequest) throws {
    try request.settings.check()
    try TrainingRun.check(
      output: request.output, isCompressing: request.settings.compression != nil)
    try TrainingFiles.check(request.output, inputs: [request.textPath], source: checkpoint)
    withExtendedLifetime(try TrainingFiles(request.output, overwrite: request.overwrite)) {}
  }

  /// Changes something about the run under way, from its next step on.
  public func steer(_ change: TrainingChange) {
    training?.controls.wish(change)
  }

  /// Has the live revision follow the run, as long as this is called again and again.
  public func followTraining() { training?.controls.follow() }

  /// Reads the log of the run that made a revision, or what it was made from, up to its step;
  /// `log` brings it. That of the original lies beside the open checkpoint.
  public func requestTrainingLog(of id: RevisionID) {
    let source = tree.source(of: id)
    let path = checkpoint.path
    var plan = JobPlan<Never>(title: "read the log", kind: .statistics, isShown: false)
    plan.onFailure = { _, sentence in [.failed(sentence), .training(.log(id, nil))] }
    start(plan, on: queues.layers) { _, _ in
      try Self.log(of: source, checkpoint: path)
    } onFinish: { _, log in
      [.training(.log(id, log))]
    }
  }

  private static func log(
    of source: Provenance?, checkpoint path: String?
  ) throws -> TrainingLog? {
    switch source {
    case .trained(let trained):
      let file = trained.file ?? trained.output
      return try file.flatMap { try TrainingLog(TrainingLog.path(for: $0)) }?
        .through(step: trained.step)
    case .loaded(let loaded):
      return try loaded.path.map { try TrainingLog(TrainingLog.path(for: $0)) } ?? Embedded.log()
    case .pass, nil:
      return try path.flatMap { try TrainingLog(TrainingLog.path(for: $0)) }
    }
  }

  private func take(_ post: TrainingPost) -> [WorkbenchEvent] {
    guard let seat = training else { return [] }
    switch post {
    case .began(let header):
      startedRun = seat.started
      persist()
      return [.training(.began(seat.job, header))]
    case .logged(let entries): return [.training(.logged(entries))]
    case .saved(let step): return [.training(.saved(step: step))]
    case .notSaved(let reason): return [.training(.notSaved(reason))]
    case .weights(let step, let weights, let isBranch):
      return isBranch ? branch(weights, step) : follow(weights, step)
    }
  }

  /// Adds a revision beside the live one.
  private func branch(_ weights: Parameters, _ step: Int) -> [WorkbenchEvent] {
    guard let seat = training, tree[seat.parent] != nil else { return [] }
    let trained = TrainedWeights(weights, step: step, output: seat.output)
    let id = tree.add(.trained(trained), parent: seat.parent)
    if let revision = tree[id] { store.keep(model(weights), of: revision) }
    keepTrained()
    persist()
    requestMissingMetrics()
    return [.revisionAdded(id), .training(.branched(id, step: step))]
  }

  /// Gives the live revision other weights. One that something was made from is left
  /// as it is, and another goes on.
  private func follow(_ weights: Parameters, _ step: Int) -> [WorkbenchEvent] {
    guard let seat = training else { return [] }
    let trained = TrainedWeights(weights, step: step, output: seat.output)
    var events: [WorkbenchEvent] = []
    let id: RevisionID
    if let live = seat.live, tree[live] != nil, tree.children(of: live).isEmpty {
      id = live
      tree.setTrained(trained, of: id)
      layers.forget(id)
      previews.forgetCounts(of: id)
    } else {
      id = tree.add(.trained(trained), parent: seat.parent)
      training?.live = id
      if seat.live == nil { try? tree.go(to: id) }
      events.append(.revisionAdded(id))
    }
    if let revision = tree[id] { store.keep(model(weights), of: revision) }
    if tree.current == id { measureLive(id) }
    return events + [.training(.weights(id, step: step))]
  }

  /// A run trains the open checkpoint.
  private func model(_ weights: Parameters) -> ModelState {
    ModelState(weights, configuration: checkpoint.configuration)
  }

  private func measureLive(_ id: RevisionID) {
    let outside = checkpoint.parameters.filter {
      $0.place.block == nil && $0.shape.dimensions.count >= 2
    }
    requestBlockFigures(of: id, visible: outside.map(\.name))
  }

  private func endTraining() -> [WorkbenchEvent] {
    let live = training?.live
    training = nil
    if let live, let former = layerRequests.figures, former.revision == live {
      abandon(former.job)
      layerRequests.figures = nil
      layers.forget(live)
      measureLive(live)
    }
    keepTrained()
    persist()
    requestMissingMetrics()
    return [.training(.ended)]
  }

  /// Returns once a run that was told to stop has saved its state.
  func waitForTraining() {
    while training != nil {
      mailbox.wait(milliseconds: 100)
      let events = receive()
      waiting += events
    }
  }
}

/// What the job of a training run posts.
enum TrainingPost: Sendable {
  case began(TrainingLog.Header)
  case logged([TrainingLog.Entry])
  case weights(step: Int, Parameters, isBranch: Bool)
  case saved(step: Int)
  case notSaved(String)

  /// Steps are told of ten times a second at most; none is left out.
  private static let interval = Duration.milliseconds(100)

  static let minutesBetweenSaves = 3.0

  static func run(
    _ makeRun: (_ threads: Int) throws -> TrainingRun, _ controls: TrainingControls,
    in job: borrowing JobContext, _ post: (TrainingPost) -> Void
  ) throws {
    let run = try makeRun(job.threads)
    post(.began(run.header))
    if run.trainer.progress.step > 0, let log = try TrainingLog(TrainingLog.path(for: run.output)) {
      post(.logged(log.entries))
    }
    func postWeights() {
      post(
        .weights(
          step: run.trainer.progress.step, run.trainer.network.parameters(), isBranch: false))
    }
    postWeights()
    let report = job.reporter
    var lines: [TrainingLog.Entry] = []
    var last = ContinuousClock.now
    func flush() {
      if !lines.isEmpty { post(.logged(lines)) }
      lines = []
      last = .now
    }
    defer {
      flush()
      postWeights()
    }
    try run.run(in: job, controls: controls) { event in
      switch event {
      case .logged(let entry):
        lines.append(entry)
        if ContinuousClock.now - last >= interval { flush() }
      case .step(_, let progress):
        report(Double(progress.step) / Double(max(progress.total, 1)), "")
      case .weights(let step, let weights, let isBranch):
        flush()
        post(.weights(step: step, weights, isBranch: isBranch))
      case .saved(let step): post(.saved(step: step))
      case .notSaved(let reason): post(.notSaved("\(reason); training goes on"))
      case .retrying(let reason, let seconds):
        post(.notSaved("\(reason); it is tried again for \(Int(seconds.rounded())) s"))
      case .validated: flush()
      }
    }
  }
}
