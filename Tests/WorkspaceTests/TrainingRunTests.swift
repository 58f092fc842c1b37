import CheckpointIO
import Foundation
import Jobs
import Tensors
import Testing
import Training
import Transformers
import Workspace

/// Training runs and their files.
@Suite struct TrainingRunTests {
  static let words = String(
    repeating: "sphinx of black quartz, judge my vow! waltz, bad nymph.\n", count: 30)
  static let shape = NetworkShape(blocks: 2, heads: 2, width: 16, context: 8)

  static func settings(_ method: OptimizerSettings.Method = .muon) -> TrainingSettings {
    TrainingSettings(
      length: .steps(10), batch: 4, context: 8, dropout: 0.1,
      optimizer: OptimizerSettings(method: method),
      schedule: .cosine(warmup: 2, floor: 0.1), validateEvery: 4, seed: 5, precision: "f32",
      threads: 2)
  }

  static func text(in folder: TemporaryFolder, _ words: String = words) throws -> String {
    try folder.write(Array(words.utf8), to: "text")
  }

  static func run(
    in folder: TemporaryFolder, _ output: String, _ settings: TrainingSettings = settings()
  ) throws -> TrainingRun {
    let text = try text(in: folder)
    return try TrainingRun(
      TrainingModel(shape, textPath: text, settings), textPath: text,
      settings: settings, output: folder.file(output), saveEvery: 60)
  }

  /// Runs until `step` is done and then stops, as an interrupt would.
  static func stop(_ run: TrainingRun, after step: Int) {
    let cancellation = Cancellation()
    #expect(throws: Cancelled.self) {
      try run.run(in: JobContext(cancellation: cancellation)) { event in
        if case .step(let done, _) = event, done.step == step { cancellation.cancel() }
      }
    }
  }

  static func lines(_ folder: TemporaryFolder, _ output: String) throws -> TrainingLog {
    try #require(try TrainingLog(TrainingLog.path(for: folder.file(output))))
  }

  /// Also where it stops just before a validation, and twice.
  @Test(arguments: [OptimizerSettings.Method.adamw, .muon])
  func aStoppedRunGoesOnToTheSameBytes(_ method: OptimizerSettings.Method) throws {
    let folder = TemporaryFolder()
    let settings = Self.settings(method)
    try Self.run(in: folder, "whole", settings).run(in: JobContext()) { _ in }
    Self.stop(try Self.run(in: folder, "parts", settings), after: 4)
    for step in [7, nil] {
      let state = try TrainingState(TrainingState.path(for: folder.file("parts")))
      let run = try TrainingRun(
        resuming: state, textPath: Self.text(in: folder), output: folder.file("parts"),
        saveEvery: 60)
      if let step {
        Self.stop(run, after: step)
      } else {
        try run.run(in: JobContext()) { _ in }
      }
    }
    #expect(try folder.read(folder.file("parts")) == folder.read(folder.file("whole")))
    #expect(folder.names == ["parts", "parts.log.jsonl", "text", "whole", "whole.log.jsonl"])
    let logs = try (Self.lines(folder, "parts"), Self.lines(folder, "whole"))
    #expect(logs.0.entries.map(\.loss) == logs.1.entries.map(\.loss))
    #expect(logs.0.entries.map(\.validation) == logs.1.entries.map(\.validation))
  }

  /// What is saved runs, and has the loss the run says.
  @Test func theOutputIsACheckpoint() throws {
    let folder = TemporaryFolder()
    let run = try Self.run(in: folder, "out")
    try run.run(in: JobContext()) { _ in }
    let checkpoint = try Checkpoint.open(folder.file("out"))
    #expect(checkpoint.configuration["n_layer"] == "2")
    #expect(checkpoint.metadata["iter_num"] == "10")
    let metrics = try Headless.evaluate(
      checkpoint, on: .file(folder.file("text")), part: .validation, in: JobContext())
    #expect(metrics.evaluation.loss == run.trainer.progress.validation)
    let further = try TrainingRun(
      TrainingModel(checkpoint), textPath: folder.file("text"), settings: Self.settings(),
      output: folder.file("further"), saveEvery: 60)
    try further.run(in: JobContext()) { _ in }
    #expect(
      try #require(further.trainer.progress.validation)
        < #require(run.trainer.progress.validation))
  }

  @Test func theLogSaysWhatHappened() throws {
    let folder = TemporaryFolder()
    try Self.run(in: folder, "out").run(in: JobContext()) { _ in }
    let log = try Self.lines(folder, "out")
    #expect(log.header.settings == Self.settings())
    #expect(log.entries.filter { $0.loss != nil }.map(\.step) == Array(1...10))
    #expect(log.entries.filter { $0.validation != nil }.map(\.step) == [4, 8, 10])
    #expect(log.unreadable == 0)
    let bytes = try folder.read(TrainingLog.path(for: folder.file("out")))
    #expect(!String(decoding: bytes, as: UTF8.self).contains(folder.path))
  }

  /// A checkpoint that cannot be written: training goes on, says so, and the next
  /// attempt succeeds.
  @Test func aFullDiskLosesNothing() throws {
    let folder = TemporaryFolder()
    let text = try Self.text(in: folder)
    let run = try TrainingRun(
      TrainingModel(Self.shape, textPath: text, Self.settings()), textPath: text,
      settings: Self.settings(), output: folder.file("out"), saveEvery: 1e-9)
    // A folder where the state would be stands in for a full disk.
    let obstacle = URL(fileURLWithPath: folder.file("out.state"))
    try FileManager.default.createDirectory(at: obstacle, withIntermediateDirectories: true)
    var events: [TrainingRun.Event] = []
    try run.run(in: JobContext()) { event in
      events.append(event)
      if case .notSaved = event { try? FileManager.default.removeItem(at: obstacle) }
    }
    let failed = events.firstIndex { if case .notSaved = $0 { true } else { false } }
    let saved = events.firstIndex { if case .saved(step: 2) = $0 { true } else { false } }
    #expect(try #require(failed) < #require(saved))
    #expect(run.trainer.progress.isFinished)
    #expect(try Checkpoint.open(folder.file("out")).metadata["iter_num"] == "10")
  }

  /// After the last step the result is tried again for a while, which is told once; a run that
  /// is given up can be resumed.
  @Test func theResultIsTriedAgain() throws {
    let folder = TemporaryFolder()
    let text = try Self.text(in: folder)
    let obstacle = URL(fileURLWithPath: folder.file("out"))
    func run(isMended: Bool) throws -> [Double] {
      let run = try TrainingRun(
        TrainingModel(Self.shape, textPath: text, Self.settings()), textPath: text,
        settings: Self.settings(), output: folder.file("out"), overwrite: true, saveEvery: 1e9)
      run.patience.interval = 0.02
      run.patience.total = isMended ? 60 : 0.2
      var told: [Double] = []
      try run.run(in: JobContext()) { event in
        switch event {
        case .step:
          try? FileManager.default.createDirectory(at: obstacle, withIntermediateDirectories: true)
        case .retrying(let reason, let seconds):
          #expect(reason.hasPrefix("cannot write "))
          told.append(seconds)
          if isMended { try? FileManager.default.removeItem(at: obstacle) }
        default: break
        }
      }
      return told
    }
    let told = try run(isMended: true)
    #expect(told.count == 1 && told[0] > 50 && told[0] <= 60)
    try FileManager.default.removeItem(at: obstacle)
    #expect(throws: CheckpointError.self) { _ = try run(isMended: false) }
    let state = try TrainingState(TrainingState.path(for: folder.file("out")))
    #expect(state.progress.isFinished)
  }

  @Test func anotherTextIsRefused() throws {
    let folder = TemporaryFolder()
    Self.stop(try Self.run(in: folder, "out"), after: 2)
    let state = try TrainingState(TrainingState.path(for: folder.file("out")))
    let text = try Self.text(in: folder, String(Self.words.reversed()))
    #expect(throws: TrainingFileError.self) {
      try TrainingRun(
        resuming: state, textPath: text, output: folder.file("out"), saveEvery: 60)
    }
  }

  /// A state whose tensors are not of the shape its settings say.
  @Test func aStateThatLacksTensorsIsRefused() throws {
    let folder = TemporaryFolder()
    Self.stop(try Self.run(in: folder, "out"), after: 2)
    let state = try TrainingState(TrainingState.path(for: folder.file("out")))
    let kept = state.checkpoint.parameters.filter { !$0.name.hasPrefix("optimizer.momentum") }
    try SavePlan.make(
      parameters: Parameters(kept), metadata: state.checkpoint.metadata, form: .dense(nil)
    ).write(to: folder.file("lame"))
    let lame = try TrainingState(folder.file("lame"))
    #expect(throws: TrainingStateError.self) {
      try TrainingRun(
        resuming: lame, textPath: folder.file("text"), output: folder.file("out"), saveEvery: 60)
    }
    #expect(throws: TrainingFileError.self) {
      _ = try Self.run(in: folder, "plain").run(in: JobContext()) { _ in }
      _ = try TrainingState(folder.file("plain"))
    }
  }

  @Test(arguments: [
    "", "\n\n", "{}", "[1,2", "\u{FFFD}", #"{"program":"x"}"#, String(repeating: "[", count: 9999),
  ])
  func whatIsNoLogIsRefused(_ text: String) throws {
    let folder = TemporaryFolder()
    let path = try folder.write(Array(text.utf8), to: "log")
    #expect(throws: TrainingFileError.self) { try TrainingLog(path) }
    #expect(try TrainingLog(folder.file("none")) == nil)
  }

  /// Lines of a log that make no sense are left out and counted.
  @Test func badLinesAreLeftOut() throws {
    let folder = TemporaryFolder()
    Self.stop(try Self.run(in: folder, "out"), after: 3)
    let path = TrainingLog.path(for: folder.file("out"))
    let bad = [
      "{", "null", #"{"step":-1}"#, #"{"step":1,"loss":1e999}"#, #"{"step":1e99}"#,
      #"{"loss":"#, String(repeating: "{\"a\":", count: 5000), "\u{0}",
    ]
    let bytes = try folder.read(path) + Array((bad.joined(separator: "\n") + "\n").utf8)
    _ = try folder.write(bytes + Array(#"{"step":3,"event":"x"}"#.utf8), to: "out.log.jsonl")
    let log = try Self.lines(folder, "out")
    #expect(log.entries.count == 4 && log.unreadable == bad.count)
    #expect(log.entries.last?.event == "x")
  }
}
