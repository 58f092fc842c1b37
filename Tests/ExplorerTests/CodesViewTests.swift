import CheckpointIO
import Compression
import Explorer
import Tensors
import Terminal
import TestSupport
import Testing
import Workspace

/// The codes of a layer that is stored in blocks, or lies on a grid.
@Suite struct CodesViewTests {
  private static let name = "model.layers.0.mlp.up_proj.weight"

  /// One matrix in blocks of a format, and one of f32 numbers.
  private static func open(_ format: BlockFormat, in folder: TemporaryFolder) throws -> Checkpoint {
    var random = SplitMix64(seed: 31)
    let source = try SmallModels.open(
      [
        SmallModels.Entry(name, [24, 512], &random),
        SmallModels.Entry("model.layers.0.self_attn.o_proj.weight", [24, 24], &random),
      ], in: folder)
    let path = folder.file("small.gguf")
    try GGUFPlan.make(parameters: source.parameters, of: source, storage: .blocks(format)).write(
      to: path)
    return try Checkpoint.open(path)
  }

  private static func desk(_ format: BlockFormat, _ columns: Int, _ rows: Int) throws -> Desk {
    let desk = try Desk { try open(format, in: $0) }
    (desk.state.columns, desk.state.rows) = (columns, rows)
    desk.key(.character("2"))
    desk.state.layer.open(name)
    desk.state.layer.tab = .codes
    desk.settle()
    return desk
  }

  @Test(arguments: [BlockFormat.q4K, .q8_0], [[80, 24], [160, 50]])
  func screens(_ format: BlockFormat, _ size: [Int]) throws {
    let desk = try Self.desk(format, size[0], size[1])
    desk.key(.down, .shiftRight)
    expectScreen(
      Screen.draw(desk.state), desk.state.theme,
      named: "codes-\(format.rawValue.lowercased())-\(size[0])")
  }

  @Test func aPrunedLayerKeepsItsCodesAndAGridHasItsOwn() throws {
    let desk = try Self.desk(.q4_0, 110, 30)
    let original = try #require(desk.state.codes(Self.name, .original))
    #expect(original.figures?.count == 24 * 512 && original.complaint == nil)
    // The file's own bits, as the bar and the heading say them.
    #expect(Screen.draw(desk.state).plainText.contains("24 × 512 · Q4_0"))
    #expect(Screen.draw(desk.state).plainText.contains(" 4.50 b/w"))
    desk.perform([.run(desk.step("prune"), on: .original)])
    desk.settle()
    let pruned = try #require(desk.state.codes(Self.name, desk.state.current))
    let kept = try #require(pruned.figures?.count)
    #expect(kept > 0 && kept <= 24 * 512 / 2 && pruned.complaint == nil)
    let screen = Screen.draw(desk.state).plainText
    #expect(screen.contains("24 × 512 · Q4_0"), "\(screen)")
    #expect(screen.contains("under a mask"), "\(screen)")
    #expect(!screen.contains("b 32"), "\(screen)")
    desk.perform([.run(desk.step("quantize"), on: .original)])
    desk.settle()
    let id = try #require(desk.state.tree.revisions.last?.id)
    desk.perform([.go(id)])
    desk.settle()
    let quantized = try #require(desk.state.codes(Self.name, id))
    #expect(quantized.figures?.count == 24 * 512)
    #expect(Screen.draw(desk.state).plainText.contains("a grid, codes of"))
  }

  @Test func numbersHaveNoCodes() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.key(.character("2"))
    desk.state.layer.tab = .codes
    desk.settle()
    #expect(Screen.draw(desk.state).plainText.contains("numbers of type f32"))
  }

  /// In this picture a step is one weight, and the group is the one under the cursor.
  @Test(arguments: [BlockFormat.q4K, .q6K, .q5_1, .iq4NL].filter(\.isWritable))
  func theGroupUnderTheCursorIsTheWeights(format: BlockFormat) throws {
    let desk = try Self.desk(format, 160, 50)
    desk.key(.right, .right, .down, .shiftRight)
    #expect(desk.state.layer.row == 1 && desk.state.layer.column == 12)
    let codes = try #require(desk.state.codes(Self.name, .original))
    let tensor = try #require(desk.state.snapshot(Self.name, .original)).tensor
    for (row, column) in [(0, 0), (1, 12), (7, 255), (7, 256), (23, 511)] {
      let group = try #require(codes.group(row: row, column: column, of: tensor))
      #expect(group.rows == row..<row + 1 && group.columns.contains(column))
      #expect(group.weights == group.columns.map { tensor[row, $0] })
      for (code, weight) in zip(group.codes, group.weights) {
        let product = Float(code) * group.scale
        #expect(group.minimum.map { product + $0 } ?? product == weight)
      }
    }
    #expect(codes.group(row: 24, column: 0, of: tensor) == nil)
  }

  @Test(arguments: ViewLawTests.sizes.map { [$0.0, $0.1] })
  func nothingIsDrawnOutside(_ size: [Int]) throws {
    for format in [BlockFormat.q8_0, .q4K] {
      let desk = try Self.desk(format, 110, 30)
      for view in [LayerView.self, CompareView.self] as [any View.Type] {
        desk.state.view = view.id
        desk.settle()
        let area = Rect(x: 3, y: 2, width: size[0], height: size[1])
        let sentinel = Cell("?", Style())
        var grid = CellGrid(columns: area.right + 4, rows: area.bottom + 3, filledWith: sentinel)
        view.draw(desk.state, on: &grid, in: area)
        for row in 0..<grid.rows {
          for column in 0..<grid.columns where !area.contains(x: column, y: row) {
            #expect(grid[column, row] == sentinel, "\(view.id) wrote at \(column), \(row)")
          }
        }
      }
    }
  }
}
