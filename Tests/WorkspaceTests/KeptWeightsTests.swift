import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Training
import Workspace

/// Weights that training made are kept with the session.
@Suite struct KeptWeightsTests {
  private let state = TemporaryFolder()

  private static func request(
    _ script: Script, steps: Int, target: Double? = nil
  ) throws -> TrainingRequest {
    let text = try script.folder.write(Array(TinyModel.text(2000).utf8), to: "train.txt")
    return TrainingRequest(
      textPath: text, output: script.folder.file("out.safetensors"), overwrite: true,
      settings: TrainingSettings(
        length: .steps(steps), batch: 2, context: 8, dropout: 0,
        optimizer: OptimizerSettings(method: .adamw), schedule: .constant(warmup: 0),
        validateEvery: 5, precision: "f32", threads: 2,
        compression: CompressionSettings(gamma: 0.02)))
  }

  private func reopened(_ script: Script) throws -> Script {
    try Script(sessionIn: state, checkpoint: script.checkpoint)
  }

  /// Names in the folder of weights.
  private var files: [String] {
    state.names.filter { $0.hasSuffix(".weights") }.flatMap { folder in
      let inner = state.file(folder)
      return TemporaryFolder.names(of: inner).map { folder + "/" + $0 }
    }
  }

  private func expectSame(_ a: Workbench, _ b: Script, _ id: RevisionID) throws {
    let wanted = try #require(a.model(of: id)?.parameters)
    if b.workbench.model(of: id) == nil { b.settle() }
    let found = try #require(b.workbench.model(of: id)?.parameters)
    for (x, y) in zip(wanted, found) {
      #expect(try x.tensor().array.map(\.bitPattern) == y.tensor().array.map(\.bitPattern))
    }
    #expect(b.failures.isEmpty)
  }

  @Test func runBranchAndWhatWasMadeOfThemComeBack() throws {
    let script = try Script(sessionIn: state)
    // Long enough for the branch to be asked for before the end.
    try script.workbench.train(try Self.request(script, steps: 300))
    script.workbench.steer(.branch)
    script.settle()
    let branch = try #require(
      script.workbench.tree.revisions.first {
        $0.title.hasPrefix("training, step ") && $0.title != "training, step 300"
      }?.id)
    script.workbench.run(Script.prune(0.5), on: branch)
    script.settle()
    #expect(script.workbench.tree.revisions.count == 4)
    #expect(script.workbench.close() == nil)
    let again = try reopened(script)
    #expect(again.workbench.warning == nil && again.workbench.stoppedRun == nil)
    #expect(again.workbench.tree == script.workbench.tree)
    for revision in again.workbench.tree.revisions {
      try expectSame(script.workbench, again, revision.id)
    }
    #expect(files.count == 4)
  }

  /// A kill: what the workbench never was told to close is there.
  @Test func aBranchIsOnDiskBeforeTheEnd() throws {
    let script = try Script(sessionIn: state)
    try script.workbench.train(try Self.request(script, steps: 100_000))
    script.workbench.steer(.branch)
    var branch: RevisionID?
    script.settle { event in
      if case .training(.branched(let id, _)) = event { branch = id }
      return branch != nil
    }
    let id = try #require(branch)
    script.settle { _ in
      script.workbench.tree[id]?.trainedWeights?.isInMemory == false
    }
    script.workbench.waitForSession()
    let title = try #require(script.workbench.tree[id]?.title)
    let killed = try reopened(script)
    #expect(killed.workbench.tree.revisions.map(\.title).contains(title))
    #expect(script.workbench.close() == nil)
    let stopped = try reopened(script)
    #expect(stopped.workbench.tree.revisions.count == script.workbench.tree.revisions.count)
    #expect(stopped.workbench.tree.revisions.count > 2)
    #expect(stopped.workbench.stoppedRun == script.folder.file("out.safetensors"))
  }

  @Test func aStoppedRunIsResumed() throws {
    let script = try Script(sessionIn: state)
    let job = try script.workbench.train(try Self.request(script, steps: 40))
    script.settle { event in
      if case .training(.logged(let entries)) = event { return !entries.isEmpty }
      return false
    }
    script.workbench.cancel(job)
    script.settle()
    #expect(script.workbench.close() == nil)
    let again = try reopened(script)
    #expect(again.workbench.stoppedRun != nil)
    try again.workbench.resumeTraining()
    #expect(throws: TrainingFileError.self) { try again.workbench.resumeTraining() }
    again.settle()
    #expect(again.failures.isEmpty)
    #expect(again.workbench.stoppedRun == nil)
    #expect(throws: TrainingFileError.self) { try again.workbench.resumeTraining() }
    var steps: [Int] = []
    for case .training(.logged(let entries)) in again.events {
      steps += entries.filter { $0.loss != nil }.map(\.step)
    }
    #expect(steps == Array(1...40))
    #expect(again.workbench.tree.revisions.contains { $0.title == "training, step 40" })
    #expect(again.workbench.close() == nil)
    #expect(try reopened(script).workbench.stoppedRun == nil)
  }

  /// Each trained revision has the log of its own run, up to its step.
  @Test func eachHasItsLog() throws {
    let script = try Script(sessionIn: state)
    // Long enough for the branch to be asked for before the end.
    try script.workbench.train(try Self.request(script, steps: 300))
    script.workbench.steer(.branch)
    script.settle()
    // The output is overwritten by another run.
    try script.workbench.train(try Self.request(script, steps: 3))
    script.settle()
    #expect(script.workbench.close() == nil)
    let again = try reopened(script)
    var lengths: [String] = []
    for revision in again.workbench.tree.revisions {
      again.forget()
      again.workbench.requestTrainingLog(of: revision.id)
      again.settle()
      var found: TrainingLog??
      for case .training(.log(revision.id, let log)) in again.events { found = log }
      let log = try #require(found)
      guard revision.id != again.workbench.tree.revisions.first?.id else {
        #expect(log == nil)
        continue
      }
      let step = try #require(revision.title.split(separator: " ").last.flatMap { Int($0) })
      let entries = try #require(log).entries
      #expect(entries.allSatisfy { $0.step <= step })
      lengths.append("\(try #require(log).header.settings.length)")
    }
    let (long, short) = (
      "\(TrainingSettings.Length.steps(300))", "\(TrainingSettings.Length.steps(3))"
    )
    #expect(lengths.sorted() == [long, long, short].sorted())
  }

  @Test func whatCannotBeKeptIsTold() throws {
    let script = try Script()
    try script.workbench.train(try Self.request(script, steps: 2))
    script.settle()
    #expect(script.refused == ["r1: no session is kept"])

    let small = try Script(sessionIn: state)
    small.workbench.setKeptWeightsLimit(1_000)
    try small.workbench.train(try Self.request(small, steps: 2))
    small.settle()
    #expect(small.refused.count == 1)
    #expect(small.refused[0].hasSuffix("would take the kept weights beyond 1000 bytes"))
    #expect(small.workbench.close() == nil)
    #expect(try reopened(small).workbench.tree.revisions.count == 1)
  }

  /// Deleted with its revision, and not while another program has the session open.
  @Test func filesGoWithTheirRevisions() throws {
    let models = TemporaryFolder()
    let checkpoint = try TinyModel.checkpoint(in: models)
    do {
      let script = try Script(sessionIn: state, checkpoint: checkpoint)
      try script.workbench.train(try Self.request(script, steps: 2))
      script.settle()
      script.workbench.waitForSession()
      let other = try reopened(script)
      try script.workbench.deleteLeaf(RevisionID(1))
      script.workbench.waitForSession()
      #expect(files.count == 2)
      #expect(other.workbench.close() == nil)
      #expect(script.workbench.close() == nil)
      #expect(files.count == 2)
    }
    // The other had it in its tree and kept it; now it is deleted for good.
    let last = try Script(sessionIn: state, checkpoint: checkpoint)
    #expect(last.workbench.tree.revisions.count == 2)
    try last.workbench.deleteLeaf(try #require(last.workbench.tree.revisions.last).id)
    #expect(last.workbench.close() == nil)
    #expect(files.isEmpty)
  }

  @Test func weightsThatAreGoneAreTold() throws {
    let script = try Script(sessionIn: state)
    try script.workbench.train(try Self.request(script, steps: 2))
    script.settle()
    script.workbench.run(Script.prune(0.5), on: RevisionID(1))
    script.settle()
    #expect(script.workbench.close() == nil)
    for name in files { state.remove(name) }
    let again = try reopened(script)
    #expect(again.workbench.tree.revisions.count == 1)
    let warning = try #require(again.workbench.warning)
    #expect(warning.hasPrefix("2 revisions are gone: the trained weights of r1 are missing in "))
    #expect(again.workbench.close() == nil)
    #expect(try reopened(script).workbench.warning == nil)
  }

  /// A name in a session never leads out of its folder.
  @Test(arguments: ["../../x.safetensors", "/etc/passwd", "", "0123456789ABCDEF.safetensors"])
  func onlyOurNamesAreOpened(_ name: String) throws {
    let text =
      #"{"current":0,"lastVisited":[],"nextNumber":9,"place":{},"version":1,"revisions":["#
      + #"{"id":0,"metrics":{"weights":1}},{"id":1,"parent":0,"metrics":{"weights":1},"step":"#
      + #"{"pass":"trained","layers":{"matching":{"_0":["*"]}},"settings":["#
      + #"{"name":"path","value":"\#(name)"}]}}]}"#
    func session() -> Session { Session(directory: state.path, name: "m", contentKey: 1) }
    let path = session().path
    _ = try state.write(Array(text.utf8), to: String(path.dropFirst(state.path.count + 1)))
    #expect(session().tree?.revisions.count == 1)
    #expect(session().warning?.hasPrefix("1 revision is gone: ") == true)
  }
}
