import CheckpointIO
import Compression
import Jobs
import Tensors
import TestSupport
import Testing
import Workspace

/// The character GPT on Shakespeare, against what PyTorch measured of it
/// (`expected.json` beside it).
@Suite(.enabled(if: SharedData.isPresent)) struct RealCheckpointTests {
  private func open() throws -> Checkpoint {
    try Checkpoint.open(SharedData.path("shakespeare-char/ckpt.pt"))
  }

  @Test func lossesAreThoseOfPyTorch() throws {
    let checkpoint = try open()
    let job = JobContext(threads: Parallel.defaultThreads)
    let pruned = try Headless.apply(
      Recipe(steps: [Script.prune(0.5)]), to: checkpoint, in: job)
    let metrics = try Headless.measure(
      pruned, from: checkpoint, on: .file(SharedData.path("shakespeare-char/input.txt")),
      part: .validation, in: job)
    #expect(try abs(#require(metrics.loss) - 1.470_437_677_959_834_9) < 1e-4)
    #expect(metrics.tokens == 111_539)
    #expect(metrics.measuredOn == "input.txt, last tenth, 111,539 characters")
    #expect(metrics.sparsity == 0.5 && metrics.keptWeights == 5_308_416)
    #expect(try #require(metrics.kl) > 0)
    #expect(try (0..<1).contains(#require(metrics.agreement)))
  }

  /// r0 is what the file is: f32 weights, the tied head stored once.
  @Test func bytesAreHonest() throws {
    let checkpoint = try open()
    let folder = TemporaryFolder()
    let path = folder.file("out.safetensors")
    let job = JobContext(threads: Parallel.defaultThreads)
    for recipe in [Recipe(), Recipe(steps: [Script.prune(0.5), Script.quantize(4)])] {
      let parameters = try Headless.apply(recipe, to: checkpoint, in: job)
      let metrics = try Headless.sizes(of: parameters, from: checkpoint, in: job)
      let plan = try Headless.save(
        parameters, of: checkpoint, to: path, form: .packed, overwrite: true, in: job)
      #expect(metrics.fileBytes == plan.byteCount)
      #expect(try folder.read(path).count == plan.byteCount)
      let tensors = plan.entries.reduce(0) { $0 + $1.byteCount }
      #expect(metrics.bitsPerWeight == Double(tensors * 8) / 10_745_088)
      if recipe.steps.isEmpty { #expect(metrics.bitsPerWeight == 32) }
    }
  }
}
