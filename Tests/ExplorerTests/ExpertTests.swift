import CheckpointIO
import Compression
import Explorer
import Terminal
import Tensors
import TestSupport
import Testing
import Workspace

/// Mixtures of experts in the Blocks view: folded, unfolded, and selected.
@Suite struct ExpertTests {
  private func desk() throws -> Desk {
    let desk = try Desk { try SmallModels.open(SmallModels.mixture(), in: $0) }
    (desk.state.columns, desk.state.rows) = (110, 24)
    desk.settle()
    return desk
  }

  private func screen(_ desk: Desk) -> String { Screen.draw(desk.state).plainText }

  private func lines(_ desk: Desk, with text: String) -> Int {
    screen(desk).split(separator: "\n").count { $0.contains(text) }
  }

  @Test func foldedAndUnfolded() throws {
    let desk = try desk()
    let step = Step(pass: Prune(), layers: .matching(["block.*.experts.3.*"]))
    desk.perform([.run(step, on: .original)])
    desk.settle()
    desk.state.jobs = []
    desk.key(.down)
    expectScreen(Screen.draw(desk.state), desk.state.theme, named: "experts-folded")
    desk.key(.character("x"), .down, .down, .right)
    desk.settle()
    desk.state.jobs = []
    expectScreen(Screen.draw(desk.state), desk.state.theme, named: "experts-unfolded")
  }

  /// Each weight matrix stands in one cell; columns do not grow with the experts.
  @Test func columnsAreKindsWithoutNumbers() throws {
    let folder = TemporaryFolder()
    let checkpoint = try SmallModels.open(SmallModels.mixture(), in: folder)
    let model = ModelMap(checkpoint)
    #expect(
      Set(model.kinds) == [
        "self_attn.o_proj", "mlp.gate", "mlp.experts.*.up_proj", "mlp.experts.*.down_proj",
        "mlp.up_proj",
      ])
    #expect(model.kinds.count == 5)
    #expect(model.rows.map(\.expertCount) == [0, 4, 4])
    #expect(model.layers.map(\.name).sorted() == checkpoint.parameters.map(\.name).sorted())
    for row in model.rows {
      let cells = row.layers.map { [$0.column, $0.expert ?? -1] }
      #expect(Set(cells).count == cells.count)
    }
  }

  @Test func foldingUndoesUnfolding() throws {
    let desk = try desk()
    desk.key(.down)
    let folded = screen(desk)
    desk.key(.character("x"))
    desk.settle()
    #expect(lines(desk, with: "  expert ") == 4)
    // Also from within, the cursor comes back to the block.
    desk.key(.down, .down, .down, .character("x"))
    #expect(screen(desk) == folded)
    desk.key(.character("X"))
    #expect(lines(desk, with: "  expert ") == 8)
    desk.key(.character("X"))
    #expect(screen(desk) == folded)
  }

  @Test func aBlockWithoutExpertsSaysSo() throws {
    let desk = try desk()
    let before = screen(desk)
    desk.key(.character("x"))
    #expect(desk.state.notice?.text == "This row has no experts to unfold.")
    desk.state.notice = nil
    #expect(screen(desk) == before)
    let dense = try Desk { try SmallModels.open(in: $0) }
    for key in ["x", "X"] as [Character] {
      dense.key(.character(key))
      #expect(dense.state.notice?.text == "This checkpoint has no experts to unfold.")
    }
  }

  /// Enter unfolds where several layers stand, and opens where one does.
  @Test func enterUnfoldsOrOpens() throws {
    let desk = try desk()
    let column = try #require(
      desk.state.model.kinds.firstIndex { $0 == "mlp.experts.*.up_proj" })
    desk.key(.down)
    for _ in 0..<column { desk.key(.right) }
    desk.key(.character(" "))
    #expect(
      desk.state.marked
        == Set((0..<4).map { "model.layers.1.mlp.experts.\($0).up_proj.weight" }))
    desk.key(.character(" "))
    #expect(desk.state.marked.isEmpty)
    desk.key(.enter)
    #expect(desk.state.view == .blocks && lines(desk, with: "  expert ") == 4)
    desk.key(.down, .down, .down, .enter)
    #expect(desk.state.view == .layer)
    #expect(desk.state.layer.name == "model.layers.1.mlp.experts.2.up_proj.weight")
  }

  /// A filter leaves the experts that match, and their blocks.
  @Test func filtersReachIntoBlocks() throws {
    let desk = try desk()
    desk.key(.character("X"), .character("/"))
    desk.type("experts.2.")
    desk.key(.enter)
    #expect(lines(desk, with: "  expert 2") == 2 && lines(desk, with: "  expert ") == 2)
    #expect(lines(desk, with: "4 experts") == 2)
  }

  @Test func placesAreComeBackTo() throws {
    let desk = try desk()
    desk.key(.character("X"), .end)
    desk.settle()
    var other = AppState(
      model: desk.state.model, tree: desk.state.tree, theme: desk.state.theme)
    other.restore(desk.state.place)
    #expect(other.place == desk.state.place)
    other.restore(["unfolded": "0 7 -1 99999999999999999999 x 2", "blocksRow": "99"])
    #expect(other.place["unfolded"] == "2" && other.place["blocksRow"] == "6")
  }

  /// A row of the router stands beside the expert that it scores.
  @Test func routingWeightsStandBesideTheirExperts() throws {
    let desk = try desk()
    desk.key(.down, .character("x"))
    desk.settle()
    let gate = try #require(
      SmallModels.mixture().first { $0.name == "model.layers.1.mlp.gate.weight" })
    let lines = screen(desk).split(separator: "\n")
    for expert in 0..<4 {
      let row = gate.values[expert * gate.shape[1]..<(expert + 1) * gate.shape[1]]
      let norm = row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let line = try #require(lines.first { $0.contains("  expert \(expert)") })
      #expect(line.contains(Decimal.text(norm, 3)), "\(line)")
    }
  }

  /// Patterns select experts by path; only by name passes touch routers.
  @Test func selectionsOfExperts() throws {
    let folder = TemporaryFolder()
    let parameters = try SmallModels.open(SmallModels.mixture(), in: folder).parameters
    let names = { (layers: LayerSelection) in Set(layers.of(parameters).map(\.name)) }
    let third = names(.matching(["block.*.experts.3.*"]))
    #expect(third.count == 4 && third.allSatisfy { $0.contains(".experts.3.") })
    let routers = Set(parameters.map(\.name).filter { $0.contains("mlp.gate") })
    #expect(routers.count == 2)
    #expect(names(.all) == Set(parameters.map(\.name)).subtracting(routers))
    #expect(names(.matching(["block.*.mlp.gate"])) == routers)
    #expect(names(.named(Array(routers))) == routers)
    for kind in ModelMap(try SmallModels.open(SmallModels.mixture(), in: folder)).kinds {
      #expect(!names(.matching(["block.*." + kind])).isEmpty)
    }
  }

  /// What is drawn from kept totals is what is drawn from the figures.
  @Test(arguments: BlocksState.Quantity.allCases)
  func totalsAreThoseOfTheFigures(_ quantity: BlocksState.Quantity) throws {
    let desk = try desk()
    desk.perform([.run(desk.step("prune"), on: .original)])
    desk.settle()
    desk.state.blocks.quantity = quantity
    desk.key(.down, .character("x"), .character("o"))
    desk.settle()
    var fresh = desk.state
    fresh.forgetOverview()
    #expect(Screen.draw(fresh).plainText == screen(desk))
  }
}
