internal import Compression
internal import Jobs
public import Terminal
public import Transformers
public import Workspace

/// Everything the screen shows. Only actions and the fold of the workbench's
/// events change it; drawing reads it. What a single view remembers is in `views`.
public struct AppState: Sendable {
  /// Names a layer of a revision.
  public struct LayerKey: Sendable, Hashable {
    public let name: String
    public let revision: RevisionID
  }

  public let model: ModelMap
  /// Why no loss can be measured; nil when the model runs.
  public var whyNotRunnable: String?
  /// What is taken for granted of the network because no setting says it.
  public var assumption: String?
  /// The text file that the explorer was opened with: what training takes if no other is named.
  public var textPath: String?

  public var columns = 80
  public var rows = 24
  public var theme: Theme
  public var isMouseOn = true
  /// Whether the frame is printed and left: without keys, jobs, or figures that
  /// are still to come.
  var isPrinted = false

  // What several views share, or all of them.

  public var view = ViewID.blocks
  /// Views that Esc leads back to.
  public var trail: [ViewID] = []
  /// Layer and Compare draw the same part of the same layer, and passes are previewed on it.
  public var layer = LayerState()
  /// Compare draws them, Samples lets them write.
  public var pair = RevisionPair()
  /// Parameters by name that passes are run on: marked in Blocks, taken by sheets and commands.
  public var marked: Set<String> = []
  /// What each view remembers for itself.
  var views = ViewStates()

  // What the workbench has told of revisions, whichever view asked.

  /// Revisions as the workbench last told.
  public var tree: RevisionTree
  public var jobs: [JobRecord] = []
  /// By revision and parameter: bars in Blocks and Training, the order of change in Compare.
  public var figures: [RevisionID: [String: LayerStatistics]] = [:] { didSet { barsVersion += 1 } }
  /// Layers that are at hand: Layer, Compare and Training draw them.
  public var snapshots: [LayerKey: LayerSnapshot] = [:]
  /// Loss that layers add when disturbed, by revision and parameter: bars like `figures`.
  public var sensitivities: [RevisionID: [String: Double]] = [:] { didSet { barsVersion += 1 } }
  /// Counts the changes of `figures` and `sensitivities`.
  private(set) var barsVersion = 0
  /// Rows and scale of Blocks and Training, ranking of Compare: all layers are needed for them.
  var overview = LayersOverview()
  /// Singular values that are at hand, for Layer and Compare.
  public var spectra: [LayerKey: Spectrum] = [:]
  /// Codes that are at hand, for Layer and Compare; those of the layer on screen last.
  public var codes: [LayerCodes] = []
  /// What the routers of revisions did with the text their loss was measured on: Blocks, Layer
  /// and Compare draw it.
  public var routers: [RevisionID: [RouterLoad]] = [:]
  /// Those of `snapshots` whose weights have changed since.
  var stale: Set<LayerKey> = []
  /// Order in which `snapshots` were used, oldest first.
  var snapshotUse: [LayerKey] = []
  /// What the screen lacked at the last turn and has asked for. What it does not
  /// lack any more is forgotten, so that it is asked for again when it is.
  var asked: Set<Effect> = []

  // What lies over any view, or under it.

  public var sheet: Sheet?
  /// Settings each pass had when its sheet was last open.
  var lastPasses: [String: any CompressionPass] = [:]
  public var prompt: Prompt?
  /// Commands typed before, oldest first, and which one is recalled.
  var commandHistory: [String] = []
  var recalled: Int?
  public var help: HelpState?
  /// One sentence above the footer, until the next key.
  public var notice: Notice?
  /// A text that lies over the view until a key closes it.
  public var panel: TextPanel?
  /// Whether it is asked if running jobs may be left.
  var isLeaving = false
  /// Files that hold revisions as they are, written since the explorer was opened.
  var savedFiles: [RevisionID: String] = [:]
  /// Trained revisions that are in memory alone because they could not be written, and why.
  var notKept: [RevisionID: String] = [:]

  /// The first screen of a model.
  public init(model: ModelMap, tree: RevisionTree, theme: Theme) {
    self.model = model
    self.tree = tree
    self.theme = theme
    layer.name = model.firstLayer?.name
  }

  /// The revision on screen.
  public var current: RevisionID { tree.current }

  /// The text that losses are measured on, in a few words; nil while none is measured.
  var measuredOn: String? { tree.original.metrics.measuredOn }

  /// The layer whose histogram and mask are looked at.
  public var layerOnScreen: ModelMap.Layer? { layer.name.flatMap { model.layer(named: $0) } }

  /// A layer of a revision, if it is at hand.
  public func snapshot(_ name: String, _ revision: RevisionID) -> LayerSnapshot? {
    snapshots[LayerKey(name: name, revision: revision)]
  }

  /// A layer's singular values, if they are at hand.
  public func spectrum(_ name: String, _ revision: RevisionID) -> Spectrum? {
    spectra[LayerKey(name: name, revision: revision)]
  }

  /// A layer's codes, if they are at hand.
  public func codes(_ name: String, _ revision: RevisionID) -> LayerCodes? {
    codes.first { $0.name == name && $0.revision == revision }
  }

  /// Jobs that run or wait.
  public var liveJobs: [JobRecord] { jobs.filter { !$0.state.isOver } }
}

extension AppState {
  /// What is odd about the stored session, and what can be gone on with.
  mutating func tellOfSession(warning: String?, stoppedRun: String?) {
    let offer = stoppedRun.map {
      "The training run that writes \($0) was stopped; :resume goes on."
    }
    let sentences = [warning, offer].compactMap(\.self)
    guard !sentences.isEmpty else { return }
    notice = Notice(sentences.joined(separator: " — "), isError: warning != nil)
  }

  /// The job in the job line, which keys act on. Training takes so long that jobs beside it come
  /// first.
  var foremostJob: JobRecord? {
    let live = liveJobs
    let others = live.filter { $0.kind != .train }
    return others.first { $0.state != .queued } ?? live.first { $0.state != .queued } ?? live.first
  }
}

/// A sentence for the user, and whether it is bad news.
public struct Notice: Sendable, Hashable {
  public let text: String
  public let isError: Bool

  public init(_ text: String, isError: Bool = false) {
    self.text = text
    self.isError = isError
  }
}
