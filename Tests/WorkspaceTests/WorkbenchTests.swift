import CheckpointIO
import Compression
import Jobs
import Tensors
import TestSupport
import Testing
import Workspace

/// A workbench on the tiny model, and what it told.
final class Script {
  let folder = TemporaryFolder()
  let checkpoint: Checkpoint
  let workbench: Workbench
  private(set) var events: [WorkbenchEvent] = []

  init(
    text: String? = nil, part: TextPart = .whole, threads: Int = 2, isRunnable: Bool = true,
    sessionIn state: TemporaryFolder? = nil, checkpoint: Checkpoint? = nil
  ) throws {
    let checkpoint =
      try checkpoint ?? TinyModel.checkpoint(in: folder, isRunnable: isRunnable)
    self.checkpoint = checkpoint
    let folder = folder
    let file = try text.map { try folder.write(Array($0.utf8), to: "text.txt") }
    let session = state.map { Session(directory: $0.path, checkpoint: checkpoint) }
    workbench = try Workbench(
      checkpoint: checkpoint, text: file.map { .file($0) } ?? .selfWritten, part: part,
      threads: threads, session: session)
  }

  /// Takes in all that comes until every job is over.
  func settle() { workbench.waitUntilIdle { events.append($0) } }

  /// Takes in what comes until something does that is asked for.
  func settle(until isReached: (WorkbenchEvent) -> Bool) {
    while true {
      let fresh = workbench.receive()
      events += fresh
      if fresh.contains(where: isReached) || workbench.isIdle { return }
      workbench.mailbox.wait()
    }
  }

  func forget() { events = [] }

  static func prune(_ amount: Double, layers: LayerSelection = .all) -> Step {
    var pass = Prune()
    pass.amount = amount
    return Step(pass: pass, layers: layers)
  }

  static func quantize(_ bits: Int) -> Step {
    var pass = Quantize()
    pass.bits = bits
    return Step(pass: pass)
  }

  /// Revisions that could not be kept, and why.
  var refused: [String] {
    events.compactMap {
      if case .notKept(let id, let reason) = $0 { "\(id): \(reason)" } else { nil }
    }
  }

  var failures: [String] {
    events.compactMap { event in
      switch event {
      case .failed(let sentence): sentence
      case .jobChanged(let record):
        if case .failed(let sentence) = record.state { sentence } else { nil }
      default: nil
      }
    }
  }
}

@Suite struct WorkbenchTests {
  @Test func theOriginalIsMeasuredAfterOpening() throws {
    let script = try Script()
    #expect(!script.workbench.isIdle)
    #expect(script.workbench.jobs.isEmpty)
    script.settle()
    let metrics = script.workbench.tree.original.metrics
    #expect(script.failures.isEmpty)
    #expect(metrics.weights == 2 * (3 + 1 + 4 + 4) * 256)
    #expect(metrics.keptWeights == metrics.weights)
    #expect(metrics.sparsity == 0 && metrics.layerError == 0)
    #expect(metrics.kl == 0 && metrics.agreement == 1)
    #expect(metrics.measuredOn == "4,096 tokens the original wrote")
    let loss = try #require(metrics.loss)
    // Sampled from itself: its loss is its own entropy, below that of a draw.
    #expect(loss > 0 && loss < 2.08)
    #expect(try #require(metrics.tokensPerSecond) > 0)
    #expect(metrics.fileBytes == script.checkpoint.fileByteCount)
    #expect(try abs(#require(metrics.bitsPerWeight) - 32) < 0.001)
  }

  /// The refusal names the smallest file, and that can be reached.
  @Test func aMixThatCannotBeNamesTheSmallest() throws {
    let script = try Script(isRunnable: false)
    script.settle()
    let job = script.workbench.reach(.bytes(1_000), from: .original)
    script.settle()
    let record = try #require(script.workbench.jobs.first { $0.id == job })
    #expect(record.title == "find a mix for 1 kB")
    guard case .failed(let sentence) = record.state else {
      Issue.record("\(record.state)")
      return
    }
    let lead = "no mix of quantizers makes a file of 1 kB; the smallest that can be reached is "
    #expect(sentence.hasPrefix(lead), "\(sentence)")
    let size = try #require(ByteSize(sentence.dropFirst(lead.count).filter { $0 != " " }))
    script.workbench.reach(.bytes(size.byteCount), from: .original)
    script.settle()
    let reached = try #require(script.workbench.tree[script.workbench.tree.current])
    #expect(reached.parent != nil)
    #expect(try #require(reached.metrics.fileBytes) <= size.byteCount)
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (4_000_000, "4 MB"), (1_500_000, "1.5 MB"), (1_050, "1.05 kB"),
    (1_896_658, "1.9 MB"), (999_994, "999.99 kB"), (999_996, "1 MB"), (1_000_000_000, "1 GB"),
  ]) func sizesAreTyped(_ byteCount: Int, _ text: String) {
    let size = ByteSize(byteCount: byteCount)
    #expect(size.description == text)
    let rounded = size.roundedUp
    #expect(rounded.byteCount >= byteCount)
    #expect(byteCount == 0 || ByteSize(rounded.description.filter { $0 != " " }) == rounded)
  }

  @Test func aPassMakesARevisionAndItsMetrics() throws {
    let script = try Script()
    script.settle()
    let job = script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    let id = RevisionID(1)
    #expect(script.failures.isEmpty)
    #expect(script.workbench.tree.current == id)
    #expect(script.workbench.jobs.first { $0.id == job }?.state == .done)
    let metrics = try #require(script.workbench.tree[id]?.metrics)
    #expect(metrics.sparsity == 0.5)
    #expect(metrics.keptWeights == metrics.weights / 2)
    #expect(try #require(metrics.layerError) > 0)
    #expect(try #require(metrics.kl) > 0)
    #expect(try #require(metrics.agreement) < 1)
    let original = script.workbench.tree.original.metrics
    #expect(try #require(metrics.loss) > #require(original.loss))
    #expect(try #require(metrics.fileBytes) < #require(original.fileBytes))
    #expect(try #require(metrics.bitsPerWeight) < 32)
    let kinds = script.events.map { event in
      switch event {
      case .revisionAdded(let added): "added \(added)"
      case .metricsChanged(let changed): "metrics \(changed)"
      default: ""
      }
    }
    let added = try #require(kinds.firstIndex(of: "added r1"))
    #expect(kinds[added...].contains("metrics r1"))
  }

  @Test func undoRedoAndBranches() throws {
    let script = try Script()
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    #expect(script.workbench.undo())
    #expect(script.workbench.tree.current == .original)
    script.workbench.run(Script.quantize(4), on: .original)
    script.settle()
    #expect(script.workbench.tree.current == RevisionID(2))
    #expect(script.workbench.tree.children(of: .original).count == 2)
    try script.workbench.go(to: RevisionID(1))
    #expect(script.workbench.undo() && script.workbench.redo())
    #expect(script.workbench.tree.current == RevisionID(1))
    try script.workbench.deleteLeaf(RevisionID(2))
    #expect(throws: RevisionError.self) { try script.workbench.deleteLeaf(.original) }
    script.settle()
    #expect(script.workbench.tree.revisions.count == 2)
    #expect(script.failures.isEmpty)
  }

  /// A pass that ends after the user has gone elsewhere does not drag the
  /// screen along.
  @Test func thePlaceIsLeftToTheUser() throws {
    let script = try Script()
    script.workbench.run(Script.prune(0.2), on: .original)
    script.settle()
    script.workbench.run(Script.prune(0.4), on: RevisionID(1))
    script.workbench.undo()
    script.settle()
    #expect(script.workbench.tree.current == .original)
    #expect(script.workbench.tree.revisions.count == 3)
  }

  @Test func aCancelledPassLeavesTheTreeAlone() throws {
    let script = try Script()
    script.settle()
    let before = script.workbench.tree
    let job = script.workbench.run(Script.prune(0.5), on: .original)
    script.workbench.cancel(job)
    script.settle()
    let record = try #require(script.workbench.jobs.first { $0.id == job })
    #expect(record.state == .cancelled && record.canRetry)
    #expect(script.workbench.tree == before)
    #expect(script.failures.isEmpty)
    let retried = try #require(script.workbench.retry(job))
    script.settle()
    #expect(script.workbench.jobs.first { $0.id == retried }?.state == .done)
    #expect(script.workbench.tree.revisions.count == 2)
    #expect(script.workbench.retry(retried) == nil)
  }

  @Test func aPausedPassWaits() throws {
    let script = try Script()
    script.settle()
    let first = script.workbench.run(Script.prune(0.5), on: .original)
    script.workbench.setPaused(first, true)
    let state = script.workbench.jobs.first { $0.id == first }?.state
    #expect(state == .paused || state == .done)
    script.workbench.setPaused(first, false)
    script.settle()
    #expect(script.workbench.tree.revisions.count == 2)
  }

  @Test func aPassThatSelectsNothingFailsWithASentence() throws {
    let script = try Script()
    let step = Script.prune(0.5, layers: .matching(["nothing.*"]))
    let job = script.workbench.run(step, on: .original)
    script.settle()
    let record = script.workbench.jobs.first { $0.id == job }
    guard case .failed(let sentence) = record?.state else {
      Issue.record("the pass did not fail")
      return
    }
    #expect(sentence.contains("no layer matches nothing.*"))
    #expect(script.workbench.tree.revisions.count == 1)
  }

  @Test func onlyTheLastPreviewIsDelivered() throws {
    let script = try Script()
    script.settle()
    script.forget()
    let layer = "h.1.mlp.c_fc.weight"
    for amount in [0.1, 0.2, 0.3] {
      script.workbench.preview(Script.prune(amount), on: .original, layer: layer)
    }
    let ticket = script.workbench.preview(Script.prune(0.75), on: .original, layer: layer)
    script.settle()
    let previews = script.events.compactMap { event -> Preview? in
      if case .previewReady(let preview) = event { preview } else { nil }
    }
    #expect(previews.map(\.ticket) == [ticket, ticket])
    #expect(previews.first?.whole == nil)
    #expect(previews.first?.layer?.mask.keptCount == 64 * 16 / 4)
    let whole = try #require(previews.last?.whole)
    #expect(whole.sparsity == 0.75 && whole.layerCount == 8)
    #expect(whole.layers[layer]?.sparsity == 0.75)
    #expect(script.workbench.tree.revisions.count == 1)

    script.workbench.run(Script.prune(0.75), on: .original)
    script.settle()
    let metrics = try #require(script.workbench.tree[RevisionID(1)]?.metrics)
    #expect(metrics.fileBytes == whole.fileBytes)
    // From counts, to three digits.
    #expect(abs((metrics.layerError ?? 0) - (whole.layerError ?? 1)) < 0.001)
    #expect(metrics.keptWeights == whole.keptWeights)
  }

  @Test func aPreviewOverTheWholeModelBringsItsLayerToo() throws {
    let script = try Script()
    script.settle()
    script.forget()
    var pass = Prune()
    pass.scope = .model
    let layer = "h.1.mlp.c_fc.weight"
    script.workbench.preview(Step(pass: pass), on: .original, layer: layer)
    script.settle()
    let previews = script.events.compactMap { event -> Preview? in
      if case .previewReady(let preview) = event { preview } else { nil }
    }
    // The totals are estimated before.
    try #require(previews.map { $0.whole?.isExact } == [false, true])
    #expect(previews[0].layer == nil && !previews[0].isDone && previews[1].isDone)
    let snapshot = try #require(previews[1].layer)
    #expect(previews[1].whole?.layers[layer]?.sparsity == snapshot.statistics.sparsity)
  }

  @Test func aCancelledPreviewIsSilent() throws {
    let script = try Script()
    script.settle()
    script.forget()
    script.workbench.preview(Script.prune(0.5), on: .original)
    script.workbench.cancelPreview()
    script.settle()
    #expect(script.events.isEmpty)
  }

  /// What is looked at comes first, everything once, and an end is an end.
  @Test func namesToMeasureComeInTheOrderOfInterest() {
    let names = FigureNames(["a", "b", "c", "d"])
    #expect(names.next() == "a")
    #expect(names.hurry(["d", "a", "x"]))
    #expect((0..<4).map { _ in names.next() } == ["d", "x", "b", "c"])
    #expect(names.next() == nil)
    #expect(!names.hurry(["y"]))
  }

  @Test func layersAndFiguresArrive() throws {
    let script = try Script()
    script.workbench.run(Script.prune(0.5, layers: .matching(["block.1.*"])), on: .original)
    script.settle()
    script.forget()
    let (kept, pruned) = ("h.0.attn.c_attn.weight", "h.1.attn.c_attn.weight")
    script.workbench.requestLayer(pruned, of: RevisionID(1))
    script.workbench.requestLayer(kept, of: .original)
    script.workbench.requestBlockFigures(of: RevisionID(1), visible: [pruned, "wte.weight"])
    script.settle()
    var snapshots: [String: LayerSnapshot] = [:]
    var figures: [String: LayerStatistics] = [:]
    var order: [String] = []
    for event in script.events {
      if case .layerReady(let snapshot) = event { snapshots[snapshot.name] = snapshot }
      if case .blockFigures(RevisionID(1), let fresh) = event {
        figures.merge(fresh) { $1 }
        order += fresh.keys
      }
    }
    #expect(snapshots[pruned]?.statistics.sparsity == 0.5)
    #expect(snapshots[pruned]?.mask.keptCount == 384)
    #expect(try #require(snapshots[pruned]?.statistics.error) > 0)
    #expect(snapshots[kept]?.statistics.error == nil)
    #expect(figures.count == 9)
    #expect(figures[kept]?.error == 0 && figures[kept]?.sparsity == 0)
    #expect(figures[pruned]?.sparsity == 0.5)
    #expect(order.first == pruned || order.first == "wte.weight")
    let total = figures.values.filter { $0.name.contains("h.") }.reduce(0) { $0 + $1.keptWeights }
    #expect(total == script.workbench.tree[RevisionID(1)]?.metrics.keptWeights)
  }

  @Test func samplesStream() throws {
    let script = try Script()
    script.workbench.run(Script.quantize(2), on: .original)
    script.settle()
    func texts() -> [RevisionID: String] {
      script.forget()
      script.workbench.sample(
        [.original, RevisionID(1)], prompt: "abc", seed: 5, count: 40, temperature: 1)
      script.settle()
      var last: [RevisionID: String] = [:]
      var done: [RevisionID] = []
      for case .sample(let id, let text, _, let isDone) in script.events {
        #expect(text.hasPrefix(last[id] ?? ""))
        last[id] = text
        if isDone { done.append(id) }
      }
      #expect(done == [.original, RevisionID(1)])
      return last
    }
    let first = texts()
    #expect(first[.original]?.count == 40)
    #expect(texts() == first)
    script.workbench.sample([.original], prompt: "xyz", seed: 5, count: 4, temperature: 1)
    script.settle()
    #expect(script.failures.contains { $0.contains("x") })
  }

  @Test func stoppedSamplesAreSilent() throws {
    let script = try Script()
    script.settle()
    script.forget()
    script.workbench.sample([.original], prompt: "a", seed: 1, count: 5_000, temperature: 1)
    script.workbench.stopSampling()
    script.settle()
    #expect(!script.events.contains { if case .sample = $0 { true } else { false } })
  }

  @Test func aModelThatCannotRunIsStillWorkedOn() throws {
    let script = try Script(isRunnable: false)
    let reason = try #require(script.workbench.whyNotRunnable)
    #expect(reason.contains("cannot be run"))
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    let metrics = try #require(script.workbench.tree[RevisionID(1)]?.metrics)
    #expect(metrics.loss == nil && metrics.sparsity == 0.5 && metrics.fileBytes != nil)
    #expect(script.failures.isEmpty)
  }

  @Test func aRecipeRunsStepByStep() throws {
    let script = try Script()
    let recipe = Recipe(steps: [Script.prune(0.5), Script.quantize(4)])
    script.workbench.run(recipe, on: .original)
    script.settle()
    #expect(script.workbench.tree.current == RevisionID(2))
    #expect(script.workbench.tree.recipe(to: RevisionID(2)) == recipe)
  }

  @Test func jobsProgressAndEnd() throws {
    let script = try Script(text: TinyModel.text(2_000))
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    var fractions: [JobID: Double] = [:]
    for case .jobChanged(let record) in script.events {
      #expect(record.progress.fraction >= fractions[record.id] ?? 0)
      fractions[record.id] = record.progress.fraction
    }
    #expect(script.workbench.jobs.allSatisfy { $0.state == .done && $0.elapsed >= 0 })
    #expect(script.workbench.jobs.filter { $0.kind == .measure }.count == 2)
    #expect(fractions.values.allSatisfy { $0 == 1 })
  }
}
