import CheckpointIO
import Explorer
import Jobs
import Tensors
import Terminal
import Workspace

/// The screen in the README: the checkpoint inside the program after three
/// passes, as the explorer draws it.
enum ReadmeScreen {
  private static let recipe = """
    pare: 1
    passes:
      - prune: {amount: 0.5}
      - prune: {amount: 0.8}
        layers: ["block.3.mlp.*", "block.4.*", "block.5.*"]
      - quantize: {bits: 4, granularity: group}
    """

  /// The frame's text.
  static func text() throws -> String {
    let checkpoint = try Checkpoint.open(Fixtures.checkpoint("shakespeare-char.safetensors"))
    let workbench = try Workbench(checkpoint: checkpoint, text: .usual, threads: 2)
    var state = AppState(
      model: ModelMap(checkpoint), tree: workbench.tree, theme: ThemeCatalog.all[0])
    (state.columns, state.rows) = (100, 19)
    let last = RevisionID(3)
    _ = workbench.run(try Recipe(yaml: recipe), on: RevisionID(0))
    while workbench.tree.current != last || state.figures[last]?.count ?? 0 < barCount(checkpoint)
      || workbench.tree[last]?.metrics.hasSizes != true
      || workbench.tree[RevisionID(2)]?.metrics.loss == nil
      || workbench.tree[last]?.metrics.loss == nil
    {
      for case .requestFigures(let id, let visible) in state.newDemands() {
        workbench.requestBlockFigures(of: id, visible: visible)
      }
      workbench.mailbox.wait()
      state.fold(workbench.receive(), tree: workbench.tree, jobs: [])
    }
    state.fold([], tree: workbench.tree, jobs: [])
    workbench.cancelAll()
    return Screen.draw(state).plainText
  }

  /// The matrices: every bar of the view.
  private static func barCount(_ checkpoint: Checkpoint) -> Int {
    checkpoint.parameters.count { $0.shape.dimensions.count == 2 }
  }
}
