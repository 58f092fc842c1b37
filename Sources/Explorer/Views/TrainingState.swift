internal import Jobs
internal import Workspace

/// What the Training view knows of runs, and what it draws of them.
public struct TrainingState: ViewState {
  /// What lies under the chart.
  public enum Picture: String, Sendable, CaseIterable {
    case blocks, histograms, masks
  }

  /// The run that is under way, or was last.
  public internal(set) var run = TrainingWatch()
  /// Runs that made revisions, from their logs; one without a header where there is no log.
  private(set) var logs: [RevisionID: TrainingWatch] = [:]
  public var picture = Picture.blocks
  /// Settings that the sheet of a run had when it was last open; nil before the first.
  var lastDials: TrainingDials?

  /// Most logs that are kept at hand.
  private static let logLimit = 8

  public init() {}

  mutating func keep(_ log: TrainingLog?, of id: RevisionID) {
    if logs.count >= Self.logLimit { logs = [:] }
    logs[id] = log.map { TrainingWatch($0) } ?? TrainingWatch()
  }

  mutating func leaveDeleted(of tree: RevisionTree) {
    for id in logs.keys where tree[id] == nil { logs[id] = nil }
  }
}

extension AppState {
  public var training: TrainingState {
    get { self[TrainingView.self] }
    set { self[TrainingView.self] = newValue }
  }
}

extension AppState {
  /// Takes in what a training run tells.
  mutating func fold(_ news: TrainingNews) {
    switch news {
    case .began(let job, let header): training.run.begin(header, job: job)
    case .logged(let entries): training.run.take(entries)
    case .weights(let id, _):
      training.run.live = id
      // A file of it has the weights of an earlier step.
      savedFiles[id] = nil
      // What is at hand of it stays on screen until the new comes.
      stale.formUnion(snapshots.keys.filter { $0.revision == id })
      codes.removeAll { $0.revision == id }
      asked = asked.filter {
        if case .requestLayer(_, of: id) = $0 { return false }
        if case .requestCodes(_, of: id) = $0 { return false }
        return true
      }
    case .branched(let id, let step):
      notice = Notice("Step \(step) is kept as \(id); save it with S.")
    case .saved(let step): notice = Notice("Saved after step \(step).")
    case .notSaved(let reason): notice = Notice(reason, isError: true)
    case .stopped(let output):
      notice = Notice(
        "Stopped and saved; :resume goes on, and so does pare compress or train … -o \(output) "
          + "--resume.")
    case .ended: training.run.job = nil
    case .log(let id, let log): training.keep(log, of: id)
    }
  }

  /// The run that the Training view shows: the one that made the revision on screen, or else
  /// the one that is under way.
  public var shownRun: TrainingWatch {
    if current == training.run.live, training.run.header != nil { return training.run }
    if let own = training.logs[current], own.header != nil { return own }
    return training.run.job == nil ? TrainingWatch() : training.run
  }

  /// Whether the run that made the revision on screen has yet to be looked for.
  var isRunUnknown: Bool { training.logs[current] == nil && shownRun.live != current }

  /// Whether the run under way is the one that is shown.
  var isLiveRunShown: Bool { training.run.job != nil && shownRun.job == training.run.job }

  /// Which run is shown where it is not that of the revision on screen, or not the one under
  /// way; nil where both are.
  var shownRunTitle: String? {
    guard training.run.job != nil, current != training.run.live else { return nil }
    let live = training.run.live?.description ?? "the new revision"
    return isLiveRunShown
      ? "the run of \(live), not of \(current)" : "the run of \(current); \(live) is in training"
  }

  /// Whether the run's weights are to be brought up to date for the screen.
  var isFollowingTraining: Bool {
    training.run.job != nil && current == training.run.live && ViewCatalog.view(view).drawsWeights
  }

  /// Seconds a job will still take; nil while that is unknown. A training run's are those that
  /// the Training view shows.
  func secondsLeft(of job: JobRecord) -> Double? {
    guard job.id == training.run.job else { return job.secondsLeft }
    return job.state == .running ? training.run.secondsLeft : nil
  }

  /// The job of the run under way.
  var trainingJob: JobRecord? { training.run.job.flatMap { id in jobs.first { $0.id == id } } }
}
