internal import Jobs
internal import Tensors
public import Terminal
internal import Training
public import Workspace

extension ViewID {
  public static let training = ViewID("training")
}

/// View 4: training and self-compression, live, or a finished run from its log.
public enum TrainingView: View {
  public typealias State = TrainingState
  public static let id = ViewID.training
  public static let title = "Training"
  public static let drawsBars = true
  public static let drawsWeights = true
  /// The chart has the height of the blocks, or more.
  public static let printedRows = 16

  public static let bindings: [Binding] = [
    Binding(
      .character(">"), label: "γ +10 %",
      now: { state in
        if state.isGammaSteered { return "γ is steered by the target" }
        return gammaObstacle(state).map { _ in "" }
      },
      help: "raise γ, the price of a bit, by a tenth",
      unless: gammaObstacle, action: { $0.turnGamma(by: 1) }),
    Binding(
      .character("<"), label: "γ −10 %", now: { gammaObstacle($0).map { _ in "" } },
      help: "lower γ by a tenth", unless: gammaObstacle,
      action: { $0.turnGamma(by: -1) }),
    Binding(
      .character("}"), help: "raise the learning rate by a tenth", unless: runObstacle,
      action: { $0.turnRate(by: 1) }),
    Binding(
      .character("{"), help: "lower the learning rate by a tenth", unless: runObstacle,
      action: { $0.turnRate(by: -1) }),
    Binding(
      .character(" "), label: "pause",
      now: { state in
        if runObstacle(state) != nil { return "" }
        return state.trainingJob?.state == .paused ? "go on" : nil
      },
      help: "pause training, or let it go on",
      unless: runObstacle,
      action: { state in
        guard let job = state.trainingJob else { return [] }
        return [.pauseJob(job.id, job.state != .paused)]
      }),
    Binding(
      .character("w"), label: "checkpoint", now: { runObstacle($0).map { _ in "" } },
      help: "write the checkpoint and the state now",
      unless: runObstacle, action: { _ in [.steerTraining(.save)] }),
    Binding(
      .character("b"), label: "branch", now: { runObstacle($0).map { _ in "" } },
      help: "keep the weights of this step as a revision",
      unless: runObstacle, action: { _ in [.steerTraining(.branch)] }),
    Binding(
      .tab, label: "picture", now: { pictureObstacle($0).map { _ in "" } },
      help: "blocks, histograms or masks under the chart", unless: pictureObstacle
    ) { state in
      let all = TrainingState.Picture.allCases
      let index = all.firstIndex(of: state.training.picture) ?? 0
      state.training.picture = all[(index + 1) % all.count]
      return []
    },
    Binding(
      .enter, label: "open", now: { pictureObstacle($0).map { _ in "" } },
      help: "open the layer under the cursor", unless: pictureObstacle
    ) { state in
      guard let layer = state.blocks.layer(state) else { return [] }
      state.layer.open(layer.name)
      return state.show(.layer)
    },
    Binding(
      .character("f"),
      now: { $0.training.run.job != nil && $0.current != $0.training.run.live ? "follow" : nil },
      help: "back to the revision that follows training"
    ) { state in
      state.training.run.live.map { [.go($0)] } ?? []
    },
    Binding(.down, .character("j"), help: "a row down") { $0.moveInBlocks(1, 0) },
    Binding(.up, .character("k"), help: "a row up") { $0.moveInBlocks(-1, 0) },
    Binding(.right, .character("l"), help: "a column to the right") { $0.moveInBlocks(0, 1) },
    Binding(.left, .character("h"), help: "a column to the left") { $0.moveInBlocks(0, -1) },
  ]

  static let noRun = "No training is under way; :compress TEXT or :train TEXT starts one."

  private static let runObstacle: @Sendable (AppState) -> String? = { state in
    guard state.training.run.job != nil else { return noRun }
    guard !state.isLiveRunShown else { return nil }
    return "The run that is shown is over; f goes to the one under way."
  }

  /// Why there is no picture under the chart.
  private static let pictureObstacle: @Sendable (AppState) -> String? = { state in
    state.shownRun.header == nil ? noRun : nil
  }

  private static let gammaObstacle: @Sendable (AppState) -> String? = { state in
    runObstacle(state) ?? state.training.run.whyGammaIsFixed
  }

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    guard state.shownRun.header != nil else {
      let lines = [
        state.isRunUnknown ? "…" : "No training yet.",
        ":compress TEXT --target 0.6   self-compress on a text",
        ":train TEXT --steps 500       train on a text",
      ]
      for (row, line) in lines.enumerated() {
        grid.putLine(line, in: area, row: 1 + row, .center, theme[row == 0 ? .text : .dim])
      }
      return
    }
    let layout = TrainingLayout(state, in: area)
    TrainingChart.draw(state, on: &grid, in: layout.chart)
    for (row, line) in layout.figures.enumerated() {
      grid.putLine(line, in: layout.status, row: row, theme[.text])
    }
    switch state.training.picture {
    case .blocks: BlocksView.draw(state, on: &grid, in: layout.picture)
    case .histograms, .masks: TrainingPictures.draw(state, on: &grid, in: layout.picture)
    }
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    let picture = TrainingLayout(state, in: area).picture
    guard state.shownRun.header != nil, state.training.picture == .blocks,
      picture.contains(x: mouse.x, y: mouse.y)
    else { return [] }
    return BlocksView.handle(mouse, in: picture, &state)
  }

  public static func fold(_ event: WorkbenchEvent, _ state: inout AppState) {
    if case .training(let news) = event { state.fold(news) }
  }

  public static func leaveDeleted(_ state: inout AppState) {
    state.training.leaveDeleted(of: state.tree)
  }

  public static func demands(_ state: AppState, in area: Rect) -> [Effect] {
    let log: [Effect] = state.isRunUnknown ? [.readTrainingLog(of: state.current)] : []
    guard state.shownRun.header != nil else { return log }
    switch state.training.picture {
    case .blocks:
      return log + BlocksView.demands(state, in: TrainingLayout(state, in: area).picture)
    case .histograms, .masks:
      // One after the other: a revision has one layer read at a time.
      return log
        + (state.trainingLayers.lazy.map { state.layerDemands($0.name, [state.current]) }
          .first { !$0.isEmpty } ?? [])
    }
  }
}

/// Where the parts of the Training view lie.
struct TrainingLayout {
  let chart: Rect
  let status: Rect
  let picture: Rect
  /// The figures of the run, in lines.
  let figures: [String]

  init(_ state: AppState, in area: Rect) {
    figures = Facts.lines(state.trainingFigures, width: area.width - 2)
    let rest = area.height - figures.count
    let wanted = state.training.picture == .blocks ? state.model.rows.count + 2 : rest / 2
    let pictureHeight = min(max(wanted, 0), max(rest / 2, 0))
    let (picture, above) = area.split(bottom: pictureHeight)
    let (status, chart) = above.split(bottom: figures.count)
    self.picture = picture
    self.status = status.inset(left: 1, right: 1)
    self.chart = chart
  }
}

extension AppState {
  /// The first layers of the MLP of blocks 0, 1 and the last, as the figures of the
  /// paper show them; in models without one, the last layer of the block.
  var trainingLayers: [ModelMap.Layer] {
    let blocks = model.rows.filter { $0.block != nil }
    let chosen = Set([0, 1, blocks.count - 1]).sorted().filter(blocks.indices.contains)
    return chosen.compactMap { index in
      blocks[index].layers.first { $0.kind.hasSuffix("c_fc") } ?? blocks[index].layers.last
    }
  }

  /// The figures of the run as it is, most telling first.
  var trainingFigures: [String] {
    let run = shownRun
    let now = run.latest
    guard let header = run.header else { return [] }
    var facts = ["step \(now.step)" + (run.stepCount.map { "/\($0)" } ?? "")]
    run.meanLoss.map { facts.append("loss \(Decimal.text($0, 4))") }
    now.validation.map { facts.append("validation \(Decimal.text($0, 4))") }
    now.q.map { facts.append("Q \(Decimal.text($0, 3)) b/w") }
    now.packedBits.map { facts.append("packed \(Decimal.text($0, 3))") }
    now.entropyBits.map { facts.append("entropy \(Decimal.text($0, 3))") }
    now.liveChannels.map { facts.append("\(Count.text($0)) channels left") }
    if run.isCompressing {
      facts.append(
        "γ \(Decimal.short(run.job == nil ? now.gamma ?? run.dial.value : run.dial.value))")
    }
    now.rate.map {
      facts.append(
        "rate \(Decimal.short($0))"
          + (run.rate.value == 1 ? "" : " (× \(Decimal.short(run.rate.value)))"))
    }
    if let speed = run.speed {
      let tokens = Double(max(header.settings.tokensPerStep, 1))
      facts.append("\(Decimal.short(speed / tokens)) steps/s")
      facts.append("\(Count.text(speed)) tok/s")
    }
    if run.job != nil, trainingJob?.state == .paused {
      facts.append("paused")
    } else if let left = run.secondsLeft {
      facts.append("\(Duration.text(left)) left")
    } else if run.job == nil, let elapsed = now.elapsed {
      facts.append("took \(Duration.text(elapsed))")
    }
    return facts
  }

  /// Whether keys turn γ in vain.
  var isGammaSteered: Bool {
    isLiveRunShown && training.run.header?.settings.compression?.target != nil
  }

  mutating func turnRate(by notches: Int) -> [Effect] {
    training.run.rate.turn(by: notches)
    return [.steerTraining(.rateFactor(training.run.rate.value))]
  }

  mutating func turnGamma(by notches: Int) -> [Effect] {
    training.run.dial.turn(by: notches)
    return [.steerTraining(.gamma(training.run.dial.value))]
  }
}
