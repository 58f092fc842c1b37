import CheckpointIO
import Dispatch
import Jobs
import Synchronization
import Models
import Tensors
import TestSupport
import Testing
import Training
import Workspace

/// A number that two threads look at.
private final class Counter: Sendable {
  let value = Atomic(0)
}

/// Training as a job of the workbench.
@Suite struct TrainingJobTests {
  private static func settings(steps: Int, gamma: Double? = 0.02) -> TrainingSettings {
    TrainingSettings(
      length: .steps(steps), batch: 2, context: 8, dropout: 0,
      optimizer: OptimizerSettings(method: .adamw), schedule: .constant(warmup: 0),
      validateEvery: 5, precision: "f32", threads: 2,
      compression: gamma.map { CompressionSettings(gamma: $0) })
  }

  private static func request(_ script: Script, steps: Int) throws -> TrainingRequest {
    let text = try script.folder.write(Array(TinyModel.text(2000).utf8), to: "train.txt")
    return TrainingRequest(
      textPath: text, output: script.folder.file("out.safetensors"), overwrite: false,
      settings: settings(steps: steps))
  }

  private static func run(
    _ script: Script, _ request: TrainingRequest, _ name: String
  ) throws -> TrainingRun {
    try TrainingRun(
      try TrainingModel(script.checkpoint), textPath: request.textPath,
      settings: request.settings, output: script.folder.file(name + ".safetensors"),
      saveEvery: 60)
  }

  @Test func eventsComeInOrder() throws {
    let script = try Script()
    try script.workbench.train(try Self.request(script, steps: 12))
    script.settle()
    var steps: [Int] = []
    var words: [String] = []
    for case .training(let news) in script.events {
      switch news {
      case .began: words.append("began")
      case .logged(let entries): steps += entries.filter { $0.loss != nil }.map(\.step)
      case .weights(_, let step): words.append("weights \(step)")
      case .ended: words.append("ended")
      case .saved(let step): words.append("saved \(step)")
      case .branched, .notSaved, .stopped, .log: words.append("other")
      }
    }
    #expect(steps == Array(1...12))
    #expect(words == ["began", "weights 0", "saved 12", "weights 12", "ended"])
  }

  @Test func theLiveRevisionEndsAsWhatWasSaved() throws {
    let script = try Script()
    let request = try Self.request(script, steps: 6)
    try script.workbench.train(request)
    script.settle()
    let live = try #require(script.workbench.model(of: script.workbench.tree.current)?.parameters)
    let saved = try Checkpoint.open(request.output).parameters
    try expectSame(live, saved)
  }

  @Test func aBranchHasTheWeightsOfItsStep() throws {
    let script = try Script()
    let request = try Self.request(script, steps: 12)
    let controls = TrainingControls()
    var branches: [(step: Int, weights: Parameters)] = []
    try Self.run(script, request, "out").run(in: JobContext(), controls: controls) { event in
      if case .step(let step, _) = event, step.step == 5 { controls.wish(.branch) }
      if case .weights(let step, let weights, true) = event { branches.append((step, weights)) }
    }
    #expect(branches.map(\.step) == [5])
    let again = try Self.run(script, request, "again")
    for _ in 0..<5 { _ = try again.trainer.advance() }
    try expectSame(try #require(branches.first).weights, again.trainer.network.parameters())
  }

  @Test func aBranchIsARevisionThatIsMeasuredAndSaved() throws {
    let script = try Script()
    let request = try Self.request(script, steps: 60)
    try script.workbench.train(request)
    script.workbench.steer(.branch)
    script.settle()
    let branches = script.events.compactMap { event -> (id: RevisionID, step: Int)? in
      if case .training(.branched(let id, let step)) = event { (id, step) } else { nil }
    }
    #expect(branches.count == 1)
    let (id, step) = try #require(branches.first)
    #expect(script.workbench.tree[id]?.metrics.loss != nil)
    // The run may have gone some steps before it was asked.
    let again = try Self.run(script, request, "again")
    for _ in 0..<step { _ = try again.trainer.advance() }
    let wanted = again.trainer.network.parameters()
    try expectSame(try #require(script.workbench.model(of: id)?.parameters), wanted)
    let path = script.folder.file("branch.safetensors")
    script.workbench.save(id, to: path, as: .safetensors(.packed), overwrite: false)
    script.settle()
    try expectSame(try Checkpoint.open(path).parameters, wanted)
  }

  @Test func gammaIsChangedAtTheNextStepAndLogged() throws {
    let script = try Script()
    let request = try Self.request(script, steps: 30)
    try script.workbench.train(request)
    script.workbench.steer(.gamma(0.5))
    script.workbench.steer(.rateFactor(0.25))
    script.settle()
    let log = try #require(try TrainingLog(TrainingLog.path(for: request.output)))
    #expect(log.unreadable == 0)
    let change = try #require(log.entries.first { $0.event == "gamma" })
    #expect(change.gamma == 0.5)
    let step = try #require(log.entries.first { $0.loss != nil && $0.step > change.step })
    #expect(step.gamma == 0.5)
    #expect(step.rate == Double(request.settings.optimizer.rate) * 0.25)
  }

  @Test func noStepIsMadeWhilePaused() throws {
    let script = try Script()
    let request = try Self.request(script, steps: 6)
    let model = try TrainingModel(script.checkpoint)
    let other = script.folder.file("other.safetensors")
    let (gate, steps, seen) = (PauseGate(), Counter(), Counter())
    try Self.run(script, request, "out").run(in: JobContext(gate: gate)) { event in
      guard case .step(let step, _) = event else { return }
      steps.value.store(step.step, ordering: .releasing)
      guard step.step == 3 else { return }
      gate.setPaused(true)
      // Another run takes as long as this one would have.
      DispatchQueue.global().async {
        let run = try? TrainingRun(
          model, textPath: request.textPath, settings: request.settings, output: other,
          saveEvery: 60)
        try? run?.run(in: JobContext()) { _ in }
        seen.value.store(steps.value.load(ordering: .acquiring), ordering: .releasing)
        gate.setPaused(false)
      }
    }
    #expect(seen.value.load(ordering: .acquiring) == 3)
    #expect(steps.value.load(ordering: .acquiring) == 6)
  }

  @Test func anOutputThatIsThereIsKept() throws {
    let script = try Script()
    var request = try Self.request(script, steps: 2)
    request.output = try script.folder.write([1, 2, 3], to: "out.safetensors")
    #expect(throws: CheckpointError.self) { try script.workbench.train(request) }
    request.overwrite = true
    request.output = try #require(script.checkpoint.path)
    #expect(throws: CheckpointError.self) { try script.workbench.train(request) }
  }

  private func expectSame(
    _ a: Parameters, _ b: Parameters, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(a.map(\.name) == b.map(\.name), sourceLocation: sourceLocation)
    for (a, b) in zip(a, b) {
      let (x, y) = (try a.tensor(), try b.tensor())
      #expect(
        x.array.map(\.bitPattern) == y.array.map(\.bitPattern), "\(a.name)",
        sourceLocation: sourceLocation)
    }
  }
}
