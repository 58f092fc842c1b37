import CheckpointIO
import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// NaN and infinity are told on screen, and figures say against what and on which text.
@Suite struct NonFiniteViewTests {
  /// A desk with the small GPT, some of whose weights are set.
  private static func desk(_ set: [(tensor: String, at: Int, value: Float)]) throws -> Desk {
    let desk = try Desk { folder in
      let (entries, metadata) = SmallModels.gpt()
      let changed = entries.map { entry in
        var values = entry.values
        for change in set where change.tensor == entry.name { values[change.at] = change.value }
        return SmallModels.Entry(entry.name, entry.shape, values)
      }
      return try SmallModels.open(changed, metadata, in: folder)
    }
    (desk.state.columns, desk.state.rows) = (120, 30)
    desk.settle()
    return desk
  }

  private func text(_ desk: Desk) -> String { Screen.draw(desk.state).plainText }

  @Test func blocksMarkAndCountThem() throws {
    let desk = try Self.desk([
      ("h.0.attn.c_attn.weight", 5, .nan), ("h.0.attn.c_attn.weight", 6, .infinity),
      ("h.1.mlp.c_fc.weight", 0, .nan), ("ln_f.weight", 0, .nan),
    ])
    let screen = text(desk)
    #expect(screen.contains("! 3 NaN and 1 infinite"), "\(screen)")
    #expect(screen.contains("! here: 1 stayed NaN, 1 stayed infinite"), "\(screen)")
    let marks = screen.split(separator: "\n").filter { $0.contains("!100 %") }
    #expect(marks.count == 2, "\(screen)")
  }

  @Test func aSoundModelHasNoMarks() throws {
    let desk = try Self.desk([])
    #expect(!text(desk).contains("!"))
  }

  @Test func errorsAgainstABrokenOriginalAreNoNumbers() throws {
    let desk = try Self.desk([("h.0.attn.c_attn.weight", 5, .infinity)])
    // An infinite weight is never pruned; that of rounding is refused.
    desk.perform([.run(desk.step("prune"), on: .original)])
    desk.settle()
    desk.key(.character("3"))
    desk.settle()
    let screen = text(desk)
    #expect(screen.contains("! here: 1 stayed infinite"), "\(screen)")
  }

  @Test func figuresSayAgainstWhatAndOnWhichText() throws {
    let desk = try Self.desk([])
    desk.perform([.run(desk.step("prune"), on: .original)])
    desk.settle()
    let measuredOn = try #require(desk.state.tree.original.metrics.measuredOn)
    let blocks = text(desk)
    #expect(blocks.contains(" vs r0)") && blocks.contains("vs r0: KL "), "\(blocks)")
    #expect(
      blocks.contains(
        "loss on \(measuredOn); KL, agreement and error against r0, the original"), "\(blocks)")
    desk.key(.character("3"))
    desk.settle()
    let compare = text(desk)
    #expect(compare.contains("vs r0: loss +") && compare.contains("error here "), "\(compare)")
    desk.key(.character("7"))
    let history = text(desk)
    #expect(history.contains("revisions · loss on \(measuredOn)"), "\(history)")
  }
}
