import CheckpointIO
import Compression
import Explorer
import Terminal
import TestSupport
import Testing
import Workspace

@Suite struct ViewLawTests {
  static let sizes = [(1, 1), (20, 5), (60, 16), (80, 24), (160, 50), (200, 60)]

  /// Draws each view in areas that lie within a larger grid; nothing outside
  /// an area may change.
  @Test(arguments: ["small"] + SmallModels.odd)
  func viewsDrawInsideTheirAreas(_ model: String) throws {
    let desk = try Desk { try Self.open(model, $0) }
    for view in ViewCatalog.all {
      desk.state.view = view.id
      desk.settle()
      for (width, height) in Self.sizes {
        for (x, y) in [(0, 0), (3, 2)] {
          let area = Rect(x: x, y: y, width: width, height: height)
          let sentinel = Cell("?", Style())
          var grid = CellGrid(columns: width + 7, rows: height + 5, filledWith: sentinel)
          view.draw(desk.state, on: &grid, in: area)
          for row in 0..<grid.rows {
            for column in 0..<grid.columns where !area.contains(x: column, y: row) {
              #expect(
                grid[column, row] == sentinel,
                "\(view.id) wrote at \(column), \(row), outside \(width)×\(height)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: ["small"] + SmallModels.odd, sizes.map { [$0.0, $0.1] })
  func screensAreDrawnAtEverySize(_ model: String, _ size: [Int]) throws {
    let desk = try Desk { try Self.open(model, $0) }
    (desk.state.columns, desk.state.rows) = (size[0], size[1])
    for view in ViewCatalog.all {
      desk.state.view = view.id
      desk.settle()
      desk.key(.character("p"))
      _ = Screen.draw(desk.state)
      desk.key(.escape, .character("?"))
      let frame = Screen.draw(desk.state)
      #expect(frame.columns == size[0] && frame.rows == size[1])
      desk.key(.escape)
    }
  }

  /// Keys of a view that mean something else everywhere else.
  static let overridden: [String: Set<String>] = [:]

  @Test func bindingsHaveHelpAndKeysOfTheirOwn() {
    let global = Set(GlobalKeys.bindings.flatMap(\.keys))
    for view in ViewCatalog.all {
      check(view.bindings, "the \(view.title) view")
      let both = Set(view.bindings.flatMap(\.keys)).intersection(global)
      #expect(
        Set(both.map(\.label)) == Self.overridden[view.title] ?? [],
        "keys of the \(view.title) view hide keys that work everywhere")
    }
    check(GlobalKeys.bindings, "everywhere")
    check(SheetKeys.bindings, "the sheet")
    check(HelpKeys.bindings, "the help")
  }

  private func check(_ bindings: [Binding], _ place: String) {
    for binding in bindings {
      #expect(!binding.help.isEmpty && !binding.keys.isEmpty)
      #expect(binding.label != "")
    }
    let keys = bindings.flatMap(\.keys)
    for key in Set(keys) {
      #expect(keys.filter { $0 == key }.count == 1, "\(key.label) is bound twice in \(place)")
    }
  }

  @Test func everyPassHasAKeyAndEveryViewItsDigit() {
    for pass in PassCatalog.all {
      #expect(GlobalKeys.bindings.contains { $0.help.hasPrefix("\(pass.name): ") })
    }
    var digits: Set<Character> = []
    var ids: [ViewID] = []
    for view in ViewCatalog.all {
      digits.insert(view.id.digit)
      ids.append(view.id)
    }
    #expect(digits.count == ids.count && Set(ids).count == ids.count)
    #expect(ids.map { ViewID(rawValue: $0.rawValue) } == ids)
    #expect(ViewID(rawValue: "none") == nil)
  }

  /// No view writes over what another keeps with the session.
  @Test func placesHaveNamesOfTheirOwn() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    let names =
      ViewCatalog.all.flatMap { $0.place(desk.state).keys } + desk.state.sharedPlace.keys
    #expect(Set(names).count == names.count)
    #expect(desk.state.place.count == names.count)
  }

  /// What a view lacks is asked for once, and not again when it has come.
  @Test func demandsAreMadeOnce() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    for view in ViewCatalog.all {
      desk.state.view = view.id
      let first = desk.state.newDemands()
      let again = desk.state.newDemands()
      #expect(again.isEmpty)
      #expect(Set(first).count == first.count)
      desk.perform(first)
      desk.settle()
      #expect(view.demands(desk.state, in: desk.area).isEmpty, "\(view.id) still lacks something")
    }
  }

  static func open(_ model: String, _ folder: TemporaryFolder) throws -> Checkpoint {
    model == "small"
      ? try SmallModels.open(in: folder)
      : try SmallModels.open(SmallModels.entries(model), in: folder)
  }
}
