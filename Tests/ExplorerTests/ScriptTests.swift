import CheckpointIO
import Compression
import Explorer
import Foundation
import Jobs
import Tensors
import Terminal
import TestSupport
import Testing
import Workspace

/// The explorer on a terminal in memory, with a real workbench.
final class Play {
  let app: ExplorerApp
  let workbench: Workbench
  let terminal: MemoryTerminal

  /// `script` is what the user does; every `@/` in it becomes the folder.
  init(
    _ script: String, in folder: TemporaryFolder, columns: Int = 80, rows: Int = 24,
    theme: Theme = ThemeCatalog.all[0]
  ) throws {
    let path = folder.file("small.safetensors")
    let checkpoint =
      FileManager.default.fileExists(atPath: path)
      ? try Checkpoint.open(path) : try SmallModels.open(in: folder)
    let session = Session(directory: folder.path, checkpoint: checkpoint)
    let workbench = try Workbench(checkpoint: checkpoint, threads: 2, session: session)
    self.workbench = workbench
    terminal = MemoryTerminal(
      columns: columns, rows: rows,
      script: try Script(parsing: script.replacing("@/", with: folder.path + "/"))
    ) {
      if workbench.isIdle { return false }
      workbench.mailbox.wait(milliseconds: 1_000)
      return true
    }
    terminal.keepsFrames = false
    app = ExplorerApp(workbench: workbench, terminal: terminal, theme: theme)
    #expect(app.run() == nil)
  }

  /// A screen that the script kept.
  func screen(_ name: String) -> String {
    terminal.saved.last { $0.name == name }?.frame.plainText ?? "(no screen \(name))"
  }

  /// Whether a kept screen shows all these texts.
  func expect(
    _ name: String, shows texts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let screen = screen(name)
    for text in texts {
      #expect(
        screen.contains(text), "\(text) is not on:\n\(screen)", sourceLocation: sourceLocation)
    }
  }
}

@Suite struct ScriptTests {
  @Test func theWholeRound() throws {
    let folder = TemporaryFolder()
    let play = try Play(
      """
      idle
      save-screen start
      key down right enter
      idle
      save-screen layer
      key + + j l
      save-screen zoomed
      key tab
      save-screen magnitude
      key 1 p
      idle
      save-screen sheet
      key right right right right right
      idle
      save-screen turned
      key y
      save-screen command
      key esc enter
      idle
      save-screen pruned
      key 3
      idle
      save-screen compare
      key d
      save-screen difference
      key u
      idle
      save-screen undone
      key ^r
      idle
      save-screen redone
      key u z enter
      idle
      key 7
      save-screen branched
      key D
      save-screen asked
      key D
      idle
      save-screen deleted
      key 5
      save-screen frontier
      """, in: folder)
    play.expect("start", shows: "pare  small.safetensors", "r0 original", "attn.c_attn", "loss ")
    #expect(!play.screen("start").contains("…"), "something is missing:\n\(play.screen("start"))")
    play.expect("layer", shows: "block 1 · attn.c_proj", "32 × 32", "weights", "channel 0")
    play.expect("zoomed", shows: "weight [1, 1]")
    play.expect("magnitude", shows: "mean |w|")
    play.expect("sheet", shows: "prune ▸ all 8 layers", "50 %", "would leave", "sparsity 50.0 %")
    play.expect("turned", shows: "55 %", "sparsity 55.0 %")
    play.expect("command", shows: "pare prune", "/small.safetensors", "0.55 -o OUT.safetensors")
    #expect(
      play.terminal.copied == "pare prune \(folder.path)/small.safetensors --amount 0.55 "
        + "-o OUT.safetensors")
    play.expect("pruned", shows: "r1 prune", "sparsity 55.0 %", "45 %")
    play.expect("compare", shows: "r0 original", "r1 prune", "vs r0: loss ", "error here ")
    play.expect("difference", shows: "lost ", "gained 0")
    play.expect("undone", shows: "r0 original", "sparsity 0.0 %")
    play.expect("redone", shows: "r1 prune")
    play.expect("branched", shows: "● r1 prune", "◆ r2 quantize")
    play.expect("asked", shows: "Press D again to delete r2")
    #expect(!play.screen("deleted").contains("r2 quantize"))
    play.expect("frontier", shows: "loss over bytes", "◆r0", "●r1")
    #expect(play.workbench.tree.revisions.count == 2)
  }

  @Test func theCommandLine() throws {
    let folder = TemporaryFolder()
    let play = try Play(
      """
      idle
      key :
      type pr
      save-screen completions
      key tab
      type --am
      key tab
      type 0.25
      save-screen typed
      key enter
      idle
      save-screen pruned
      key :
      type recipe @/made.yaml
      key enter
      save-screen recipe
      key :
      type save @/out.safetensors
      key enter
      idle
      save-screen saved
      key :
      type save @/out.safetensors
      key enter
      idle
      save-screen refused
      key :
      type go r0
      key enter
      idle
      key :
      type run @/made.yaml
      key enter
      idle
      save-screen replayed
      key :
      type export @/view.txt
      key enter
      key :
      type export @/view.svg
      key enter
      key :
      type prune --amount 7
      key enter
      save-screen range
      key :
      type flatten
      key enter
      save-screen unknown
      key :
      type prune --amount 0.5 --layers none.*
      key enter
      idle
      save-screen nothing
      key :
      key up
      save-screen recalled
      key esc :
      type generate ab
      key enter
      idle
      save-screen samples
      """, in: folder)
    play.expect("completions", shows: ":pr", "prune")
    play.expect("typed", shows: ":prune --amount 0.25")
    play.expect("pruned", shows: "sparsity 25.0 %")
    play.expect("recipe", shows: "Wrote the recipe of r1")
    play.expect("saved", shows: "Saved ")
    play.expect("refused", shows: "!")
    play.expect("replayed", shows: "r2 prune", "sparsity 25.0 %")
    play.expect("range", shows: "a number from 0.0 to 1.0, not 7")
    play.expect("unknown", shows: "There is no command ‘flatten’")
    play.expect("nothing", shows: "no layer matches none.*")
    play.expect("recalled", shows: ":prune --amount 0.5 --layers none.*")
    play.expect("samples", shows: "prompt: ab", "tok/s")
    let saved = try Checkpoint.open(folder.file("out.safetensors"))
    let weights = try saved.parameters.linearLayers.map { try $0.tensor().array }
    #expect(weights.joined().filter { $0 == 0 }.count == weights.joined().count / 4)
    let text = String(decoding: TemporaryFolder.bytes(folder.file("view.txt")), as: UTF8.self)
    #expect(text.contains("pare  small.safetensors") && !text.contains("\u{1B}"))
    let drawing = String(decoding: TemporaryFolder.bytes(folder.file("view.svg")), as: UTF8.self)
    #expect(drawing.hasPrefix("<svg") || drawing.hasPrefix("<?xml"))
  }

  /// Text has no colours: what is kept must show in the glyphs.
  @Test func exportedTextTellsKeptFromPruned() throws {
    let folder = TemporaryFolder()
    _ = try Play(
      """
      key 2
      idle
      key :
      type export @/kept.txt
      key enter :
      type prune --structure channel
      key enter
      idle
      key :
      type export @/pruned.txt
      key enter
      """, in: folder)
    func glyphs(_ name: String) -> Set<Character> {
      Set(String(decoding: TemporaryFolder.bytes(folder.file(name)), as: UTF8.self))
    }
    #expect(glyphs("kept.txt").contains("█"))
    #expect(glyphs("kept.txt") != glyphs("pruned.txt"))
  }

  @Test func filterHelpAndMarks() throws {
    let play = try Play(
      """
      idle
      key /
      type mlp
      save-screen filtering
      key enter
      save-screen filtered
      key esc ?
      save-screen help
      key /
      type undo
      key enter
      save-screen searched
      wheel up 20,10
      key esc
      key space down space
      save-screen marked
      key p
      idle
      save-screen sheet
      key enter
      idle
      save-screen pruned
      """, in: TemporaryFolder())
    play.expect("filtering", shows: "/mlp")
    play.expect("help", shows: "The Blocks view", "open the layer under the cursor")
    play.expect("searched", shows: "help · /undo", "go back to the revision")
    #expect(!play.screen("searched").contains("open the layer"))
    play.expect("marked", shows: "2 marked", "*")
    play.expect("sheet", shows: "prune ▸ 2 marked of 8 layers")
    play.expect("pruned", shows: "r1 prune")
    let step = play.workbench.tree[RevisionID(1)]?.step
    #expect(step?.layers == .named(play.app.state.marked.sorted()))
  }

  @Test func smallScreensRecover() throws {
    let play = try Play(
      """
      idle
      save-screen before
      resize 20x5
      save-screen small
      key 2 1
      resize 80x24
      save-screen after
      """, in: TemporaryFolder())
    play.expect("small", shows: "20×5", "needs 60×16")
    #expect(play.screen("before") == play.screen("after"))
  }

  @Test func theMouse() throws {
    let play = try Play(
      """
      idle
      click 13,1
      idle
      save-screen tab
      key 1
      click 12,4
      click 12,4
      idle
      save-screen opened
      wheel up 60,12
      save-screen zoomed
      key 1 p
      idle
      """, in: TemporaryFolder())
    #expect(play.screen("tab").contains("channel 0"))
    play.expect("opened", shows: "block ")
    #expect(play.screen("zoomed") != play.screen("opened"))
    let layout = FrameLayout(play.app.state)
    #expect(layout.sheet != nil)
  }

  @Test func aDialIsDragged() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.settle()
    desk.key(.character("p"))
    let area = try #require(FrameLayout(desk.state).sheet)
    let frame = Screen.draw(desk.state)
    let y = try #require((area.y..<area.bottom).first { frame.line($0).contains("amount") })
    let x = try #require((0..<frame.columns).first { frame[$0, y].text == "●" })
    desk.handle(.mouse(Mouse(.press, x: x, y: y)))
    for column in x...frame.columns - 1 { desk.handle(.mouse(Mouse(.drag, x: column, y: y - 3))) }
    desk.handle(.mouse(Mouse(.release, x: 79, y: y)))
    desk.settle()
    let amount = desk.state.sheet?.dials.first { $0.name == "amount" }?.value
    #expect(amount == .number(1))
    #expect(desk.state.sheet?.preview?.whole?.sparsity == 1)
  }

  /// Every figure of a pass is on the screen, also on a narrow one.
  @Test(arguments: [[80, 24], [100, 30], [143, 40], [144, 40], [154, 40], [160, 50]])
  func allMetricsOfAPassAreShown(_ size: [Int]) throws {
    let folder = TemporaryFolder()
    let play = try Play(
      "idle\nkey p enter\nidle\nsave-screen pruned", in: folder, columns: size[0], rows: size[1])
    play.expect(
      "pruned", shows: "loss ", "ppl ", "(", "sparsity 50.0 %", "KL ", "agrees ", "error ",
      " tok/s")
  }

  /// 60 typed where a share is wanted is 60 %.
  @Test(arguments: ["60", "60%", "0.6"])
  func sharesMayBeTypedInPerCent(_ text: String) throws {
    let folder = TemporaryFolder()
    let play = try Play(
      "idle\nkey p\ntype \(text)\nkey enter\nidle\nsave-screen typed\nkey escape", in: folder)
    play.expect("typed", shows: "60 %", "sparsity 60.0 %")
  }

  /// A name with a blank is completed so that the command reads it as one word.
  @Test func completionKeepsBlanks() throws {
    let folder = TemporaryFolder()
    TemporaryFolder.write([0x78], to: folder.file("my notes.txt"))
    let play = try Play(
      """
      idle
      key :
      type export @/my
      key tab
      save-screen completed
      key enter
      idle
      save-screen done
      """, in: folder, columns: 200)
    play.expect("completed", shows: #"my\ notes.txt"#)
    play.expect("done", shows: "my notes.txt is there already; add --force to replace it")
  }

  /// There is nothing to write of the original, and nothing to run of nothing.
  @Test func emptyRecipesAreRefused() throws {
    let folder = TemporaryFolder()
    TemporaryFolder.write(Array("pare: 1\npasses: []\n".utf8), to: folder.file("none.yaml"))
    let play = try Play(
      """
      idle
      key :
      type recipe @/out.yaml
      key enter
      save-screen written
      key :
      type run @/none.yaml
      key enter
      idle
      save-screen run
      """, in: folder, columns: 200)
    play.expect("written", shows: "r0 is the original: there are no passes to write")
    play.expect("run", shows: "none.yaml has no passes to run")
    #expect(play.workbench.tree.revisions.count == 1)
  }

  /// Leaving and coming back: the tree, its metrics and the place are kept.
  @Test func theSessionIsKept() throws {
    let folder = TemporaryFolder()
    let first = try Play(
      """
      idle
      key p enter
      idle
      key 2 n tab
      idle
      key q
      """, in: folder)
    let second = try Play("idle\nsave-screen back", in: folder)
    #expect(second.workbench.tree == first.workbench.tree)
    #expect(second.app.state.place == first.app.state.place)
    second.expect("back", shows: "mean |w|", "r1 prune")
  }

  /// q leaves at once when nothing runs; while a pass runs it asks first.
  @Test func leavingWhileAJobRuns() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.settle()
    func effects(_ event: Event, _ state: inout AppState) -> [Effect] {
      state.handle(event, in: desk.area)
    }
    var idle = desk.state
    #expect(effects(.key(.character("q")), &idle) == [.quit])
    let job = desk.workbench.run(desk.step("prune"), on: .original)
    var state = desk.state
    state.fold([], tree: desk.workbench.tree, jobs: desk.workbench.jobs)
    try #require(state.liveJobs.contains { $0.id == job })
    var other = state
    #expect(effects(.key(.character("q")), &state).isEmpty)
    #expect(Screen.draw(state).plainText.contains("A job is running: quit anyway? y/n"))
    #expect(effects(.key(.control("c")), &state) == [.quit])
    for (answer, outcome) in [(Key.character("y"), [Effect.quit]), (.character("n"), [])] {
      var asked = state
      #expect(asked.execute("quit").isEmpty)
      #expect(effects(.key(answer), &asked) == outcome)
      #expect(!Screen.draw(asked).plainText.contains("quit anyway"))
    }
    // Another key between the two takes the wish back.
    for key: Key in [.character("q"), .down, .character("q")] {
      #expect(!effects(.key(key), &other).contains(.quit))
    }
    #expect(effects(.terminate(signal: 15), &other) == [.quit])
    desk.settle()
  }
}
