import CheckpointIO
import Compression
import Explorer
import Jobs
import Terminal
import TestSupport
import Testing
import Training
import Workspace

/// Keys and commands do what they say, and nothing is lost without a word.
@Suite struct KeysAndCommandsTests {
  private func desk() throws -> Desk { try Desk { try SmallModels.open(in: $0) } }

  @Test func colonQQuits() throws {
    let desk = try desk()
    for word in ["q", "qui", "quit"] { #expect(desk.state.execute(word) == [.quit]) }
  }

  /// The beginning of a name is enough where no other command shares it, and never for work.
  @Test func beginningsOfCommands() throws {
    let desk = try desk()
    for command in CommandCatalog.all {
      for length in 1..<command.name.count {
        let word = String(command.name.prefix(length))
        guard !CommandCatalog.all.contains(where: { $0.name == word }) else { continue }
        desk.state.notice = nil
        let effects = desk.state.execute(word)
        for effect in effects {
          switch effect {
          case .run, .reach, .runRecipe, .resumeTraining, .train:
            Issue.record("\(word) starts \(effect)")
          default: break
          }
        }
      }
    }
    desk.state.notice = nil
    #expect(desk.state.execute("pru").isEmpty)
    #expect(desk.state.notice?.text == "‘pru’ is no command; prune must be typed in full.")
    #expect(desk.state.execute("re").isEmpty)
    #expect(desk.state.notice?.text == "‘re’ may be recipe, redo; type more of it.")
    #expect(desk.state.execute("r").isEmpty)
    #expect(desk.state.notice?.text == "‘r’ may be recipe, redo, rate; type more of it.")
    #expect(desk.state.execute("prune").count == 1)
  }

  // MARK: y

  private func command(_ desk: Desk) -> TextPanel? {
    desk.key(.character("p"))
    desk.key(.character("y"))
    defer { desk.key(.escape, .escape) }
    return desk.state.panel
  }

  /// The command is the whole way from a file, whichever the revision began from.
  @Test func yNamesItsInput() throws {
    let desk = try desk()
    let path = desk.folder.file("small.safetensors")
    desk.settle()
    #expect(command(desk)?.text == "pare prune \(path) -o OUT.safetensors")
    desk.workbench.run(desk.step("quantize"), on: .original)
    desk.settle()
    #expect(
      command(desk)?.text
        == "pare quantize \(path) -o r1.safetensors && pare prune r1.safetensors "
        + "-o OUT.safetensors")
    #expect(command(desk)?.note.hasPrefix("input: \(path), of which r1 is made first\n") == true)
    let other = desk.folder.file("it's.safetensors")
    desk.workbench.save(.original, to: other, as: .safetensors(.packed))
    desk.settle()
    try desk.workbench.stand(beside: other)
    desk.settle()
    let quoted = "'" + other.replacing("'", with: "'\\''") + "'"
    #expect(command(desk)?.text == "pare prune \(quoted) -o OUT.safetensors")
  }

  @Test func theEmbeddedCheckpointHasNoFile() throws {
    let desk = try Desk { _ in try Embedded.open() }
    let panel = try #require(command(desk))
    #expect(panel.text == "pare prune r0.safetensors -o OUT.safetensors")
    let advice = "r0 has no file yet; save it first: :go r0, then :save r0.safetensors"
    #expect(panel.note.contains(advice))
    // Saved, and wherever that was, it has one, until another revision is saved there.
    let path = desk.folder.file("elsewhere.safetensors")
    desk.workbench.save(.original, to: path, as: .safetensors(.packed))
    desk.settle()
    let named = try #require(command(desk))
    #expect(named.text == "pare prune \(path) -o OUT.safetensors")
    #expect(named.note.hasPrefix("input: \(path)\n") && !named.note.contains("no file"))
    desk.workbench.run(desk.step("prune"), on: .original)
    desk.settle()
    desk.workbench.save(desk.state.current, to: path, as: .safetensors(.packed), overwrite: true)
    desk.settle()
    #expect(command(desk)?.note.contains(advice) == true)
  }

  @Test func aTrainingRunIsACommandToo() throws {
    let desk = try desk()
    let path = desk.folder.file("small.safetensors")
    _ = desk.state.execute("compress 'a text.txt' --target 0.6 --steps 300 -o out.safetensors")
    desk.key(.character("y"))
    #expect(
      desk.state.panel?.text
        == "pare compress \(path) --text 'a text.txt' --target 0.6 --steps 300 "
        + "-o out.safetensors")
    desk.key(.escape, .escape)
    _ = desk.state.execute("train text.txt --force -o out.safetensors")
    desk.key(.character("y"))
    #expect(
      desk.state.panel?.text
        == "pare train text.txt --from \(path) --steps 300 -o out.safetensors --force")
  }

  /// All of it is on screen, in lines that a shell joins again, and any key closes it.
  @Test(arguments: [60, 80, 160]) func yShowsTheWhole(_ columns: Int) throws {
    let desk = try desk()
    (desk.state.columns, desk.state.rows) = (columns, 24)
    let names = (0..<4).map { "block.\($0 % 2).attn.c_attn" }.joined(separator: " --layers ")
    let effects = desk.state.execute("prune --layers \(names)")
    desk.perform(effects)
    desk.settle()
    let text = try #require(command(desk)).text
    desk.key(.character("p"))
    desk.key(.character("y"))
    let screen = Screen.draw(desk.state).plainText
    var joined = ""
    for line in screen.split(separator: "\n", omittingEmptySubsequences: false) {
      let end = line.lastIndex { $0 != " " } ?? line.startIndex
      joined += line.isEmpty ? "\n" : String(line[...end]) + "\n"
    }
    joined = joined.replacing(" \\\n", with: " ").replacing("\\\n", with: "")
    #expect(joined.contains(text + "\n"))
    #expect(!desk.state.isMouseOn)
    desk.key(.character("x"))
    #expect(desk.state.panel == nil && desk.state.isMouseOn)
    #expect(desk.state.sheet != nil)
  }

  // MARK: Sentences

  @Test(arguments: [60, 80]) func aLongSentenceIsWhole(_ columns: Int) throws {
    let desk = try desk()
    desk.settle()
    (desk.state.columns, desk.state.rows) = (columns, 24)
    let words = (1...40).map { "word\($0)" }
    desk.state.notice = Notice(words.joined(separator: " "), isError: true)
    let screen = Screen.draw(desk.state).plainText
    for word in words { #expect(screen.contains(word)) }
    desk.key(.down)
    #expect(!Screen.draw(desk.state).plainText.contains("word1 "))
  }

  // MARK: Training

  private func request(_ desk: Desk, target: Double?, steps: Int) throws -> TrainingRequest {
    let characters = Array("abcdefg\n")
    var text = ""
    for index in 0..<2000 { text.append(characters[(index * 7 + index / 5) % 8]) }
    let path = desk.folder.file("text.txt")
    TemporaryFolder.write(Array(text.utf8), to: path)
    return TrainingRequest(
      textPath: path, output: desk.folder.file("out.safetensors"), overwrite: true,
      settings: TrainingSettings(
        length: .steps(steps), batch: 1, context: 8, dropout: 0,
        optimizer: OptimizerSettings(method: .adamw), schedule: .constant(warmup: 0),
        validateEvery: 0, precision: "f32", threads: 1,
        compression: target.map { .toward($0) } ?? CompressionSettings()))
  }

  /// Handles what comes until something is so.
  private func wait(_ desk: Desk, until isSo: () -> Bool) {
    while !isSo(), !desk.workbench.isIdle {
      desk.workbench.mailbox.wait(milliseconds: 100)
      desk.handle(.wake)
    }
  }

  @Test func gammaUnderATargetIsSaidToBeSteered() throws {
    let desk = try desk()
    desk.settle()
    desk.key(.character("4"))
    desk.perform([.train(try request(desk, target: 0.6, steps: 1_000_000))])
    wait(desk) { desk.state.training.run.live != nil }
    (desk.state.columns, desk.state.rows) = (110, 30)
    #expect(Screen.draw(desk.state).plainText.contains("γ is steered by the target"))
    let dial = desk.state.training.run.dial
    let sentence =
      "γ is steered by the target of 0.6 bits; a run with --gamma leaves it to you."
    for key: Character in [">", "<"] {
      desk.state.notice = nil
      #expect(desk.state.handle(.key(.character(key)), in: desk.area).isEmpty)
      #expect(desk.state.notice?.text == sentence)
    }
    #expect(desk.state.execute("gamma 0.5").isEmpty)
    #expect(desk.state.notice?.text == sentence && desk.state.training.run.dial == dial)
    // The run is not that of the original.
    let live = try #require(desk.state.training.run.live)
    desk.perform([.go(.original)])
    desk.handle(.wake)
    #expect(
      Screen.draw(desk.state).plainText.contains("the run of \(live), not of r0"))
    desk.key(.character(" "), .character(" "))
    desk.perform([.go(live)])
    desk.handle(.wake)
    #expect(!Screen.draw(desk.state).plainText.contains("the run of"))
    _ = desk.workbench.close()
  }

  /// What a job line says after "left", for the run and for view 4 alike.
  private func timesLeft(_ desk: Desk) -> [String] {
    let words = Screen.draw(desk.state).plainText.split { $0 == " " || $0 == "\n" }
    return words.indices.dropFirst(2).filter { words[$0] == "left" }.map {
      "\(words[$0 - 2]) \(words[$0 - 1])"
    }.filter { !$0.hasSuffix("channels") && $0.first?.isNumber == true }
  }

  /// Steps made before a stop do not count as made just now.
  @Test func aResumedRunHasOneEstimate() throws {
    let desk = try desk()
    (desk.state.columns, desk.state.rows) = (160, 50)
    desk.settle()
    desk.key(.character("4"))
    desk.perform([.train(try request(desk, target: 0.6, steps: 20_000))])
    wait(desk) { desk.state.training.run.latest.step >= 400 }
    let job = try #require(desk.state.training.run.job)
    desk.perform([.cancelJob(job)])
    wait(desk) { desk.state.training.run.job == nil }
    let footer = Screen.draw(desk.state).plainText.split(separator: "\n").last ?? ""
    #expect(!footer.contains("γ") && !footer.contains("pause"))
    desk.perform([.resumeTraining])
    wait(desk) {
      desk.state.jobs.contains {
        $0.kind == .train && $0.id != job && $0.progress.fraction > 0.02
      } && desk.state.training.run.job != nil
    }
    // Of the run alone: a measurement beside it would come first.
    desk.state.jobs.removeAll { $0.kind != .train }
    desk.state.notice = nil
    let left = timesLeft(desk)
    #expect(left.count == 2 && Set(left).count == 1, "\(left)")
    _ = desk.workbench.close()
  }

  /// Without a session what training made is in memory alone: leaving names it and asks.
  @Test func leavingNamesWhatWouldBeLost() throws {
    let desk = try desk()
    desk.settle()
    desk.perform([.train(try request(desk, target: nil, steps: 2))])
    desk.settle()
    let lost = try #require(desk.state.training.run.live)
    desk.workbench.run(desk.step("prune"), on: lost)
    desk.settle()
    #expect(desk.state.execute("q").isEmpty)
    let text = Screen.draw(desk.state).plainText
    #expect(text.contains("r1, r2 are in memory alone and will be lost: quit anyway? y/n"))
    desk.key(.character("n"))
    #expect(!Screen.draw(desk.state).plainText.contains("quit anyway"))
    #expect(desk.state.execute("q").isEmpty)
    #expect(desk.state.handle(.key(.character("y")), in: desk.area) == [.quit])
  }
}
