internal import CheckpointIO
internal import Jobs
public import Terminal
public import Workspace

/// The explorer at work: joins a workbench to a terminal.
///
/// It belongs to the main thread. A turn of the loop takes all events that wait,
/// folds in what background jobs have brought, and presents one frame.
public final class ExplorerApp {
  public private(set) var state: AppState
  private let workbench: Workbench
  private let terminal: any TerminalBackend
  private let trace: FrameTrace?
  private var isDone = false

  public init(
    workbench: Workbench, terminal: any TerminalBackend, theme: Theme, trace: FrameTrace? = nil
  ) {
    self.workbench = workbench
    self.terminal = terminal
    self.trace = trace
    state = AppState(model: ModelMap(workbench.checkpoint), tree: workbench.tree, theme: theme)
    state.whyNotRunnable = workbench.whyNotRunnable
    state.assumption = workbench.assumption
    state.textPath = workbench.textPath
    state.restore(workbench.place)
    state.tellOfSession(warning: workbench.warning, stoppedRun: workbench.stoppedRun)
    (state.columns, state.rows) = terminal.size
  }

  /// Runs until the user leaves, the terminal is gone or a signal ends it.
  ///
  /// Returns why the session could not be kept, if it could not.
  public func run() -> String? {
    present()
    turn([])
    while !isDone, let event = terminal.nextEvent() {
      turn([event] + terminal.pendingEvents())
    }
    workbench.place = state.place
    return workbench.close()
  }

  /// The view as text, for an output that is no terminal.
  ///
  /// Waits until the figures on screen are there, but not longer than a few
  /// seconds: what a huge file still lacks then shows as `…`.
  public func text() -> String {
    turn([])
    let deadline = ContinuousClock.now + .seconds(3)
    while !state.isComplete, !workbench.isIdle, ContinuousClock.now < deadline {
      workbench.mailbox.wait(milliseconds: 50)
      turn([])
    }
    state.isPrinted = true
    return Screen.draw(state).plainText.split(separator: "\n")
      .filter { !$0.allSatisfy(\.isWhitespace) }.joined(separator: "\n") + "\n"
  }

  private func turn(_ events: [Event]) {
    for event in events {
      if case .resumed = event { (state.columns, state.rows) = terminal.size }
      perform(state.handle(event, in: FrameLayout(state).view))
    }
    state.fold(workbench.receive(), tree: workbench.tree, jobs: workbench.jobs)
    perform(state.newDemands())
    if state.isFollowingTraining { workbench.followTraining() }
    state.fold([], tree: workbench.tree, jobs: workbench.jobs)
    keepPlace()
    present()
  }

  private func present() {
    terminal.present(Screen.draw(state))
    trace?.frame(isIdle: workbench.isIdle)
  }

  /// Keeps the place on screen when it is worth a write: another view, another
  /// layer.
  private func keepPlace() {
    let place = state.place
    let former = workbench.place
    guard place["view"] != former["view"] || place["layer"] != former["layer"] else { return }
    workbench.place = place
  }

  private func perform(_ effects: [Effect]) {
    for effect in effects {
      do {
        try perform(effect)
      } catch {
        state.notice = Notice(String(describing: error), isError: true)
      }
    }
  }

  private func perform(_ effect: Effect) throws {
    switch effect {
    case .run(let step, let id): _ = workbench.run(step, on: id)
    case .preview(let step, let id, let layer):
      state.sheet?.ticket = workbench.preview(step, on: id, layer: layer)
    case .cancelPreview: workbench.cancelPreview()
    case .undo: _ = workbench.undo()
    case .redo: _ = workbench.redo()
    case .go(let id): try workbench.go(to: id)
    case .delete(let id): try workbench.deleteLeaf(id)
    case .measure(let id): workbench.measure(id)
    case .cancelJob(let id): workbench.cancel(id)
    case .pauseJob(let id, let isPaused): workbench.setPaused(id, isPaused)
    case .retryJob(let id): _ = workbench.retry(id)
    case .requestLayer(let name, let id): workbench.requestLayer(name, of: id)
    case .requestSpectrum(let name, let id): workbench.requestSpectrum(name, of: id)
    case .requestCodes(let name, let id): workbench.requestCodes(name, of: id)
    case .reach(let target, let text, let id): workbench.reach(target, on: text, from: id)
    case .requestSensitivity(let id): workbench.requestSensitivity(of: id)
    case .requestRouters(let id): workbench.requestRouters(of: id)
    case .requestFigures(let id, let visible):
      workbench.requestBlockFigures(of: id, visible: visible)
    case .sample(let ids, let prompt, let seed):
      workbench.sample(ids, prompt: prompt, seed: seed, count: 400, temperature: 0.8)
    case .stopSampling: workbench.stopSampling()
    case .save(let id, let path, let request, let overwrite):
      workbench.save(id, to: path, as: request, overwrite: overwrite)
    case .writeRecipe(let id, let path, let overwrite):
      guard let recipe = workbench.tree.recipe(to: id) else {
        let source = workbench.tree.source(of: id)?.title ?? "\(id)"
        throw CommandError("no recipe makes the weights of \(source); save a checkpoint with S")
      }
      try WholeFile.write(Array(recipe.yaml.utf8), to: path, overwrite: overwrite)
      state.notice = Notice("Wrote the recipe of \(id) to \(path).")
    case .runRecipe(let path, let id):
      let recipe = try Recipe(contentsOf: path)
      guard !recipe.steps.isEmpty else { throw CommandError("\(path) has no passes to run") }
      _ = workbench.run(recipe, on: id)
    case .stand(let path): try workbench.stand(beside: path)
    case .export(let path, let overwrite): try export(to: path, overwrite: overwrite)
    case .train(let request): try workbench.train(request)
    case .steerTraining(let change): workbench.steer(change)
    case .resumeTraining: try workbench.resumeTraining()
    case .readTrainingLog(let id): workbench.requestTrainingLog(of: id)
    case .setMouse(let isOn):
      state.isMouseOn = isOn
      terminal.setMouse(isOn)
    case .copy(let text): terminal.copy(text)
    case .suspend: terminal.suspend()
    case .quit: isDone = true
    }
  }

  private func export(to path: String, overwrite: Bool) throws {
    var bare = state
    bare.prompt = nil
    bare.notice = nil
    bare.panel = nil
    let isDrawing = path.hasSuffix(".svg")
    // Text has no colours: what they tell is drawn in shades.
    if !isDrawing { bare.theme = ThemeNames.theme("mono", like: state.theme) ?? state.theme }
    let frame = Screen.draw(bare)
    let text = isDrawing ? frame.svg(theme: state.theme) : frame.plainText
    try WholeFile.write(Array(text.utf8), to: path, overwrite: overwrite)
    state.notice = Notice("Wrote this view to \(path).")
  }
}
