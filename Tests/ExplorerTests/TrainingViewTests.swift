import CheckpointIO
import Explorer
import Glibc
import Terminal
import TestSupport
import Testing
import Training
import Workspace

/// View 4, from the log of a finished run.
@Suite struct TrainingViewTests {
  /// Lines of a run of 400 steps whose γ was changed at step 120.
  private static let log: String = {
    let header =
      #"{"parameters":26000,"program":"pare compress","settings":{"accumulate":1,"batch":2,"#
      + #""compression":{"depth":4,"depthRate":0.5,"epsilon":0.001,"exponentRate":0.5,"#
      + #""gamma":0.01,"removeEvery":50,"settleAt":0.85},"context":16,"dropout":0,"#
      + #""length":{"steps":{"_0":400}},"optimizer":{"adamW":{"beta1":0.9,"beta2":0.99,"#
      + #""decay":0.1,"epsilon":1e-08,"rate":0.001},"clip":1,"method":"adamw","muon":{"decay":0,"#
      + #""iterations":5,"momentum":0.95,"rate":0.02}},"precision":"f32","schedule":{"#
      + #""constant":{"warmup":0}},"seed":1,"threads":2,"validateEvery":50},"#
      + #""trainingTokens":900,"validationTokens":100,"vocabulary":8}"#
    var lines = [header]
    for step in 1...400 {
      let q = 0.5 + 3.5 * exp(-Double(step) / 90)
      let loss = 1.6 + 0.3 * exp(-Double(step) / 60)
      let gamma = step > 120 ? 0.0121 : 0.01
      lines.append(
        #"{"elapsed":\#(Double(step) / 4),"gamma":\#(gamma),"gradientNorm":1,"#
          + #""liveChannels":\#(640 - step),"loss":\#(loss),"q":\#(q),"rate":0.001,"#
          + #""step":\#(step),"tokensPerSecond":128}"#)
      if step == 120 { lines.append(#"{"event":"gamma","gamma":0.0121,"step":120}"#) }
      if step.isMultiple(of: 50) {
        lines.append(
          #"{"entropyBits":\#(q * 0.9),"packedBits":\#(q * 1.2),"step":\#(step),"#
            + #""validation":\#(loss + 0.02)}"#)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }()

  private static func desk(_ columns: Int, _ rows: Int) throws -> Desk {
    let desk = try Desk { folder in
      let checkpoint = try SmallModels.open(in: folder)
      let path = TrainingLog.path(for: folder.file("small.safetensors"))
      TemporaryFolder.write(Array(log.utf8), to: path)
      return checkpoint
    }
    (desk.state.columns, desk.state.rows) = (columns, rows)
    desk.key(.character("4"))
    desk.settle()
    fix(desk)
    return desk
  }

  private static func fix(_ desk: Desk) {
    var metrics = desk.state.tree.original.metrics
    (metrics.loss, metrics.perplexity, metrics.tokensPerSecond) = (1.5102, 4.53, 3_410)
    desk.state.tree.setMetrics(metrics, of: .original)
    desk.state.jobs = []
  }

  @Test(arguments: [[80, 24], [160, 50]])
  func finishedRun(_ size: [Int]) throws {
    let desk = try Self.desk(size[0], size[1])
    for picture in TrainingState.Picture.allCases {
      #expect(desk.state.training.picture == picture)
      expectScreen(
        Screen.draw(desk.state), desk.state.theme, named: "training-\(picture)-\(size[0])")
      desk.key(.tab)
      desk.settle()
      Self.fix(desk)
    }
  }

  @Test func asciiAndMono() throws {
    let desk = try Self.desk(80, 24)
    for (name, isASCII) in [("training-mono", false), ("training-ascii", true)] {
      desk.state.theme = try #require(ThemeCatalog.theme(named: "mono", ascii: isASCII))
      let grid = Screen.draw(desk.state)
      expectScreen(grid, desk.state.theme, named: name)
      #expect(!isASCII || grid.plainText.unicodeScalars.allSatisfy(\.isASCII))
    }
  }

  /// Steps of a short run are all drawn; a long one takes no more room.
  @Test func theCurveIsBounded() throws {
    var curve = TrainingCurve()
    for step in 1...100_000 { curve.append(step: step, 1 / Double(step)) }
    #expect((512...2048).contains(curve.points.count))
    let desk = try Self.desk(80, 24)
    #expect(desk.state.shownRun.left.points.count == 400)
    #expect(desk.state.shownRun.marks == [120])
  }

  @Test(arguments: [0.0, 1e-5, 0.015, 0.1, 7])
  func gammaTurnedUpAndDownComesBack(_ gamma: Double) {
    var dial = NotchDial()
    dial.set(gamma)
    for _ in 0..<20 { dial.turn(by: 1) }
    for _ in 0..<20 { dial.turn(by: -1) }
    #expect(dial.value == gamma)
    dial.turn(by: 1)
    #expect(abs(dial.value - gamma * 1.1) <= gamma * 1e-12)
  }

  @Test func aCurveKeepsItsShapeInFewPoints() {
    var curve = TrainingCurve()
    for step in 1...100_000 { curve.append(step: step, Double(step)) }
    #expect(curve.points.count < 2048)
    #expect(curve.points.allSatisfy { Double($0.step) == $0.value })
    #expect(zip(curve.points, curve.points.dropFirst()).allSatisfy { $0.step < $1.step })
  }

  @Test func keysOfARunSayWhyTheyCannotWork() throws {
    let desk = try Self.desk(80, 24)
    for key in "<>{} wb" {
      desk.key(.character(key))
      #expect(desk.state.notice?.text.hasPrefix("No training is under way") == true, "\(key)")
    }
    #expect(footer(desk).contains("Tab picture"))
    for label in ["γ", "pause", "checkpoint", "branch"] { #expect(!footer(desk).contains(label)) }
  }

  /// Without a run there is no picture either.
  @Test func theFooterOffersWhatDoesSomething() throws {
    let desk = try Desk { try SmallModels.open(in: $0) }
    desk.key(.character("4"))
    desk.settle()
    for label in ["γ", "pause", "checkpoint", "branch", "picture", "open"] {
      #expect(!footer(desk).contains(label))
    }
  }

  private func footer(_ desk: Desk) -> Substring {
    Screen.draw(desk.state).plainText.split(separator: "\n").last ?? ""
  }

  @Test func compressOpensASheetOfItsSettings() throws {
    let desk = try Self.desk(80, 24)
    _ = desk.state.execute("compress text.txt --target 0.6 --steps 300 -o out.safetensors")
    #expect(desk.state.notice == nil)
    let effects = desk.state.handle(.key(.enter), in: desk.area)
    guard case .train(let request)? = effects.first else {
      Issue.record("\(effects)")
      return
    }
    #expect(request.textPath == "text.txt")
    #expect(request.output == "out.safetensors")
    #expect(request.settings.length == .steps(300))
    #expect(request.settings.compression?.target == 0.6)
    _ = desk.state.execute("train text.txt --gamma 0.1")
    #expect(desk.state.notice?.isError == true)
  }

  /// Without a text the command takes the one that the explorer was opened with.
  @Test(arguments: ["compress", "train"]) func theTextOfTheExplorer(_ command: String) throws {
    let desk = try Self.desk(80, 24)
    #expect(desk.state.execute(command).isEmpty)
    #expect(desk.state.notice?.text == "a text file is needed: \(command) TEXT")
    desk.state.notice = nil
    desk.state.textPath = "folder/given.txt"
    _ = desk.state.execute(command)
    #expect(desk.state.notice == nil)
    #expect(Screen.draw(desk.state).plainText.contains("on folder/given.txt"))
    _ = desk.state.execute(command + " other.txt")
    #expect(Screen.draw(desk.state).plainText.contains("on other.txt"))
  }
}
