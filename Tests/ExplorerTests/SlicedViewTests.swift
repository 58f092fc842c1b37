import Compression
import Explorer
import Tensors
import Terminal
import TestSupport
import Testing
import Workspace

/// Views of revisions whose layers are smaller than the original's, or gone.
@Suite struct SlicedViewTests {
  private static let smaller = "h.0.mlp.c_fc.weight"
  private static let gone = "h.1.attn.c_attn.weight"

  /// Half the channels of an MLP and all values of an attention are pruned, then sliced.
  private static func desk() throws -> Desk {
    let desk = try Desk { try SmallModels.open(in: $0) }
    var half = Prune()
    half.structure = .channel
    var all = half
    all.amount = 1
    desk.settle()
    for step in [
      Step(pass: half, layers: .matching(["block.0.mlp.c_fc"])),
      Step(pass: all, layers: .matching(["block.1.attn.c_attn"])), Step(pass: Slice()),
    ] {
      desk.perform([.run(step, on: desk.state.current)])
      desk.settle()
    }
    #expect(desk.state.current == RevisionID(3))
    return desk
  }

  private static func text(_ desk: Desk) -> String {
    desk.settle()
    return Screen.draw(desk.state).plainText
  }

  @Test func theLayerViewShowsWhatIsLeft() throws {
    let desk = try Self.desk()
    (desk.state.columns, desk.state.rows) = (110, 30)
    desk.key(.character("2"))
    desk.state.layer.open(Self.smaller)
    let smaller = Self.text(desk)
    #expect(smaller.contains("64 × 32, was 128 × 32"), "\(smaller)")
    // The cursor stays on what is left.
    desk.key(.end, .down, .character("+"), .character("+"))
    #expect(desk.state.layer.row == 63)
    #expect(Self.text(desk).contains("channel 63"))
    desk.state.layer.open(Self.gone)
    let gone = Self.text(desk)
    #expect(gone.contains("gone, was 96 × 32"), "\(gone)")
    #expect(gone.contains("r3 has no such layer: slicing took it out."))
    #expect(gone.contains("no weights") && !gone.contains("reading …"))
    desk.key(.end, .down, .right, .character("+"))
    #expect(!Self.text(desk).isEmpty)
  }

  @Test func compareSaysWhyThereIsNoDifference() throws {
    let desk = try Self.desk()
    (desk.state.columns, desk.state.rows) = (140, 36)
    desk.key(.character("3"))
    desk.state.layer.open(Self.smaller)
    desk.key(.character("d"))
    let text = Self.text(desk)
    #expect(text.contains("No difference to draw: this layer is"), "\(text)")
    #expect(text.contains("error here n/a, of another shape"))
    desk.state.layer.open(Self.gone)
    #expect(Self.text(desk).contains("and gone in r3"))
    // Layers of other shapes have changed most.
    desk.state.layer.open("h.0.attn.c_attn.weight")
    desk.key(.character("n"))
    #expect(desk.state.layer.name == Self.smaller)
  }

  @Test func blocksSayWhatIsGone() throws {
    let desk = try Self.desk()
    (desk.state.columns, desk.state.rows) = (140, 24)
    desk.key(.character("1"))
    let kept = Self.text(desk)
    #expect(kept.contains("gone"), "\(kept)")
    desk.state.blocks.quantity = .error
    #expect(Self.text(desk).contains("n/a"))
  }

  /// Every view and every picture of a layer, at sizes from nothing to large, also between
  /// revisions of different shapes and under the preview of slicing.
  @Test(arguments: [Self.smaller, Self.gone]) func everyFrameIsDrawn(_ name: String) throws {
    let desk = try Self.desk()
    func draw() {
      for (columns, rows) in [(1, 1), (20, 5), (80, 24), (200, 60)] {
        (desk.state.columns, desk.state.rows) = (columns, rows)
        desk.settle()
        _ = Screen.draw(desk.state)
        for kind in [Mouse.Kind.press, .drag, .wheelUp, .wheelDown, .release] {
          desk.handle(.mouse(Mouse(kind, x: columns * 3 / 4, y: rows / 2)))
        }
        desk.key(.end, .right, .up, .character("+"), .character("="), .home)
        desk.settle()
        _ = Screen.draw(desk.state)
      }
    }
    desk.state.layer.open(name)
    for revision in [RevisionID(3), RevisionID(2)] {
      desk.perform([.go(revision)])
      desk.settle()
      for view in ViewCatalog.all {
        desk.state.view = view.id
        desk.state.layer.open(name)
        guard view.drawsWeights else {
          draw()
          continue
        }
        for tab in LayerState.Tab.allCases {
          desk.state.layer.tab = tab
          draw()
        }
      }
    }
    desk.state.view = .layer
    desk.state.layer.tab = .mask
    desk.state.layer.open(name)
    desk.key(.character("i"))
    (desk.state.columns, desk.state.rows) = (110, 30)
    let sheet = Self.text(desk)
    #expect(sheet.contains("slice ▸ all 8 layers") && sheet.contains("would leave"), "\(sheet)")
    #expect(sheet.contains("Take out heads and channels"), "\(sheet)")
    draw()
    #expect(desk.state.notice?.isError != true, "\(desk.state.notice?.text ?? "")")
  }
}
