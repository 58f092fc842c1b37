import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Training
import Workspace

/// Another checkpoint beside the open one.
@Suite struct BesideTests {
  private let folder = TemporaryFolder()

  /// The script's model with half of its weights gone, in a file of its own.
  private func pruned(_ script: Script) throws -> String {
    let path = folder.file("other.safetensors")
    let weights = try Script.prune(0.5).apply(to: script.checkpoint.model, in: JobContext())
      .parameters
    try SavePlan.make(
      parameters: weights, metadata: script.checkpoint.metadata, form: .packed
    ).write(to: path)
    return path
  }

  @Test func itIsARevisionWithItsWeightsAndMetrics() throws {
    let script = try Script()
    let path = try pruned(script)
    try script.workbench.stand(beside: path)
    script.settle()
    let revision = try #require(script.workbench.tree[RevisionID(1)])
    #expect(script.failures.isEmpty)
    #expect(script.workbench.tree.current == revision.id)
    #expect(revision.parent == .original && revision.title == "other.safetensors")
    #expect(revision.metrics.sparsity == 0.5)
    let other = try Checkpoint.open(path).parameters
    for parameter in try #require(script.workbench.model(of: revision.id)?.parameters) {
      let values = try parameter.tensor().array
      #expect(try values == #require(other[parameter.name]).tensor().array)
    }
    // A second time it is the same revision.
    script.workbench.undo()
    try script.workbench.stand(beside: path)
    #expect(script.workbench.tree.revisions.count == 2)
    #expect(script.workbench.tree.current == revision.id)
    #expect(script.workbench.tree.source(of: revision.id) == revision.provenance)
    #expect(script.workbench.tree.source(of: .original) == nil)
    #expect(script.workbench.tree.recipe(to: revision.id) == nil)
  }

  /// A sliced file of the model is one of the same network.
  @Test func aSlicedFileIsOfTheSameNetwork() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    var prune = Prune()
    prune.structure = .channel
    let recipe = Recipe(steps: [Step(pass: prune), Step(pass: Slice())])
    let model = try Headless.apply(recipe, to: script.checkpoint, in: JobContext())
    let path = folder.file("sliced.safetensors")
    try Headless.save(
      model, of: script.checkpoint, to: path, form: .packed, overwrite: false, in: JobContext())
    try script.workbench.stand(beside: path)
    script.settle()
    #expect(script.failures.isEmpty)
    let metrics = try #require(script.workbench.tree[RevisionID(1)]?.metrics)
    #expect(metrics.loss != nil && metrics.weights == model.parameters.linearLayers.weightCount)
    #expect(script.workbench.close() == nil)
    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    again.workbench.run(Script.quantize(4), on: RevisionID(1))
    again.settle()
    #expect(again.failures.isEmpty && again.workbench.tree[RevisionID(2)]?.metrics.loss != nil)
    // And the other way round.
    let whole = try #require(script.checkpoint.path)
    let other = try Script(checkpoint: Checkpoint.open(path))
    try other.workbench.stand(beside: whole)
    other.settle()
    #expect(other.failures.isEmpty)
    let loss = try #require(other.workbench.tree[RevisionID(1)]?.metrics.loss)
    #expect(loss.isFinite)
  }

  /// What was made from it is made again when the session comes back.
  @Test func itComesBackWithTheSession() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    try script.workbench.stand(beside: try pruned(script))
    script.settle()
    script.workbench.run(Script.quantize(3), on: RevisionID(1))
    script.settle()
    let made = try #require(script.workbench.model(of: RevisionID(2))?.parameters)
    #expect(script.workbench.close() == nil)
    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    #expect(again.workbench.tree == script.workbench.tree)
    _ = again.workbench.model(of: RevisionID(2))
    again.settle()
    #expect(again.failures.isEmpty)
    let rebuilt = try #require(again.workbench.model(of: RevisionID(2))?.parameters)
    for (a, b) in zip(made, rebuilt) { #expect(try a.tensor().array == b.tensor().array) }
  }

  @Test func anotherNetworkIsRefused() throws {
    let script = try Script(checkpoint: try Embedded.open())
    let small = try #require(try TinyModel.checkpoint(in: folder).path)
    #expect {
      try script.workbench.stand(beside: small)
    } throws: {
      "\($0)".hasPrefix("tiny.safetensors is of another network: ")
    }
    #expect(throws: CheckpointError.self) { try script.workbench.stand(beside: "nowhere") }
    #expect(script.workbench.tree.revisions.count == 1)
  }

  /// The pair that is part of the program, and the log of the run that made it.
  @Test func theEmbeddedPairStandsTogether() throws {
    let script = try Script(checkpoint: try Embedded.open())
    try script.workbench.standBesideEmbedded()
    let workbench = script.workbench
    #expect(workbench.tree.revisions.count == 2)
    let bits = try #require(workbench.model(of: RevisionID(1))?.parameters).linearLayers.map {
      $0.grid
    }
    #expect(bits.allSatisfy { $0 != nil })
    workbench.requestTrainingLog(of: RevisionID(1))
    var log: TrainingLog?
    script.settle { event in
      guard case .training(.log(_, let found)) = event else { return false }
      log = found
      return true
    }
    #expect(try #require(log).header.settings.compression != nil)
    _ = workbench.close()
  }
}
