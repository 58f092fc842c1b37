import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Workspace

@Suite struct SavingTests {
  private let recipe = Recipe(steps: [Script.prune(0.5), Script.quantize(3)])

  @Test(arguments: [SaveForm.packed, .dense(nil)])
  func whatIsSavedIsReadBack(form: SaveForm) throws {
    let script = try Script(isRunnable: false)
    script.workbench.run(recipe, on: .original)
    script.settle()
    let id = script.workbench.tree.current
    let path = script.folder.file("out.safetensors")
    let planned = try SavePlan.make(
      parameters: try #require(script.workbench.model(of: id)?.parameters), of: script.checkpoint,
      form: form
    ).byteCount
    script.workbench.save(id, to: path, as: .safetensors(form))
    script.settle()
    #expect(script.failures.isEmpty)
    #expect(
      script.events.contains {
        if case .saved(_, let file) = $0 {
          file.path == path && file.byteCount == planned
        } else {
          false
        }
      })
    #expect(try script.folder.read(path).count == planned)
    let parameters = try #require(script.workbench.model(of: id)?.parameters)
    let saved = try Checkpoint.open(path).parameters
    #expect(saved.count == parameters.count)
    for parameter in parameters {
      #expect(try saved[parameter.name]?.tensor().array == parameter.tensor().array)
    }
    if form == .packed {
      #expect(script.workbench.tree[id]?.metrics.fileBytes == planned)
    }
  }

  @Test func replayingTheRecipeGivesTheSameBytes() throws {
    let script = try Script(threads: 2, isRunnable: false)
    script.workbench.run(recipe, on: .original)
    script.settle()
    let path = script.folder.file("explorer.safetensors")
    script.workbench.save(script.workbench.tree.current, to: path, as: .safetensors(.packed))
    script.settle()
    let tree = script.workbench.tree
    let text = try #require(tree.recipe(to: tree.current)).yaml
    let other = script.folder.file("replayed.safetensors")
    for threads in 1...2 {
      let job = JobContext(threads: threads)
      let parameters = try Headless.apply(Recipe(yaml: text), to: script.checkpoint, in: job)
      try Headless.save(
        parameters, of: script.checkpoint, to: other, form: .packed, overwrite: true, in: job)
      #expect(try script.folder.read(other) == script.folder.read(path))
    }
  }

  @Test func filesAreOnlyReplacedOnRequest() throws {
    let script = try Script(isRunnable: false)
    let path = try script.folder.write([1, 2, 3], to: "there")
    script.workbench.save(.original, to: path, as: .safetensors(.packed))
    script.settle()
    #expect(script.failures.contains { $0.contains("is there already") })
    #expect(try script.folder.read(path) == [1, 2, 3])
    script.workbench.save(.original, to: path, as: .safetensors(.packed), overwrite: true)
    script.settle()
    #expect(try script.folder.read(path).count > 3)
  }

  @Test func theOpenCheckpointIsNeverReplaced() throws {
    let script = try Script(isRunnable: false)
    let path = try #require(script.checkpoint.path)
    let before = try script.folder.read(path)
    script.workbench.save(.original, to: path, as: .safetensors(.packed), overwrite: true)
    script.settle()
    #expect(script.failures.contains { $0.contains("open") })
    #expect(try script.folder.read(path) == before)
  }

  @Test func whatCannotBeWrittenIsASentence() throws {
    let script = try Script(isRunnable: false)
    let job = script.workbench.save(
      .original, to: script.folder.file("no/such/folder/x"), as: .safetensors(.packed))
    script.settle()
    #expect(script.failures.contains { $0.contains("cannot write") })
    #expect(script.workbench.jobs.first { $0.id == job }?.canRetry == true)
  }
}

@Suite struct ReopeningTests {
  @Test func theSessionComesBackAndWeightsAreRebuilt() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    let recipe = Recipe(steps: [Script.prune(0.5), Script.quantize(3)])
    script.workbench.run(recipe, on: .original)
    script.settle()
    script.workbench.undo()
    script.workbench.place = ["view": "layer"]
    let weights = try #require(script.workbench.model(of: RevisionID(2))?.parameters)
    #expect(script.workbench.close() == nil)

    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    #expect(again.workbench.tree == script.workbench.tree)
    #expect(again.workbench.place == ["view": "layer"])
    #expect(again.workbench.warning == nil)
    #expect(again.workbench.model(of: RevisionID(2)) == nil)
    again.settle()
    // Nothing was missing, so nothing was measured anew.
    #expect(!again.workbench.jobs.contains { $0.kind == .measure })
    let rebuilt = try #require(again.workbench.model(of: RevisionID(2))?.parameters)
    for parameter in weights {
      #expect(try rebuilt[parameter.name]?.tensor().array == parameter.tensor().array)
    }
    let redone = again.workbench.redo()
    #expect(redone)
    again.workbench.run(Script.prune(0.9), on: RevisionID(2))
    again.settle()
    #expect(again.workbench.tree.current == RevisionID(3))
    #expect(again.failures.isEmpty)
  }

  /// Requests on a revision whose weights have to be rebuilt wait for them.
  @Test func requestsWaitForWeights() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    #expect(script.workbench.close() == nil)

    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    let id = RevisionID(1)
    let path = again.folder.file("out.safetensors")
    again.workbench.requestLayer("h.0.mlp.c_fc.weight", of: id)
    again.workbench.requestBlockFigures(of: id, visible: [])
    again.workbench.preview(Script.quantize(4), on: id)
    again.workbench.run(Script.quantize(4), on: id)
    again.workbench.save(id, to: path, as: .safetensors(.packed))
    again.workbench.sample([id], prompt: "a", seed: 1, count: 3, temperature: 0)
    again.settle()
    #expect(again.failures.isEmpty)
    #expect(again.workbench.tree.current == RevisionID(2))
    #expect(again.workbench.jobs.filter { $0.title == "rebuild r1" }.count == 1)
    var seen: Set<String> = []
    for event in again.events {
      switch event {
      case .layerReady: seen.insert("layer")
      case .blockFigures: seen.insert("figures")
      case .previewReady: seen.insert("preview")
      case .saved: seen.insert("saved")
      case .sample: seen.insert("sample")
      default: break
      }
    }
    #expect(seen.count == 5)
  }

  @Test func aCancelledRebuildEndsWhatWaitedForIt() throws {
    let state = TemporaryFolder()
    let script = try Script(isRunnable: false, sessionIn: state)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    #expect(script.workbench.close() == nil)
    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    let job = again.workbench.run(Script.quantize(4), on: RevisionID(1))
    again.workbench.cancelAll()
    again.settle()
    #expect(again.workbench.jobs.first { $0.id == job }?.state == .cancelled)
    #expect(again.workbench.tree.revisions.count == 2)
  }

  @Test func lossesOfAnotherTextAreForgotten() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    script.settle()
    let first = script.workbench.tree.original.metrics
    #expect(script.workbench.close() == nil)
    let again = try Script(
      text: TinyModel.text(300), sessionIn: state, checkpoint: script.checkpoint)
    #expect(again.workbench.tree.original.metrics.loss == nil)
    #expect(again.workbench.tree.original.metrics.fileBytes == first.fileBytes)
    again.settle()
    #expect(again.workbench.tree.original.metrics.measuredOn == "text.txt, 299 characters")
  }

  /// A network with other heads is another network, of the same file.
  @Test func lossesOfOtherHeadsAreForgotten() throws {
    let state = TemporaryFolder()
    let script = try Script(sessionIn: state)
    script.settle()
    let first = try #require(script.workbench.tree.original.metrics.loss)
    #expect(script.workbench.close() == nil)
    let path = try #require(script.checkpoint.path)
    let other = try Checkpoint.open(path, settings: ["n_head": "4"])
    let again = try Script(sessionIn: state, checkpoint: other)
    #expect(again.workbench.tree.original.metrics.loss == nil)
    again.settle()
    #expect(try #require(again.workbench.tree.original.metrics.loss) != first)
  }

  /// What a kill leaves behind is the session as it was last written; the job
  /// that ran is lost, and nothing else.
  @Test func aKillLosesOnlyWhatRan() throws {
    let state = TemporaryFolder()
    let script = try Script(isRunnable: false, sessionIn: state)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    let job = script.workbench.run(Script.quantize(2), on: RevisionID(1))
    // No close: the session writer alone has to have done its work.
    script.workbench.cancel(job)
    script.settle()
    script.workbench.waitForSession()
    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    #expect(again.workbench.tree.revisions.map(\.id) == script.workbench.tree.revisions.map(\.id))
  }
}
