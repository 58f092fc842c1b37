import CheckpointIO
internal import Glibc
import Synchronization
import Tensors
import TestSupport
import Testing

/// A save that was stopped goes on, and comes to the same file.
@Suite struct PartialSaveTests {
  let folder = TemporaryFolder()

  /// Eight tensors of 256 bytes.
  private func checkpoint(_ name: String, seed: UInt64 = 1) throws -> Checkpoint {
    let list = (0..<8).map { index in
      Samples.tensor(.f32, [8, 8], seed: seed + UInt64(index), name: "t\(index)")
    }
    try SavePlan.make(parameters: Parameters(list), form: .dense(nil)).write(to: folder.file(name))
    return try Checkpoint.open(folder.file(name))
  }

  /// What can be written, with the names of the files.
  enum Kind: CaseIterable {
    case safetensors, shards, pytorch, gguf

    func plan(_ checkpoint: Checkpoint) throws -> any FilePlan {
      let dense = { try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: $0) }
      switch self {
      case .safetensors: return try dense(.dense(nil))
      case .shards: return try ShardedPlan(dense(.dense(nil)), shardByteCount: 600)
      case .pytorch:
        return try PyTorchPlan.make(
          parameters: checkpoint.parameters, of: checkpoint, dtype: nil)
      case .gguf:
        return try GGUFPlan.make(
          parameters: checkpoint.parameters, of: checkpoint, storage: .blocks(.q8_0))
      }
    }
  }

  /// Writes `out` and stops once so many tensors are written.
  private func write(
    _ checkpoint: Checkpoint, as kind: Kind = .safetensors, to name: String = "out",
    recipe: String?, stopAfter count: Int = .max
  ) throws -> Int {
    let begun = Mutex(0)
    return try kind.plan(checkpoint).write(
      to: folder.file(name), recipe: recipe, syncing: 300,
      progress: { _, _ in begun.withLock { $0 += 1 } },
      shouldStop: { begun.withLock { $0 } >= count })
  }

  @Test(arguments: 1...7) func goesOnWhereItStopped(count: Int) throws {
    let source = try checkpoint("a")
    #expect(throws: CheckpointError.stopped) {
      try write(source, recipe: "r", stopAfter: count)
    }
    #expect(folder.names.contains("out") == false)
    // Two tensors are more than the 300 bytes after which the disk has them.
    let resumed = try write(source, recipe: "r")
    #expect(resumed == count / 2 * 2)
    #expect(TemporaryFolder.bytes(folder.file("out")) == TemporaryFolder.bytes(folder.file("a")))
    #expect(folder.names == ["a", "out"])
  }

  /// Whatever is written comes to the bytes of a save that was never stopped.
  @Test(arguments: Kind.allCases, [3, 5, 8]) func everyKindGoesOn(kind: Kind, count: Int) throws {
    let source = try checkpoint("a")
    let name = kind == .shards ? "out.safetensors" : "out"
    #expect(try write(source, as: kind, to: name, recipe: nil) == 0)
    let whole = folder.names.map { ($0, TemporaryFolder.bytes(folder.file($0))) }
    for (other, _) in whole where other != "a" { #expect(unsafe unlink(folder.file(other)) == 0) }
    #expect(throws: CheckpointError.stopped) {
      try write(source, as: kind, to: name, recipe: "r", stopAfter: count)
    }
    #expect(try !kind.plan(source).unfinishedFiles(for: folder.file(name)).isEmpty)
    #expect(try write(source, as: kind, to: name, recipe: "r") > 0)
    #expect(folder.names == whole.map(\.0))
    for (name, bytes) in whole { #expect(TemporaryFolder.bytes(folder.file(name)) == bytes) }
  }

  @Test func anotherRecipeOrSourceBeginsAnew() throws {
    let (first, second) = (try checkpoint("a"), try checkpoint("b", seed: 100))
    for (source, recipe) in [(first, "other"), (second, "r"), (first, nil)] {
      #expect(throws: CheckpointError.stopped) { try write(first, recipe: "r", stopAfter: 5) }
      #expect(try write(source, recipe: recipe) == 0)
      let path = source.path ?? ""
      #expect(TemporaryFolder.bytes(folder.file("out")) == TemporaryFolder.bytes(path))
    }
  }

  /// Without a recipe nothing is left of a save that was stopped.
  @Test func withoutARecipeNothingStays() throws {
    let source = try checkpoint("a")
    #expect(throws: CheckpointError.stopped) { try write(source, recipe: nil, stopAfter: 5) }
    #expect(folder.names == ["a"])
  }

  /// What stands at the end of an unfinished file is believed only as it was written.
  @Test func damagedNotesAreNotBelieved() throws {
    let source = try checkpoint("a")
    let name = folder.file(".out.pare-save")
    #expect(throws: CheckpointError.stopped) { try write(source, recipe: "r", stopAfter: 5) }
    let whole = TemporaryFolder.bytes(name)
    for place in whole.count - 32..<whole.count {
      var damaged = whole
      damaged[place] ^= 1
      TemporaryFolder.write(damaged, to: name)
      #expect(try write(source, recipe: "r") == 0)
    }
  }
}
