internal import CheckpointIO
internal import Compression
internal import Explorer
internal import Jobs
internal import Terminal
internal import Workspace

/// How quick the screen is, at 200 × 60 cells.
struct ExplorerFigures {
  /// Median time to draw one frame of the slowest view, in seconds.
  let frameSeconds: Double
  /// From a key to its frame while a pass runs: half of the keys, and all but
  /// one in a hundred, are quicker.
  let keySeconds: (median: Double, percentile99: Double)

  private static let keyCount = 2000
  private static let frameCount = 50

  static func measure(_ checkpoint: Checkpoint, threads: Int) throws -> ExplorerFigures {
    let workbench = try Workbench(checkpoint: checkpoint, threads: threads)
    // The slowest pass there is, again whenever it has ended.
    let step = try Step(
      passName: Quantize.name, settings: [("scale", "mse"), ("granularity", "group")])
    let terminal = BenchTerminal(keys: keys) {
      if workbench.isIdle { _ = workbench.run(step, on: RevisionID(0)) }
    }
    let app = ExplorerApp(
      workbench: workbench, terminal: terminal, theme: ThemeCatalog.standard(Capabilities()))
    var frames: [Double] = []
    for view in ViewID.allCases {
      frames.append(frameSeconds(of: view, app.state))
    }
    _ = app.run()
    let latencies = terminal.latencies.map { $0 / .seconds(1) }.sorted()
    return ExplorerFigures(
      frameSeconds: frames.max() ?? 0,
      keySeconds: (
        latencies[latencies.count / 2], latencies[latencies.count * 99 / 100]
      ))
  }

  /// A walk over the Blocks view and in and out of a layer, views between.
  private static var keys: [Key] {
    let walk: [Key] = [
      .down, .right, .enter, .right, .down, .character("+"), .character("-"), .escape,
      .character("3"), .down, .character("7"), .down, .character("5"), .character("1"), .down,
      .left,
    ]
    return (0..<keyCount).map { walk[$0 % walk.count] }
  }

  private static func frameSeconds(of view: ViewID, _ state: AppState) -> Double {
    var state = state
    state.columns = 200
    state.rows = 60
    _ = state.show(view)
    var times: [Double] = []
    for _ in 0..<frameCount {
      let began = ContinuousClock.now
      let frame = Screen.draw(state)
      times.append((ContinuousClock.now - began) / .seconds(1))
      withExtendedLifetime(frame) {}
    }
    return times.sorted()[times.count / 2]
  }
}
