import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

/// A small view as somebody would add one: it counts, by a key and by a command.
private enum CountView: View {
  struct State: ViewState {
    var count = 0
  }

  static let id = ViewID("count")
  static let title = "Count"

  static let bindings: [Binding] = [
    Binding(.character("+"), label: "more", help: "count one more") { state in
      state[CountView.self].count += 1
      return []
    }
  ]

  static let commands: [Command] = [
    Command(
      "count", "count N", "count from a number", completing: { _, _ in ["nought", "seven"] }
    ) { state, words in
      state[CountView.self].count = words.first == "seven" ? 7 : 0
      return state.show(id)
    }
  ]

  static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    grid.put("counted \(state[CountView.self].count)", x: area.x, y: area.y, in: area)
  }

  static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] { [] }

  static func place(_ state: AppState) -> [String: String] {
    ["count": String(state[CountView.self].count)]
  }

  static func restore(_ place: [String: String], _ state: inout AppState) {
    state[CountView.self].count = place["count"].flatMap { Int($0) } ?? 0
  }
}

/// What one line in `ViewCatalog.all` gives a view.
@Suite struct AddedViewTests {
  private func desk() throws -> Desk {
    let desk = try Desk { try SmallModels.open(in: $0) }
    (desk.state.columns, desk.state.rows) = (160, 50)
    return desk
  }

  private func screen(_ desk: Desk) -> String { Screen.draw(desk.state).plainText }

  private func added<Result>(_ body: () throws -> Result) rethrows -> Result {
    try ViewCatalog.$all.withValue(ViewCatalog.all + [CountView.self], operation: body)
  }

  @Test func itsKeysWork() throws {
    try added {
      let desk = try desk()
      #expect(screen(desk).contains("8 Count"))
      desk.key(.character("8"), .character("+"), .character("+"))
      #expect(desk.state.view == CountView.id && screen(desk).contains("counted 2"))
      #expect(screen(desk).contains("+ more"))
      desk.key(.escape)
      #expect(desk.state.view == .blocks)
    }
  }

  @Test func itsCommandWorksEverywhere() throws {
    try added {
      let desk = try desk()
      desk.key(.character(":"))
      desk.type("coun")
      #expect(desk.state.prompt?.completions == ["count"])
      desk.key(.tab)
      desk.type("se")
      #expect(desk.state.prompt?.completions == ["seven"])
      desk.key(.tab, .enter)
      #expect(screen(desk).contains("counted 7"))
    }
  }

  @Test func itIsInTheHelp() throws {
    try added {
      let desk = try desk()
      for (search, key, text) in [
        ("the count", "8", "the Count view"), ("count n", "count N", "count from a number"),
      ] {
        desk.key(.character("?"), .character("/"))
        desk.type(search)
        let lines = screen(desk).split(separator: "\n")
        #expect(lines.contains { $0.contains("\(key) ") && $0.contains(text) }, "\(search)")
        desk.key(.escape, .escape)
      }
      desk.key(.character("8"), .character("?"))
      let lines = screen(desk).split(separator: "\n")
      #expect(lines.contains { $0.contains("+ ") && $0.contains("count one more") })
    }
  }

  @Test func whatItKeepsComesBack() throws {
    try added {
      let desk = try desk()
      _ = desk.state.execute("count seven")
      desk.key(.character("+"))
      let other = try self.desk()
      other.state.restore(desk.state.place)
      #expect(other.state.view == CountView.id && other.state[CountView.self].count == 8)
      #expect(other.state.place == desk.state.place)
      // A session from before there was such a view.
      let before = desk.state.place.filter { $0.key != "count" }
      other.state.restore(before.merging(["view": "layer"]) { $1 })
      #expect(other.state.view == .layer && other.state[CountView.self].count == 0)
    }
  }

  /// Where it is not in the list, nothing is left of it.
  @Test func withoutItsLineItIsNowhere() throws {
    let desk = try desk()
    desk.key(.character("8"))
    #expect(desk.state.view == .blocks && !screen(desk).contains("Count"))
    _ = desk.state.execute("count seven")
    #expect(desk.state.notice?.text == "There is no command ‘count’; ? lists them.")
    desk.state.restore(["view": "count", "count": "3"])
    #expect(desk.state.view == .blocks && desk.state.place["count"] == nil)
  }

  /// A place as earlier versions kept it, all of which comes back.
  @Test func earlierPlacesAreRead() throws {
    let desk = try desk()
    let name = "h.1.mlp.c_proj.weight"
    let earlier = [
      "view": "compare", "bars": "bytes", "blocksRow": "2", "blocksColumn": "1", "unfolded": "",
      "marked": "h.0.attn.c_attn.weight\n\(name)", "layer": name, "row": "3",
      "column": "5", "zoom": "1", "picture": "tiles",
    ]
    desk.state.restore(earlier)
    #expect(desk.state.place == earlier)
    #expect(desk.state.marked.count == 2 && desk.state.layer.name == name)
    #expect(desk.state.blocks.quantity == .bytes && desk.state.blocks.row == 2)
  }
}
