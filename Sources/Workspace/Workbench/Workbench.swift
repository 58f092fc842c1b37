public import CheckpointIO
internal import Dispatch
public import Jobs
internal import Models
internal import Tensors
internal import Transformers

/// An open checkpoint with its revisions, and the jobs at work on them.
///
/// It belongs to the main thread and never blocks it: every request returns at
/// once, jobs work on values in the background and post messages, and
/// `receive` folds those into `tree` and `jobs` and says what changed. The
/// original file is never written to.
public final class Workbench {
  public let checkpoint: Checkpoint
  /// Readable (see `Mailbox.wakeDescriptor`) when `receive` has something.
  public let mailbox = Mailbox<WorkbenchMessage>()
  public internal(set) var tree: RevisionTree
  /// The explorer's place on screen, kept with the session.
  public var place: [String: String] {
    didSet { if place != oldValue { persist() } }
  }
  /// What is odd about the stored session, one sentence.
  public let warning: String?
  /// The text file that losses are measured on; nil where the original writes the text, or it is
  /// part of the program.
  public let textPath: String?

  let meter: LossMeter
  let queues: WorkbenchQueues
  var ledger = JobLedger()
  var store: RevisionStore
  var layers = LayerCache()
  var layerRequests = LayerRequests()
  var measuring = MeasuringState()
  var previews = PreviewState()
  var sampling: [JobID] = []
  var training: TrainingSeat?
  var keeping = KeepingState()
  /// The training run that was begun last and did not come to its end.
  var startedRun: StartedRun?
  /// Jobs that wait for a revision's weights, in order.
  var parked: [RevisionID: [(id: JobID, submit: (Workbench, ModelState) -> JobHandle)]] = [:]
  /// Rebuilding jobs by the revision they rebuild.
  var rebuilding: [RevisionID: JobID] = [:]
  /// How often the user moved in the tree; a pass that ends later than that
  /// does not drag the screen along.
  var moves = 0
  /// Events that came about outside `receive`.
  var waiting: [WorkbenchEvent] = []
  private var session: Session?
  private let writer: SessionWriter
  private var hasBegun = false
  /// Nothing new is to be begun.
  private(set) var isClosing = false

  /// Whether the system lets this process start the threads that a workbench takes.
  public static var canStart: Bool {
    StartableThreads.count(upTo: WorkbenchQueues.threadCount) == WorkbenchQueues.threadCount
  }

  /// Takes up the work on a checkpoint. Reads nothing of it; measuring starts
  /// with the first `receive`, that is after the first frame.
  ///
  /// Throws `TextError` when the text to measure on cannot be opened.
  public init(
    checkpoint: Checkpoint, text: EvaluationText = .selfWritten, part: TextPart = .whole,
    threads: Int, session: Session? = nil
  ) throws {
    self.checkpoint = checkpoint
    textPath = if case .file(let path) = text { path } else { nil }
    meter = try LossMeter(checkpoint: checkpoint, text: text, part: part)
    queues = WorkbenchQueues(threads: threads)
    store = RevisionStore(original: InputMeter(checkpoint).model)
    let weights = checkpoint.parameters.reduce(0) {
      $1.place.role == .linear ? $0 + $1.shape.count : $0
    }
    tree = session?.tree ?? RevisionTree(original: Metrics(weights: weights))
    place = session?.place ?? [:]
    warning = session?.warning
    startedRun = session?.startedRun
    writer = SessionWriter(
      weightsFolder: session.map { KeptWeights.folder(besideSession: $0.path) })
    if session?.textKey != meter.key { tree.forgetLosses() }
    // Earlier versions stored what a packed save of the original would take.
    tree.setMetrics(tree.original.metrics.ofFile(checkpoint), of: .original)
    self.session = session
    self.session?.textKey = meter.key
    mailbox.post(.wake)
  }

  deinit {
    for id in ledger.liveIDs { ledger[id]?.handle?.cancellation.cancel() }
  }

  /// Why no loss can be measured; nil when the network runs.
  public var whyNotRunnable: String? { meter.whyNotRunnable }

  /// What is taken for granted of the network because no setting says it, in one sentence.
  public var assumption: String? {
    Network.assumption(
      of: checkpoint.parameters, configuration: checkpoint.configuration)
  }

  /// Running, waiting and past jobs, oldest first.
  public var jobs: [JobRecord] { ledger.records }

  /// Whether nothing runs, waits or is still to be received.
  public var isIdle: Bool {
    hasBegun && ledger.isIdle && waiting.isEmpty && measuring.pending.isEmpty
      && keeping.writing.isEmpty
  }

  /// Takes in what the jobs have posted and says what changed.
  public func receive() -> [WorkbenchEvent] {
    // What was announced before a message was folded in comes before it: a
    // job that is over is never told to have just begun.
    var events = takeWaiting()
    for message in mailbox.drain() {
      events += fold(message)
      events += takeWaiting()
    }
    if !hasBegun {
      hasBegun = true
      requestMissingMetrics()
      events += takeWaiting()
    }
    return events
  }

  private func takeWaiting() -> [WorkbenchEvent] {
    defer { waiting = [] }
    return waiting
  }

  /// Waits in the mailbox until every job is over; for tests, which have no screen to
  /// keep alive.
  package func waitUntilIdle(_ handle: (WorkbenchEvent) -> Void = { _ in }) {
    receive().forEach(handle)
    while !isIdle {
      mailbox.wait()
      receive().forEach(handle)
    }
  }

  /// Cancels all jobs and returns once the session is on disk, a training run's
  /// state, from which it can be resumed, and the weights that training made.
  ///
  /// Returns why it could not be written, one sentence.
  public func close() -> String? {
    isClosing = true
    cancelAll()
    waitForTraining()
    keepTrained()
    waitForWeights()
    persist()
    return writer.flush()
  }

  /// Returns once what was to be kept is on disk.
  package func waitForSession() { _ = writer.flush() }

  /// Bounds what the weights that training made may take on disk.
  package func setKeptWeightsLimit(_ byteCount: Int) { keeping.byteLimit = byteCount }

  /// Where weights that training made are written; nil where no session is kept.
  var weightsFolder: String? { session.map { KeptWeights.folder(besideSession: $0.path) } }

  /// Has a file of weights removed that no revision needs any more.
  func discardFile(_ path: String) {
    guard let name = path.split(separator: "/").last else { return }
    session?.discarded.insert(String(name))
    persist()
  }

  /// An event for the next `receive`, and the wish for one.
  func announce(_ events: [WorkbenchEvent]) {
    guard !events.isEmpty else { return }
    waiting += events
    mailbox.post(.wake)
  }

  /// Has the session written in the background.
  func persist() {
    guard var session else { return }
    session.tree = tree
    session.place = place
    session.startedRun = startedRun
    self.session = session
    writer.write(session)
  }
}

/// The queues a workbench's jobs wait in, one for each kind that must not wait
/// for the others.
struct WorkbenchQueues {
  /// One for each queue, and one that writes sessions.
  static let threadCount = 9

  let passes: JobQueue
  let previews: JobQueue
  let measurements: JobQueue
  let sizes: JobQueue
  let layers: JobQueue
  let figures: JobQueue
  let samples: JobQueue
  let training: JobQueue

  init(threads: Int) {
    let threads = max(threads, 1)
    passes = JobQueue(label: "pare.passes", threads: threads)
    previews = JobQueue(label: "pare.previews", threads: threads, qos: .userInteractive)
    measurements = JobQueue(label: "pare.measurements", threads: threads, qos: .utility)
    sizes = JobQueue(label: "pare.sizes", threads: threads)
    layers = JobQueue(label: "pare.layers", threads: threads, qos: .userInteractive)
    figures = JobQueue(label: "pare.figures", threads: threads)
    samples = JobQueue(label: "pare.samples", threads: threads)
    training = JobQueue(label: "pare.training", threads: threads, qos: .utility)
  }
}
