import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing

/// Models that are too large to be kept: weights, masks and grids are made when they
/// are read, and are the same.
@Suite struct LargeModelTests {
  private static func apply(_ steps: [Step], large: Bool) throws -> Parameters {
    try LargeModel.$weightCount.withValue(large ? 1 : .max) {
      try steps.reduce(RunnableModel.state(seed: 3)) {
        try $1.apply(to: $0, in: JobContext())
      }.parameters
    }
  }

  /// Two steps, so that one reads what the other makes; one of them rounds so coarsely
  /// that magnitudes tie across layers.
  @Test(arguments: PassLawTests.variants)
  func deferredIsTheSame(_ step: Step) throws {
    let coarse = try Step(passName: "quantize", settings: [("bits", "3")])
    for steps in [[step], [coarse, step], [step, coarse]] {
      let kept = try Self.apply(steps, large: false)
      let deferred = try Self.apply(steps, large: true)
      let pairs = Array(zip(kept, deferred))
      // Out of order first, which a cut through the whole model must not mind.
      for (a, b) in pairs.reversed() + pairs {
        let (first, second) = (try a.loaded(threads: 1), try b.loaded(threads: 2))
        #expect(second.values.array.map(\.bitPattern) == first.values.array.map(\.bitPattern))
        #expect(second.grid == first.grid, "\(a.name)")
        #expect(second.mask == first.mask, "\(a.name)")
      }
    }
  }

  /// A packed file of such a model packs to the same bytes again.
  @Test func packedFilesWaitAsWell() throws {
    let steps = [
      try Step(passName: "quantize", settings: [("granularity", "group"), ("group-size", "4")]),
      try Step(passName: "prune", settings: [("amount", "0.4")]),
    ]
    let folder = TemporaryFolder()
    let (first, second) = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    try SavePlan.make(parameters: Self.apply(steps, large: true), form: .packed).write(to: first)
    try LargeModel.$weightCount.withValue(1) {
      let checkpoint = try Checkpoint.open(first)
      #expect(checkpoint.parameters.contains { $0.isDeferred })
      try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: .packed)
        .write(to: second)
    }
    #expect(TemporaryFolder.bytes(second) == TemporaryFolder.bytes(first))
  }
}
