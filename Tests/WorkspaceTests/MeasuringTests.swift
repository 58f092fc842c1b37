import CheckpointIO
import Compression
import Jobs
import TestSupport
import Testing
import Workspace

@Suite struct MeasuringTests {
  @Test func aTextIsMeasuredWholeOrInPart() throws {
    let whole = try Script(text: TinyModel.text(1_000))
    whole.settle()
    #expect(whole.workbench.tree.original.metrics.tokens == 999)
    #expect(whole.workbench.tree.original.metrics.measuredOn == "text.txt, 999 characters")
    let part = try Script(text: TinyModel.text(1_000), part: .validation)
    part.settle()
    let metrics = part.workbench.tree.original.metrics
    #expect(metrics.tokens == 99)
    #expect(metrics.measuredOn == "text.txt, last tenth, 99 characters")
    let tail = String(TinyModel.text(1_000).suffix(100))
    let same = try Script(text: tail)
    same.settle()
    #expect(same.workbench.tree.original.metrics.loss == metrics.loss)
  }

  @Test(arguments: [
    ("abcxabc", "x"), ("a", "at least 2"), ("é\n", "é"),
  ]) func unusableTextsAreSentences(text: String, words: String) throws {
    let script = try Script(text: text)
    script.settle()
    #expect(script.failures.contains { $0.contains(words) }, "\(script.failures)")
    #expect(script.workbench.tree.original.metrics.loss == nil)
    #expect(script.workbench.tree.original.metrics.fileBytes != nil)
  }

  @Test func missingTextsAreRefusedAtOnce() throws {
    let folder = TemporaryFolder()
    let checkpoint = try TinyModel.checkpoint(in: folder)
    _ = try folder.write([], to: "empty.txt")
    for (name, words) in [
      ("none.txt", "cannot be opened"), (".", "not a file"), ("empty.txt", "empty"),
    ] {
      let error = #expect(throws: TextError.self) {
        try Workbench(checkpoint: checkpoint, text: .file(folder.file(name)), threads: 1)
      }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
    let broken = try folder.write([0x61, 0x62, 0xFF, 0x61], to: "broken.txt")
    let error = #expect(throws: TextError.self) {
      try Headless.evaluate(checkpoint, on: .file(broken), in: JobContext())
    }
    #expect(error?.description.contains("not UTF-8 at byte 2") == true)
  }

  @Test func threadsDoNotChangeAnyFigure() throws {
    func metrics(threads: Int) throws -> [Metrics] {
      let script = try Script(threads: threads)
      script.workbench.run(
        Recipe(steps: [Script.prune(0.3), Script.quantize(3)]), on: .original)
      script.settle()
      #expect(script.failures.isEmpty)
      return script.workbench.tree.revisions.map {
        var metrics = $0.metrics
        (metrics.tokensPerSecond, metrics.layerSpeed) = (nil, nil)
        return metrics
      }
    }
    #expect(try metrics(threads: 1) == metrics(threads: 2))
  }

  @Test func theCommandLineMeasuresTheSame() throws {
    let text = TinyModel.text(500)
    let script = try Script(text: text)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    let recipe = try #require(script.workbench.tree.recipe(to: RevisionID(1)))
    let parameters = try Headless.apply(recipe, to: script.checkpoint, in: JobContext())
    let file = try script.folder.write(Array(text.utf8), to: "text.txt")
    var headless = try Headless.measure(
      parameters, from: script.checkpoint, on: .file(file), in: JobContext())
    var metrics = try #require(script.workbench.tree[RevisionID(1)]?.metrics)
    #expect(try #require(metrics.layerSpeed) > 0)
    #expect(script.workbench.tree.original.metrics.layerSpeed == nil)
    (headless.tokensPerSecond, metrics.tokensPerSecond) = (nil, nil)
    metrics.layerSpeed = nil
    #expect(headless == metrics)

    let path = script.folder.file("out.safetensors")
    try Headless.save(
      parameters, of: script.checkpoint, to: path, form: .packed, overwrite: false,
      in: JobContext())
    let saved = try Checkpoint.open(path)
    let both = try Headless.compare(
      script.checkpoint, saved, on: .file(file), in: JobContext())
    #expect(both.second.loss == metrics.loss && both.second.kl == metrics.kl)
    #expect(both.second.agreement == metrics.agreement && metrics.loss != nil)
    #expect(both.first.loss == script.workbench.tree.original.metrics.loss)
  }

  @Test func aCancelledMeasurementStaysCancelled() throws {
    let script = try Script()
    script.settle {
      if case .jobChanged(let record) = $0 { record.kind == .measure } else { false }
    }
    let job = try #require(script.workbench.jobs.first { $0.kind == .measure })
    script.workbench.cancel(job.id)
    script.settle()
    let record = try #require(script.workbench.jobs.first { $0.id == job.id })
    if record.state == .cancelled {
      #expect(script.workbench.tree.original.metrics.loss == nil)
      #expect(script.workbench.jobs.filter { $0.kind == .measure }.count == 1)
      script.workbench.measure(.original)
      script.settle()
    }
    #expect(script.workbench.tree.original.metrics.loss != nil)
    #expect(script.failures.isEmpty)
  }
}
