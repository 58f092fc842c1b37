import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Workspace

/// What a preview tells from counts is what the run makes.
@Suite struct CountedPreviewTests {
  /// How a file has the weights.
  enum Form: String, CaseIterable {
    case f32, bf16, q4_0, q4K, packed
  }

  private static let settings: [Prune] =
    [0, 0.001, 0.31, 0.5, 0.9, 1].flatMap { amount in
      [Prune.Scope.layer, .model].map { scope in
        var pass = Prune()
        (pass.amount, pass.scope) = (amount, scope)
        return pass
      }
    }
    + [0, 0.01, 0.4].map { threshold in
      var pass = Prune()
      (pass.method, pass.threshold) = (.threshold, threshold)
      return pass
    }

  @Test(arguments: Form.allCases) func previewsTellWhatTheRunMakes(_ form: Form) throws {
    let folder = TemporaryFolder()
    let script = try Script(checkpoint: Self.checkpoint(form, in: folder))
    script.settle()
    try expectTruth(script, of: Self.settings, on: .original, isExact: form == .bf16)
  }

  @Test func previewsOfAPrunedRevisionTellIt() throws {
    let folder = TemporaryFolder()
    let script = try Script(checkpoint: Self.checkpoint(.q4_0, in: folder))
    script.workbench.run(Script.prune(0.4), on: .original)
    script.settle()
    try expectTruth(script, of: Self.settings, on: RevisionID(1), isExact: false)
  }

  @Test func whatIsOnAGridIsPreviewedByRunning() throws {
    let folder = TemporaryFolder()
    let script = try Script(checkpoint: Self.checkpoint(.f32, in: folder))
    script.workbench.run(Script.quantize(4), on: .original)
    script.settle()
    script.forget()
    script.workbench.preview(Script.prune(0.5), on: RevisionID(1))
    script.settle()
    let previews = Self.previews(script)
    #expect(previews.map { $0.whole?.isExact } == [true])
  }

  /// Where every layer loses a share of its own the sizes of numbers are exact at once.
  @Test func sharesOfLayersAreExactAtOnce() throws {
    let folder = TemporaryFolder()
    let script = try Script(checkpoint: Self.checkpoint(.f32, in: folder))
    script.workbench.preview(Script.prune(0.25), on: .original, layer: Self.name(0))
    script.settle()
    script.forget()
    let ticket = script.workbench.preview(Script.prune(0.75), on: .original, layer: Self.name(0))
    script.settle(until: { if case .previewReady = $0 { true } else { false } })
    let first = try #require(Self.previews(script).first)
    #expect(first.ticket == ticket && first.layer == nil && first.whole?.isExact == true)
    script.settle()
    #expect(Self.previews(script).last?.layer?.statistics.sparsity == 0.75)
    #expect(Self.previews(script).last?.whole == first.whole)
  }

  private func expectTruth(
    _ script: Script, of settings: [Prune], on id: RevisionID, isExact: Bool
  ) throws {
    let base = try #require(script.workbench.model(of: id))
    for pass in settings {
      // Without and with the layers counted before.
      script.forget()
      let step = Step(pass: pass)
      script.workbench.preview(step, on: id)
      script.settle()
      let previews = Self.previews(script)
      let job = JobContext(threads: 2)
      let model = try step.apply(to: base, in: job)
      let truth = try Comparison(
        of: script.checkpoint.parameters, with: model.parameters, in: job)
      let plan = try SavePlan.make(
        parameters: model.parameters, of: script.checkpoint,
        metadata: SavePlan.metadata(of: model, from: script.checkpoint), form: .packed)
      let bytes = plan.byteCount
      let entries = Dictionary(
        plan.entries.map { ($0.name, $0.byteCount) }, uniquingKeysWith: { $1 })
      #expect(previews.last?.isDone == true && previews.last?.whole?.isExact == true)
      if isExact { #expect(previews.allSatisfy { $0.whole?.isExact ?? true }, "\(pass.title)") }
      for whole in previews.compactMap(\.whole) {
        let total = truth.presentTotal
        if whole.isExact {
          #expect(whole.fileBytes == bytes, "\(pass.title)")
          #expect(whole.sparsity == total.sparsity, "\(pass.title)")
          #expect(whole.keptWeights == total.weights - total.zeros)
        }
        #expect(abs(Double(whole.fileBytes - bytes)) <= 0.01 * Double(bytes), "\(pass.title)")
        #expect(abs(whole.sparsity - total.sparsity) <= 0.01, "\(pass.title)")
        #expect(abs((whole.layerError ?? -1) - total.error) <= 0.005, "\(pass.title)")
        for layer in truth.layers {
          let told = try #require(whole.layers[layer.name])
          let difference = abs(told.sparsity - layer.difference.sparsity)
          #expect(difference <= (whole.isExact ? 0 : 0.02), "\(pass.title)")
          #expect(told.packedBytes == entries[layer.name] || !whole.isExact, "\(pass.title)")
          #expect(abs((told.error ?? -1) - layer.difference.error) <= 0.01, "\(pass.title)")
        }
      }
    }
  }

  private static func previews(_ script: Script) -> [Preview] {
    script.events.compactMap { if case .previewReady(let preview) = $0 { preview } else { nil } }
  }

  private static func name(_ block: Int) -> String { "h.\(block).mlp.c_fc.weight" }

  private static func checkpoint(_ form: Form, in folder: TemporaryFolder) throws -> Checkpoint {
    var random = SplitMix64(seed: 9)
    let parameters = (0..<3).map { block in
      let shape: Shape = [32, 256]
      let values = (0..<shape.count).map { index in
        // Rows of unlike sizes, and some zeros.
        index % 41 == 0 ? 0 : Float.random(in: -1...1, using: &random) * Float(1 + index / 2048)
      }
      let tensor = Tensor(shape, values)
      return Parameter(
        name: name(block), shape: shape, dtype: .f32,
        place: Place(block: nil, layer: name(block), role: .other), load: { tensor })
    }
    let plain = folder.file("plain.safetensors")
    try SavePlan.make(
      parameters: Parameters(parameters), form: .dense(form == .bf16 ? .bf16 : nil)
    ).write(to: plain)
    let checkpoint = try Checkpoint.open(plain)
    var request: SaveRequest?
    var model = checkpoint.model
    switch form {
    case .f32, .bf16: return checkpoint
    case .q4_0: request = .gguf(.blocks(.q4_0))
    case .q4K: request = .gguf(.blocks(.q4K))
    case .packed:
      model = try Script.prune(0.6).apply(to: model, in: JobContext(threads: 2))
      request = .safetensors(.packed)
    }
    let path = folder.file(form == .packed ? "packed.safetensors" : "blocks.gguf")
    try request?.plan(model, of: checkpoint, to: path).plan.write(to: path)
    return try Checkpoint.open(path)
  }
}
