import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Checkpoints written as several files and their index.
@Suite struct ShardWritingTests {
  let folder = TemporaryFolder()
  private var path: String { folder.file("model.safetensors") }
  private var indexPath: String { path + ".index.json" }

  private static let parameters = (0..<9).map { number in
    Samples.tensor(
      number % 3 == 0 ? .f32 : .bf16, [number + 1, 64], seed: UInt64(number),
      name: "model.layers.\(number).a.weight")
  }

  @Test(arguments: [1, 600, 1000, 2500, 10_000, Int.max], [SaveForm.dense(nil), .packed])
  func shardsAreTheWhole(limit: Int, form: SaveForm) throws {
    let plan = try SavePlan.make(
      parameters: Parameters(Self.parameters), metadata: ["note": "x"], form: form)
    let shards = try ShardedPlan(plan, shardByteCount: limit)
    try shards.write(to: path)
    let paths = shards.paths(for: path)
    #expect(paths.count == shards.shards.count + 1 && paths.last == indexPath)
    for (shard, path) in zip(shards.shards, paths) {
      #expect(TemporaryFolder.bytes(path).count == shard.byteCount)
      let size = shard.entries.reduce(0) { $0 + $1.byteCount }
      #expect(size <= limit || shard.entries.count == 1)
    }
    #expect(shards.shards.flatMap(\.entries) == plan.entries)
    for path in [indexPath, folder.path] {
      let file = try Checkpoint.open(path)
      #expect(file.warnings.isEmpty, "\(file.warnings)")
      #expect(file.metadata["note"] == "x")
      #expect(file.parameters.map(\.name) == Self.parameters.map(\.name))
      for parameter in Self.parameters {
        let back = try #require(try file.parameters[parameter.name]?.tensor())
        #expect(haveSameBits(back, try parameter.tensor()))
      }
    }
  }

  /// Tensors with codes, masks and bit depths: all parts come together again.
  @Test func packedTensorsOfSeveralShardsAreRead() throws {
    let source = try Checkpoint.open(
      Fixtures.path("shakespeare-char-compressed.safetensors"))
    let plan = try SavePlan.make(parameters: source.parameters, of: source, form: .packed)
    let shards = try ShardedPlan(plan, shardByteCount: 100_000)
    #expect(shards.shards.count > 3)
    try shards.write(to: path)
    let file = try Checkpoint.open(indexPath)
    #expect(file.configuration == source.configuration)
    #expect(file.vocabulary == source.vocabulary)
    for parameter in source.parameters {
      let back = try #require(file.parameters[parameter.name])
      #expect(back.grid == parameter.grid)
      #expect(haveSameBits(try back.tensor(), try parameter.tensor()))
    }
    let again = try SavePlan.make(parameters: file.parameters, of: file, form: .packed)
    #expect(again.entries.map(\.encoding).sorted() == plan.entries.map(\.encoding).sorted())
  }

  @Test func aStopLeavesWhatWasThere() throws {
    let plan = try SavePlan.make(parameters: Parameters(Self.parameters), form: .dense(nil))
    let shards = try ShardedPlan(plan, shardByteCount: 1000)
    try shards.write(to: path)
    let before = folder.names.map { ($0, TemporaryFolder.bytes(folder.file($0))) }
    let other = try SavePlan.make(
      parameters: Parameters(Self.parameters), metadata: ["other": "y"], form: .packed)
    for steps in 0..<20 {
      let counter = Counter(steps)
      do {
        try ShardedPlan(other, shardByteCount: 1000).write(
          to: path, shouldStop: { counter.isDone })
      } catch CheckpointError.stopped {
        #expect(folder.names == before.map(\.0))
        for (name, bytes) in before { #expect(TemporaryFolder.bytes(folder.file(name)) == bytes) }
        continue
      }
      #expect(try Checkpoint.open(indexPath).metadata["other"] == "y")
      return
    }
    Issue.record("the save never came to its end")
  }

  @Test func theOpenShardsAreNotWrittenOver() throws {
    let plan = try SavePlan.make(parameters: Parameters(Self.parameters), form: .dense(nil))
    try ShardedPlan(plan, shardByteCount: 1000).write(to: path)
    let source = try Checkpoint.open(indexPath)
    let again = try ShardedPlan(
      SavePlan.make(parameters: source.parameters, of: source, form: .dense(nil)),
      shardByteCount: 1000)
    #expect(throws: CheckpointError.sameFile(path: again.paths(for: path)[0])) {
      try again.write(to: path)
    }
  }

  @Test func tooManyShardsAreRefused() throws {
    let parameters = (0..<513).map { Samples.tensor(.f32, [1], seed: 1, name: "t\($0)") }
    let plan = try SavePlan.make(parameters: Parameters(parameters), form: .dense(nil))
    #expect(throws: CheckpointError.self) { try ShardedPlan(plan, shardByteCount: 1) }
  }
}

/// Says that it is done after so many questions.
private final class Counter: @unchecked Sendable {
  // Asked by one thread only: a save asks before each tensor.
  private var left: Int

  init(_ count: Int) { left = count }

  var isDone: Bool {
    left -= 1
    return left < 0
  }
}
