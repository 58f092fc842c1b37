import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// Keys and mouse at random, at changing sizes: nothing traps, all is drawn.
@Suite struct RandomWalkTests {
  static let keys: [Key] = {
    let bound =
      ViewCatalog.all.flatMap { $0.bindings.flatMap(\.keys) }
      + (GlobalKeys.bindings + SheetKeys.bindings + HelpKeys.bindings).flatMap(\.keys)
    let others: [Key] = [
      .backspace, .delete, .insert, .control("a"), .control("w"), .control("k"), .alt("x"),
      .function(5), .character("é"), .character("漢"), .character("-"), .character("."),
    ]
    return bound + others
  }()

  static let commands = [
    "prune --amount 0.5", "prune --amount 7", "quantize --bits 3 --layers '*'", "target 9e8gb",
    "target loss 1e308", "target 0.1b", "target off", "compare r1 r0", "compare r9", "go r1",
    "go r0", "layer nothing", "theme mono", "theme day", "nonsense", "'", "help", "undo", "eval",
    "generate abc", "generate xyz", "",
  ]

  @Test(arguments: ["small"] + SmallModels.odd, [UInt64(1), 2, 3])
  func nothingTraps(_ model: String, _ seed: UInt64) throws {
    print("random walk over \(model), seed \(seed)")
    var random = SplitMix64(seed: seed)
    let desk = try Desk { try ViewLawTests.open(model, $0) }
    for step in 0..<1_500 {
      desk.handle(Self.event(step, desk.state, &random))
      let frame = Screen.draw(desk.state)
      #expect(frame.columns == desk.state.columns && frame.rows == desk.state.rows)
      guard desk.state.view == .blocks, desk.state.blocks.quantity != .kept else { continue }
      // What is kept between frames is what would be worked out anew.
      var fresh = desk.state
      fresh.forgetOverview()
      let again = Screen.draw(fresh)
      // Not the lines below, where the time that a job has left goes by.
      let area = desk.area
      #expect(
        (area.y..<area.bottom).allSatisfy { y in
          (area.x..<area.right).allSatisfy { again[$0, y] == frame[$0, y] }
        })
    }
    desk.workbench.cancelAll()
    desk.settle()
    _ = Screen.draw(desk.state)
  }

  private static func event(
    _ step: Int, _ state: AppState, _ random: inout SplitMix64
  ) -> Event {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<3:
      return .resize(
        columns: [1, 20, 59, 60, 61, 80, 110, 200].randomElement(using: &random) ?? 80,
        rows: [1, 5, 15, 16, 17, 24, 50].randomElement(using: &random) ?? 24)
    case 3..<25:
      let kinds: [Mouse.Kind] = [.press, .release, .drag, .move, .wheelUp, .wheelDown]
      return .mouse(
        Mouse(
          kinds.randomElement(using: &random) ?? .press,
          x: Int.random(in: 0...state.columns, using: &random),
          y: Int.random(in: 0...state.rows, using: &random)))
    case 25..<28:
      return .paste((commands.randomElement(using: &random) ?? "") + "\nx")
    case 28..<34 where state.prompt?.purpose == .command && state.prompt?.editor.string == "":
      return .paste(commands.randomElement(using: &random) ?? "")
    case 34..<36: return [.resumed, .wake].randomElement(using: &random) ?? .wake
    default: return .key(keys.randomElement(using: &random) ?? .enter)
    }
  }
}
