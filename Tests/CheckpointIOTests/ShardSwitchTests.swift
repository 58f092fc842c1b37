import CheckpointIO
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

/// A save in shards over an older one leaves the old checkpoint or the new one, whenever
/// the process is killed.
@Suite struct ShardSwitchTests {
  let folder = TemporaryFolder()
  private let name = "model.safetensors"
  private let indexName = "model.safetensors.index.json"

  /// Six tensors of 256 bytes, so that `perShard` of them fill a shard.
  private func plan(seed: UInt64, perShard: Int) throws -> ShardedPlan {
    let list = (0..<6).map { index in
      Samples.tensor(.f32, [8, 8], seed: seed + UInt64(index), name: "t\(index)")
    }
    let plan = try SavePlan.make(
      parameters: Parameters(list), metadata: ["seed": String(seed)], form: .dense(nil))
    return try ShardedPlan(plan, shardByteCount: perShard * 256)
  }

  /// The files of a folder.
  private static func contents(_ path: String) -> [String: [UInt8]] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return Dictionary(
      uniqueKeysWithValues: names.map { ($0, TemporaryFolder.bytes(path + "/" + $0)) })
  }

  /// Which checkpoint a folder holds, by its seed; nil for none that is whole.
  private func whole(_ path: String, among seeds: [UInt64]) throws -> UInt64? {
    guard FileManager.default.fileExists(atPath: path + "/" + indexName) else { return nil }
    let file = try Checkpoint.open(path + "/" + indexName)
    #expect(file.warnings.isEmpty, "\(file.warnings)")
    return try seeds.first { seed in
      guard file.metadata["seed"] == String(seed), file.parameters.count == 6 else { return false }
      return try (0..<6).allSatisfy { index in
        let expected = Samples.tensor(.f32, [8, 8], seed: seed + UInt64(index), name: "t\(index)")
        guard let found = try file.parameters["t\(index)"]?.tensor() else { return false }
        return haveSameBits(found, try expected.tensor())
      }
    }
  }

  /// The folder after each change of a name that `body` makes, as a kill would leave it.
  private func points(_ body: () throws -> Void) rethrows -> [[String: [UInt8]]] {
    let points = Mutex<[[String: [UInt8]]]>([])
    let path = folder.path
    let observer = NameChange.Observer { points.withLock { $0.append(Self.contents(path)) } }
    try NameChange.$observer.withValue(observer) { try body() }
    return points.withLock { $0 }
  }

  private func restore(_ files: [String: [UInt8]], to folder: TemporaryFolder) {
    for (name, bytes) in files { TemporaryFolder.write(bytes, to: folder.file(name)) }
  }

  @Test(arguments: [(1, 1), (1, 2), (2, 1), (3, 2), (2, 5), (5, 5)])
  func oldOrNewAtEveryPoint(former: Int, next: Int) throws {
    try plan(seed: 100, perShard: former).write(to: folder.file(name))
    let new = try plan(seed: 200, perShard: next)
    let points = try points { try new.write(to: folder.file(name)) }
    let final = Self.contents(folder.path)
    #expect(final.count == new.shards.count + 1)
    #expect(points.count >= 3 * new.shards.count)
    var seen: [UInt64] = []
    for (number, point) in points.enumerated() {
      let copy = TemporaryFolder()
      restore(point, to: copy)
      let found = try whole(copy.path, among: [100, 200])
      #expect(found != nil, "point \(number): \(point.keys.sorted())")
      seen.append(found ?? 0)
      // A later save ends what was begun, and leaves its own files and no others.
      try plan(seed: 300, perShard: 4).write(to: copy.file(name))
      #expect(try whole(copy.path, among: [300]) == 300)
      #expect(
        copy.names == [
          "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName,
        ], "point \(number)")
    }
    #expect(seen == seen.sorted())
    #expect(Set(seen) == [100, 200])
  }

  /// The same from a folder without a checkpoint: nothing, or the new one.
  @Test func nothingOrNewAtEveryPoint() throws {
    let points = try points {
      try plan(seed: 200, perShard: 2).write(to: folder.file(name))
    }
    for point in points {
      let copy = TemporaryFolder()
      restore(point, to: copy)
      let found = try whole(copy.path, among: [200])
      #expect(found == 200 || point[indexName] == nil)
    }
  }

  /// A change that was begun is ended also by a save that is refused, or to a shard's name.
  @Test(arguments: ["model.safetensors", "model-00002-of-00003.safetensors"])
  func theNextSaveEndsTheChange(next: String) throws {
    try plan(seed: 100, perShard: 2).write(to: folder.file(name))
    let points = try points { try plan(seed: 200, perShard: 2).write(to: folder.file(name)) }
    let final = Self.contents(folder.path)
    for point in points where try isBegun(point) {
      let copy = TemporaryFolder()
      restore(point, to: copy)
      withExtendedLifetime(try? SaveOutput(copy.file(next), overwrite: true)) {}
      let isWhole = Self.contents(copy.path) == final
      #expect(isWhole, "\(point.keys.sorted())")
    }
  }

  private func isBegun(_ point: [String: [UInt8]]) throws -> Bool {
    String(decoding: point[indexName] ?? [], as: UTF8.self).contains("pare_replaced")
  }

  /// An index that somebody else has made removes nothing.
  @Test(arguments: [
    "../victim", "victim", "other-00001-of-00001.safetensors", "model-00001-of-00001.bin",
  ])
  func aForeignIndexRemovesNothing(victim: String) throws {
    for name in ["victim", "other-00001-of-00001.safetensors", "model-00001-of-00001.bin"] {
      TemporaryFolder.write([1], to: folder.file(name))
    }
    let before = folder.names
    let text = """
      {"metadata": {"pare_replaced": ["\(victim)"], "total_size": 1},
       "weight_map": {"t": ".model-00001-of-00001.safetensors.pare-save"}}
      """
    TemporaryFolder.write(Array(text.utf8), to: folder.file(indexName))
    withExtendedLifetime(try SaveOutput(folder.file(name), overwrite: true)) {}
    #expect(Set(folder.names) == Set(before + [indexName]))
  }

  /// What a save of another number of shards left goes, unless it is under way.
  @Test func leftoversOfOtherSavesGo() throws {
    let left = ".model-00002-of-00009.safetensors.pare-save"
    let foreign = [
      ".model-00002-of-00009.safetensors.pare-saved", ".x-00002-of-00009.safetensors.pare-save",
      "model-00002-of-00009.safetensors",
    ]
    for name in foreign + [left] { TemporaryFolder.write([1], to: folder.file(name)) }
    try plan(seed: 1, perShard: 3).write(to: folder.file(name))
    #expect(!folder.names.contains(left))
    #expect(Set(foreign).isSubset(of: folder.names))
  }

  /// A file system without second names: shards are copied.
  @Test func aCopyIsWhole() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    TemporaryFolder.write(bytes, to: folder.file(".a.pare-save"))
    try ShardSwitch.copy(folder.file(".a.pare-save"), to: folder.file("a"))
    #expect(TemporaryFolder.bytes(folder.file("a")) == bytes)
    #expect(folder.names == [".a.pare-save", "a"])
  }

  /// Shards without `--force` never replace a file, even one that appears late.
  @Test func aFileThatAppearsIsKept() throws {
    let new = try plan(seed: 200, perShard: 2)
    let shard = "model-00002-of-00003.safetensors"
    let output = try SaveOutput(folder.file(name), overwrite: false)
    TemporaryFolder.write([7], to: folder.file(shard))
    #expect(throws: CheckpointError.exists(path: folder.file(shard))) {
      try new.write(to: output)
    }
    #expect(TemporaryFolder.bytes(folder.file(shard)) == [7])
    withExtendedLifetime(output) {}
    #expect(folder.names == [".model.safetensors.pare-save", shard])
  }

  /// The same once the index names the new shards: the set stays whole, and the change
  /// comes to its end when the file is gone.
  @Test func aFileInTheWayOfAShardIsKept() throws {
    let new = try plan(seed: 200, perShard: 2)
    let shard = folder.file("model-00002-of-00003.safetensors")
    let observer = NameChange.Observer { TemporaryFolder.write([7], to: shard) }
    NameChange.$observer.withValue(observer) {
      #expect(throws: CheckpointError.self) { try new.write(to: folder.file(name)) }
    }
    #expect(TemporaryFolder.bytes(shard) == [7])
    #expect(try whole(folder.path, among: [200]) == 200)
    #expect(throws: CheckpointError.self) { try new.write(to: folder.file(name)) }
    #expect(TemporaryFolder.bytes(shard) == [7])
    try FileManager.default.removeItem(atPath: shard)
    try new.write(to: folder.file(name))
    #expect(try whole(folder.path, among: [200]) == 200)
    #expect(folder.names.count == 4)
  }

  @Test func linksAreNoPlaceForShards() throws {
    let shard = folder.file("model-00001-of-00003.safetensors")
    TemporaryFolder.write([7], to: folder.file("target"))
    try FileManager.default.createSymbolicLink(
      atPath: shard, withDestinationPath: folder.file("target"))
    #expect(throws: CheckpointError.self) {
      try plan(seed: 1, perShard: 2).write(to: folder.file(name))
    }
    #expect(TemporaryFolder.bytes(folder.file("target")) == [7])
  }
}
