import CheckpointIO
import Compression
import Foundation
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Transformers
import Workspace

/// Revisions whose layers are smaller than the original's.
@Suite struct SliceRevisionTests {
  private static let hidden = "h.0.mlp.c_fc.weight"
  private static let attention = "h.1.attn.c_attn.weight"

  private static func channels(_ amount: Double, layers: LayerSelection = .all) -> Step {
    var pass = Prune()
    (pass.amount, pass.structure) = (amount, .channel)
    return Step(pass: pass, layers: layers)
  }

  /// The first MLP loses half its channels, the second attention all its values.
  private static let recipe = Recipe(steps: [
    channels(0.5, layers: .matching(["block.0.mlp.c_fc"])),
    channels(1, layers: .matching(["block.1.attn.c_attn"])), Step(pass: Slice()),
  ])

  private static func sliced(
    text: String? = nil, sessionIn state: TemporaryFolder? = nil
  ) throws -> Script {
    let script = try Script(text: text, sessionIn: state)
    script.workbench.run(recipe, on: .original)
    script.settle()
    #expect(script.failures.isEmpty && script.workbench.tree.current == RevisionID(3))
    return script
  }

  @Test func aSlicedRevisionIsSmallerAndWorthTheSame() throws {
    let script = try Self.sliced()
    let tree = script.workbench.tree
    let (pruned, sliced) = try (
      #require(tree[RevisionID(2)]?.metrics), #require(tree[RevisionID(3)]?.metrics)
    )
    let (before, after) = try (#require(pruned.loss), #require(sliced.loss))
    #expect(abs(after - before) < 1e-5 * before)
    #expect(try abs(#require(sliced.kl) - #require(pruned.kl)) < 1e-5)
    #expect(try #require(sliced.fileBytes) < #require(pruned.fileBytes))
    // 32 hidden channels of 64, and an attention of 16 → 48 and 16 → 16.
    #expect(pruned.weights - sliced.weights == 2 * 32 * 16 + 4 * 16 * 16)
    #expect(sliced.keptWeights == sliced.weights && sliced.sparsity == 0)
    #expect(sliced.layerError == nil && pruned.layerError != nil)
    let model = try #require(script.workbench.model(of: RevisionID(3)))
    #expect(model.configuration["pare.blocks"] != nil)
    #expect(script.workbench.model(of: RevisionID(2))?.configuration["pare.blocks"] == nil)
  }

  /// What is written is what the revision writes.
  @Test func itWritesTheSameText() throws {
    let script = try Self.sliced()
    script.forget()
    let ids = [RevisionID(2), RevisionID(3)]
    script.workbench.sample(ids, prompt: "abc", seed: 1, count: 12, temperature: 0)
    script.settle()
    var texts: [RevisionID: String] = [:]
    for case .sample(let id, let text, _, true) in script.events { texts[id] = text }
    #expect(texts.count == 2 && texts[ids[0]] == texts[ids[1]] && texts[ids[1]]?.isEmpty == false)
  }

  @Test(arguments: [
    ("a.safetensors", SaveRequest.safetensors(.packed)),
    ("b.safetensors", .safetensors(.dense(nil))), ("c.pt", .pytorch), ("d.gguf", .gguf(.own)),
  ])
  func whatIsSavedOpensAsTheSame(_ name: String, _ request: SaveRequest) throws {
    let text = TinyModel.text(400)
    let script = try Self.sliced(text: text)
    let path = script.folder.file(name)
    script.workbench.save(RevisionID(3), to: path, as: request)
    script.settle()
    #expect(script.failures.isEmpty)
    let saved = try Checkpoint.open(path)
    let model = try #require(script.workbench.model(of: RevisionID(3)))
    #expect(saved.configuration["pare.blocks"] == model.configuration["pare.blocks"])
    #expect(saved.parameters.weightCount == model.parameters.weightCount)
    let tokens = [0, 1, 2, 3, 4, 5, 6, 7, 3, 1]
    let logits = try [model, saved.model].map {
      try Network.make($0.parameters, configuration: $0.configuration).logits(tokens).array
    }
    #expect(logits[0] == logits[1])
    let file = try script.folder.write(Array(text.utf8), to: "again.txt")
    let loss = try Headless.evaluate(saved, on: .file(file), in: JobContext()).evaluation.loss
    let known = try #require(script.workbench.tree[RevisionID(3)]?.metrics.loss)
    #expect(abs(loss - known) < 1e-6 * known)
  }

  @Test func theRecipeGivesTheSameBytes() throws {
    let script = try Self.sliced()
    let (a, b) = (script.folder.file("a"), script.folder.file("b"))
    script.workbench.save(RevisionID(3), to: a, as: .safetensors(.packed))
    script.settle()
    let text = try #require(script.workbench.tree.recipe(to: RevisionID(3))).yaml
    #expect(text.hasSuffix("  - slice: {}\n"))
    for threads in 1...2 {
      let job = JobContext(threads: threads)
      let model = try Headless.apply(Recipe(yaml: text), to: script.checkpoint, in: job)
      try Headless.save(
        model, of: script.checkpoint, to: b, form: .packed, overwrite: true, in: job)
      #expect(try script.folder.read(a) == script.folder.read(b))
    }
  }

  @Test func theSessionOpensAgain() throws {
    let state = TemporaryFolder()
    let script = try Self.sliced(sessionIn: state)
    let model = try #require(script.workbench.model(of: RevisionID(3)))
    #expect(script.workbench.close() == nil)
    let again = try Script(sessionIn: state, checkpoint: script.checkpoint)
    #expect(again.workbench.tree == script.workbench.tree && again.workbench.warning == nil)
    // A pass on it works on the smaller layers.
    again.workbench.run(Script.quantize(4), on: RevisionID(3))
    again.settle()
    #expect(again.failures.isEmpty)
    let rebuilt = try #require(again.workbench.model(of: RevisionID(3)))
    #expect(rebuilt.configuration == model.configuration)
    #expect(rebuilt.parameters.map(\.shape) == model.parameters.map(\.shape))
    let quantized = try #require(again.workbench.tree[RevisionID(4)]?.metrics)
    #expect(quantized.loss != nil && quantized.weights == model.parameters.linearLayers.weightCount)
  }

  /// Layers that are smaller or gone are shown as they are, and have no error.
  @Test func layersOfOtherShapesAreMeasured() throws {
    let script = try Self.sliced()
    let bench = script.workbench
    script.forget()
    for name in [Self.hidden, Self.attention, "h.0.ln_1.weight"] {
      bench.requestLayer(name, of: RevisionID(3))
      bench.requestSpectrum(name, of: RevisionID(3))
      bench.requestCodes(name, of: RevisionID(3))
      script.settle()
    }
    bench.requestBlockFigures(of: RevisionID(3), visible: [])
    bench.requestSensitivity(of: RevisionID(3))
    script.settle()
    #expect(script.failures.isEmpty)
    var layers: [String: LayerSnapshot] = [:]
    for case .layerReady(let layer) in script.events { layers[layer.name] = layer }
    let hidden = try #require(layers[Self.hidden])
    #expect(hidden.shape == [32, 16] && hidden.statistics.isReshaped)
    #expect(hidden.statistics.error == nil && !hidden.statistics.isGone)
    let gone = try #require(layers[Self.attention])
    #expect(gone.shape.count == 0 && gone.statistics.isGone && gone.mask.keptCount == 0)
    #expect(try #require(layers["h.0.ln_1.weight"]).statistics.error == 0)
    var figures: [String: LayerStatistics] = [:]
    for case .blockFigures(_, let some) in script.events { figures.merge(some) { $1 } }
    #expect(figures[Self.attention]?.isGone == true)
    #expect(figures["h.0.attn.c_attn.weight"]?.error == 0)
    // What is shared with a later revision stays what it is.
    script.forget()
    bench.run(Self.channels(0.1, layers: .matching(["block.0.attn.c_proj"])), on: RevisionID(3))
    script.settle()
    bench.requestLayer(Self.hidden, of: RevisionID(4))
    script.settle()
    for case .layerReady(let layer) in script.events {
      #expect(layer.statistics.isReshaped && layer.statistics.error == nil)
    }
  }

  @Test func aPreviewTellsWhatWouldBeLeft() throws {
    let script = try Self.sliced()
    script.forget()
    for name in [Self.hidden, Self.attention] {
      script.workbench.preview(Step(pass: Slice()), on: RevisionID(2), layer: name)
      script.settle()
    }
    let previews = script.events.compactMap { event -> Preview? in
      if case .previewReady(let preview) = event, preview.whole != nil { preview } else { nil }
    }
    let (first, last) = (try #require(previews.first), try #require(previews.last))
    let sliced = try #require(script.workbench.tree[RevisionID(3)]?.metrics)
    #expect(first.whole?.fileBytes == sliced.fileBytes)
    #expect(first.whole?.keptWeights == sliced.keptWeights && first.whole?.layerError == nil)
    #expect(first.layer?.shape == [32, 16] && last.layer?.statistics.isGone == true)
  }

  @Test func whatDoesNotRunIsNotSliced() throws {
    let script = try Script(isRunnable: false)
    script.workbench.run(Step(pass: Slice()), on: .original)
    script.settle()
    #expect(script.failures.contains { $0.hasPrefix("This model cannot be run: ") })
    #expect(script.workbench.tree.revisions.count == 1)
  }
}

/// Pruned and sliced models of every family.
@Suite struct FamilySliceTests {
  private static let folder = SharedData.packageRoot + "/Checkpoints/families"
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  private static let tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]

  @Test(arguments: names) func slicingChangesNoOutput(_ family: String) throws {
    let checkpoint = try Checkpoint.open(Self.folder + "/" + family)
    var prune = Prune()
    (prune.amount, prune.structure) = (0.4, .channel)
    let job = JobContext(threads: 2)
    let pruned = try Headless.apply(
      Recipe(steps: [Step(pass: prune)]), to: checkpoint, in: job)
    let sliced = try Slice().apply(to: pruned, layers: .all, in: job)
    // Its MLPs are experts, and its heads have sinks.
    let isWhole = family == "gpt_oss"
    #expect((sliced.parameters.weightCount < pruned.parameters.weightCount) == !isWhole)
    let scratch = TemporaryFolder()
    var models = [pruned, sliced]
    for (name, request) in [
      ("a.safetensors", SaveRequest.safetensors(.packed)), ("b.gguf", .gguf(.own)),
    ] {
      let path = scratch.file(name)
      try Headless.plan(sliced, of: checkpoint, as: request, to: path, in: job).plan.write(to: path)
      models.append(try Checkpoint.open(path).model)
    }
    let networks = try models.map {
      try Network.make($0.parameters, configuration: $0.configuration)
    }
    let logits = try networks.map { try $0.logits(Self.tokens).array }
    let largest = logits[0].reduce(0) { max($0, abs($1)) }
    for found in logits.dropFirst() {
      let worst = zip(logits[0], found).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2e-5 * largest, "off by \(worst / largest)")
    }
    let losses = try networks.prefix(2).map { try $0.evaluate(Self.tokens).loss }
    #expect(abs(losses[1] - losses[0]) < 2e-5 * losses[0])
    let texts = try networks.prefix(2).map {
      try $0.generate(prompt: [3, 1], count: 6, sampling: Sampling(temperature: 0)).tokens
    }
    #expect(Set(texts).count == 1)
  }
}
