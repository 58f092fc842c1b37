import CheckpointIO
import Explorer
import Foundation
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
    state.fold([], tree: steadied(workbench.tree), jobs: [])
    workbench.cancelAll()
    return Screen.draw(state).plainText
  }

  /// The matrices: every bar of the view.
  private static func barCount(_ checkpoint: Checkpoint) -> Int {
    checkpoint.parameters.count { $0.shape.dimensions.count == 2 }
  }

  /// Losses as one machine measured them, where another comes as near as its own last digits
  /// allow: r3 has 1.47695 and would be drawn either way. A loss further off stays as it is, and
  /// the picture is stale.
  private static func steadied(_ tree: RevisionTree) -> RevisionTree {
    var tree = tree
    for (id, loss) in [(RevisionID(2), 1.4717), (RevisionID(3), 1.4770)] {
      guard var metrics = tree[id]?.metrics, let measured = metrics.loss,
        abs(measured - loss) < 2e-4
      else { continue }
      (metrics.loss, metrics.perplexity) = (loss, exp(loss))
      tree.setMetrics(metrics, of: id)
    }
    return tree
  }
}
