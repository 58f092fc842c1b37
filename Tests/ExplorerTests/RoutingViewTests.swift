import CheckpointIO
import Compression
import Explorer
import TestSupport
import Terminal
import Testing
import Transformers
import Workspace

/// How many tokens each expert takes, drawn.
@Suite struct RoutingViewTests {
  private static let router = "model.layers.1.block_sparse_moe.gate.weight"
  private static let expert = "model.layers.1.block_sparse_moe.experts.2.w1.weight"

  private static func desk(_ columns: Int, _ rows: Int, _ layer: String = router) throws -> Desk {
    let desk = try Desk { _ in
      try Checkpoint.open(SharedData.packageRoot + "/Checkpoints/families/mixtral")
    }
    (desk.state.columns, desk.state.rows) = (columns, rows)
    desk.key(.character("2"))
    desk.state.layer.open(layer)
    desk.state.layer.tab = .routing
    desk.settle()
    return desk
  }

  /// The second block's experts took so many tokens of 4,096, two each.
  private static func fix(_ desk: Desk, _ tokens: [Int]) {
    let load = RouterLoad(
      block: 1, router: router, active: 2,
      experts: tokens.map { RouterLoad.Expert(tokens: $0, weight: 0.4 * Double($0)) })
    desk.state.fold(
      [.routersReady(.original, [load])], tree: desk.workbench.tree, jobs: [])
    var metrics = desk.state.tree[.original]?.metrics ?? Metrics()
    (metrics.loss, metrics.perplexity, metrics.tokensPerSecond) = (4.2, 66.7, 3_410)
    desk.state.tree.setMetrics(metrics, of: .original)
  }

  @Test(arguments: [[80, 24], [110, 30]]) func screens(_ size: [Int]) throws {
    let desk = try Self.desk(size[0], size[1])
    desk.key(.down)
    Self.fix(desk, [3_000, 1_192, 4_000, 0])
    expectScreen(Screen.draw(desk.state), desk.state.theme, named: "routing-\(size[0])")
    guard size[0] == 80 else { return }
    desk.state.theme = try #require(ThemeCatalog.theme(named: "mono", ascii: true))
    expectScreen(Screen.draw(desk.state), desk.state.theme, named: "routing-ascii")
  }

  /// More experts than lines, and than columns, are columns.
  @Test func manyExperts() throws {
    let desk = try Self.desk(80, 24)
    Self.fix(desk, (0..<128).map { $0 == 40 ? 0 : 64 + ($0 * 37) % 41 })
    expectScreen(Screen.draw(desk.state), desk.state.theme, named: "routing-many")
  }

  /// What is drawn is what the routers did while the loss was measured, of an expert's layer too,
  /// and of a revision what its own router did.
  @Test func revisionsAreMeasuredAsThemselves() throws {
    let desk = try Self.desk(110, 30, Self.expert)
    let original = try #require(desk.state.routers[.original])
    #expect(original.map(\.router).last == Self.router && original.count == 2)
    let screen = Screen.draw(desk.state).plainText
    #expect(screen.contains("4,095 tokens, 2 of 4 experts each"), "\(screen)")
    let taken = original[1].experts[2].tokens
    #expect(screen.filter { $0 != "," }.contains("expert 2: \(taken) tokens"), "\(screen)")

    let step = Step(pass: Prune(), layers: .named([Self.router]))
    desk.perform([.run(step, on: .original)])
    desk.settle()
    let pruned = try #require(desk.state.routers[desk.state.current])
    #expect(pruned[0] == original[0] && pruned[1] != original[1])
    #expect(pruned[1].tokens == original[1].tokens)
  }

  /// Of a session that was left, the loss is known and the routers are not: they are counted when
  /// they are asked for.
  @Test func whatIsLackingIsCountedWhenLookedAt() throws {
    let desk = try Self.desk(80, 24)
    desk.state.layer.tab = .mask
    desk.settle()
    desk.state.routers = [:]
    desk.settle()
    #expect(desk.state.routers.isEmpty)
    desk.key(.backTab)
    desk.settle()
    #expect(desk.state.layer.tab == .routing && desk.state.routers[.original]?.count == 2)
  }

  @Test func layersWithoutRouterSaySo() throws {
    let desk = try Self.desk(80, 24, "model.layers.1.self_attn.q_proj.weight")
    #expect(Screen.draw(desk.state).plainText.contains("Only routers and experts"))
    // A model that does not run says why.
    let mixture = try Desk { try SmallModels.open(SmallModels.mixture(), in: $0) }
    mixture.state.view = .layer
    mixture.state.layer.open("model.layers.1.mlp.gate.weight")
    mixture.state.layer.tab = .routing
    mixture.settle()
    #expect(Screen.draw(mixture.state).plainText.contains("Not counted: This model cannot"))
    // Without experts there is no such picture.
    let dense = try Desk { try SmallModels.open(in: $0) }
    dense.state.view = .layer
    dense.key(.backTab)
    #expect(dense.state.layer.tab == .codes)
  }

  /// The Blocks view has the shares beside the experts.
  @Test func sharesStandBesideTheirExperts() throws {
    let desk = try Self.desk(110, 30)
    Self.fix(desk, [3_000, 1_192, 4_000, 0])
    desk.key(.character("1"), .character("X"))
    desk.settle()
    Self.fix(desk, [3_000, 1_192, 4_000, 0])
    let lines = Screen.draw(desk.state).plainText.split(separator: "\n")
    for (expert, share) in ["36.6 %", "14.6 %", "48.8 %", "0.0 %"].enumerated() {
      let line = try #require(lines.last { $0.contains("  expert \(expert)") })
      #expect(line.contains(share), "\(line)")
    }
  }
}
