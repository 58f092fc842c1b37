import Terminal
import Testing

@Suite struct ScriptTests {
  @Test func stepsAreRead() throws {
    let script = try Script(
      parsing: """
        # a comment
        key j down ^r alt-x f5 space

        type a b
        drag 2,1 4,1
        wheel up 3,4
        resize 20x5
        idle
        save-screen end
        """)
    #expect(
      script.steps == [
        .event(.key(.character("j"))), .event(.key(.down)), .event(.key(.control("r"))),
        .event(.key(.alt("x"))), .event(.key(.function(5))), .event(.key(.character(" "))),
        .event(.key(.character("a"))), .event(.key(.character(" "))),
        .event(.key(.character("b"))), .event(.mouse(Mouse(.press, x: 2, y: 1))),
        .event(.mouse(Mouse(.drag, x: 3, y: 1))), .event(.mouse(Mouse(.drag, x: 4, y: 1))),
        .event(.mouse(Mouse(.release, x: 4, y: 1))),
        .event(.mouse(Mouse(.wheelUp, .none, x: 3, y: 4))),
        .event(.resize(columns: 20, rows: 5)), .idle, .saveScreen("end"),
      ])
  }

  @Test(arguments: [
    "key", "key nonsense", "drag 1,2", "drag 1,2 3", "click x,y", "resize 0x5", "resize 5",
    "wheel 3,4", "save-screen", "idle now", "jump", "click 99999,0", "click -1,0",
  ])
  func nonsenseIsNamed(line: String) {
    #expect(throws: ScriptError(line: 2, text: line)) {
      try Script(parsing: "key j\n\(line)\nidle")
    }
  }

  @Test func keysHaveTheirNames() {
    let keys: [Key] = [
      .up, .pageDown, .escape, .backTab, .function(12), .control("c"), .alt("q"),
      .character("j"), .character("G"), .character(" "), .character("é"), .shiftLeft,
    ]
    for key in keys { #expect(Key(named: key.name) == key) }
  }

  @Test func idleLastsWhileWorkIsDone() throws {
    var work = 3
    let script = try Script(parsing: "key a\nidle\nsave-screen done\nkey b")
    let terminal = MemoryTerminal(columns: 4, rows: 1, script: script) {
      work -= 1
      return work >= 0
    }
    var events: [Event] = []
    while let event = terminal.nextEvent() {
      events.append(event)
      var grid = CellGrid(columns: 4, rows: 1)
      grid.put("\(events.count)", x: 0, y: 0)
      terminal.present(grid)
    }
    #expect(
      events == [.key(.character("a")), .wake, .wake, .wake, .key(.character("b"))])
    #expect(terminal.saved.map(\.name) == ["done"])
    #expect(terminal.saved.first?.frame.line(0) == "4")
    #expect(terminal.frames.count == 5)
  }
}
