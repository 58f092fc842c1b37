import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// Whole screens as text. What is measured is set to fixed figures, so that
/// they do not depend on the machine.
@Suite struct GoldenScreenTests {
  @Test(arguments: [[80, 24], [110, 30]])
  func views(_ size: [Int]) throws {
    let desk = try Self.pruned(size[0], size[1])
    for view in ViewCatalog.all {
      desk.state.view = view.id
      desk.settle()
      try Self.fix(desk)
      expect(desk, "\(view.id)-\(size[0])")
    }
  }

  @Test func beforeAnything() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.settle()
    try Self.fix(desk)
    expect(desk, "blocks-original")
    desk.key(.character("2"))
    desk.settle()
    try Self.fix(desk)
    expect(desk, "layer-original")
  }

  @Test func whatLiesOverAView() throws {
    let desk = try Self.pruned(80, 24)
    try Self.fix(desk)
    desk.key(.character("2"), .character("p"))
    desk.settle()
    try Self.fix(desk)
    expect(desk, "sheet")
    desk.key(.escape, .character("?"))
    try Self.fix(desk)
    expect(desk, "help")
    desk.key(.escape, .character(":"))
    desk.type("prune --")
    try Self.fix(desk)
    expect(desk, "command")
    desk.key(.escape)
    (desk.state.columns, desk.state.rows) = (40, 10)
    expect(desk, "too-small")
  }

  @Test func themes() throws {
    let desk = try Self.pruned(80, 24)
    desk.key(.character("2"))
    desk.settle()
    try Self.fix(desk)
    let themes: [(String, Theme?)] = [
      ("layer-mono", ThemeCatalog.theme(named: "mono")),
      ("layer-ascii", ThemeCatalog.theme(named: "mono", ascii: true)),
      ("layer-16", ThemeCatalog.theme(named: "night", depth: .ansi16)),
    ]
    for (name, theme) in themes {
      desk.state.theme = try #require(theme)
      expect(desk, name)
    }
  }

  private func expect(
    _ desk: Desk, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectScreen(
      Screen.draw(desk.state), desk.state.theme, named: name, sourceLocation: sourceLocation)
  }

  /// The small GPT with half of its weights pruned.
  private static func pruned(_ columns: Int, _ rows: Int) throws -> Desk {
    let desk = try Desk { try SmallModels.open(in: $0) }
    (desk.state.columns, desk.state.rows) = (columns, rows)
    desk.settle()
    desk.perform([.run(desk.step("prune"), on: .original)])
    desk.settle()
    let texts = ["abc defg\nThe original writes on, in lines that are wrapped.", "abc gfed"]
    let events = texts.enumerated().map { number, text in
      WorkbenchEvent.sample(RevisionID(number), text: text, tokensPerSecond: 980, isDone: true)
    }
    desk.state.fold(events, tree: desk.workbench.tree, jobs: [])
    return desk
  }

  /// Figures that depend on the machine are replaced, and the jobs left out.
  private static func fix(_ desk: Desk) throws {
    for revision in desk.state.tree.revisions {
      var metrics = revision.metrics
      let isOriginal = revision.id == .original
      metrics.loss = isOriginal ? 1.5102 : 1.5312
      metrics.perplexity = isOriginal ? 4.53 : 4.62
      metrics.kl = isOriginal ? 0 : 0.021
      metrics.agreement = isOriginal ? 1 : 0.942
      metrics.tokensPerSecond = 3_410
      metrics.layerSpeed = isOriginal ? nil : 1.38
      desk.state.tree.setMetrics(metrics, of: revision.id)
    }
    desk.state.jobs = []
  }
}
