import CheckpointIO
import Synchronization
import Tensors
import TestSupport
import Testing

/// Blocks whose errors are weighed by the importance of columns.
@Suite struct ImportanceTests {
  let folder = TemporaryFolder()

  static let weighted = BlockFormat.allCases.filter(\.isWeighted)

  /// SHA-256 of what libggml 0.13.1 (`ggml_quantize_chunk`) makes of the weights and the
  /// importance of `cubes(seed: 51)` and `fourthPowers(seed: 52)`.
  static let digests: [(BlockFormat, String)] = [
    (.q4_0, "fa58331ce40d7858619330c2ff71abe922fbc19e29027704a144d374e74e85ba"),
    (.q4_1, "881fb248fd8fe4de345c9a90e4ae9ba8cebe1780256e65d9f921681f145ce725"),
    (.q5_0, "d4d997e29a5680fb9c647d678e7fd3c7f5c9599f032027923007217b00cd619b"),
    (.q5_1, "b8813efc802061f2537f56065016761ed2f804786901dbebb272c3a7a54e3450"),
    (.q2K, "6f0e0e400d37d05e3d31d746ddce81cc360d7d452869ce5cc3e28a0344f258cb"),
    (.q3K, "2dc594d4395a0824d1cbca779ac5af2a9c6d51d913ceb84cc7099d716e3499ba"),
    (.q4K, "2937a0692c6236329f5535507aa35cf5be1467e59e60c925a356c7bd55539c6d"),
    (.q5K, "57f6001bb37d347f866ac74184a63780f1d3c48e602a1cca5877eed5c1c2c65f"),
    (.q6K, "cbf896cdad397cee417a3050d144016e78b2d80d219dc84f33d8cc27250f2e88"),
    (.iq4NL, "ee2ce96fea9232a12a36d0e46a6eeb9d711ffd6ca5f9019ff987a255a05a7574"),
  ]

  /// 0..<1 in steps of 2⁻²⁴.
  private static func units(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float(random.next() >> 40) * 0x1p-24 }
  }

  /// Weights, most of them small: rows of 24 blocks of 32, and of 3 of 256.
  private static func cubes(seed: UInt64) -> Tensor {
    Tensor(
      [4, 768],
      units(4 * 768, seed: seed).map {
        let unit = $0 * 2 - 1
        return unit * unit * unit
      })
  }

  private static func fourthPowers(_ count: Int = 768, seed: UInt64) -> [Float] {
    units(count, seed: seed).map { $0 * $0 * $0 * $0 }
  }

  @Test(arguments: digests)
  func bytesAreThoseOfTheReference(format: BlockFormat, digest: String) throws {
    let importance = Self.fourthPowers(seed: 52)
    let blocks = try #require(
      Self.cubes(seed: 51).blocks(of: format, importance: importance, threads: 1))
    #expect(SHA256.digest(blocks) == digest)
    let threads = Self.cubes(seed: 51).blocks(of: format, importance: importance, threads: 3)
    #expect(threads == blocks)
  }

  /// These files were made with an importance of 1 everywhere.
  @Test(.enabled(if: SharedData.isPresent), arguments: weighted)
  func equalImportanceGivesTheSamples(format: BlockFormat) throws {
    let source = TemporaryFolder.bytes(
      SharedData.path("samples/ggml_types/src_f32_4x512.bin"))
    let values = unsafe source.withUnsafeBytes {
      unsafe Tensor([4, 512], converting: $0, from: .f32)
    }
    let blocks = values.blocks(of: format, importance: [Float](repeating: 1, count: 512))
    let sample = TemporaryFolder.bytes(
      SharedData.path("samples/ggml_types/\(format.rawValue).bin"))
    #expect(blocks == sample)
  }

  @Test func formatsThatAreNotWeightedDoWithout() {
    let values = Self.cubes(seed: 53)
    let importance = Self.fourthPowers(seed: 54)
    for format in BlockFormat.allCases where format.isWritable && !format.isWeighted {
      #expect(values.blocks(of: format, importance: importance) == values.blocks(of: format))
    }
    #expect(Self.weighted.allSatisfy { $0.isWritable })
  }

  /// Half of the columns matter ten thousand times as much as the others.
  @Test(arguments: weighted) func whatMattersIsNearer(format: BlockFormat) throws {
    let values = Self.cubes(seed: 55)
    let importance = (0..<768).map { $0 % 2 == 0 ? Float(1) : 1e-4 }
    func error(_ importance: [Float]?) throws -> Float {
      let blocks = try #require(values.blocks(of: format, importance: importance))
      let read = unsafe blocks.withUnsafeBytes {
        unsafe Tensor(values.shape, dequantizing: $0, from: format)
      }
      let back = try #require(read).array
      return zip(values.array, back).enumerated().reduce(0) { sum, pair in
        let difference = pair.element.0 - pair.element.1
        return sum + (pair.offset % 2 == 0 ? difference * difference : 0)
      }
    }
    let (weighed, plain) = (try error(importance), try error(nil))
    #expect(weighed < plain, "\(weighed) \(plain)")
  }

  @Test(arguments: weighted) func noImportanceTraps(format: BlockFormat) throws {
    let odd: [Float] = [0, .nan, .infinity, -1, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
    for importance in odd {
      let blocks = Self.cubes(seed: 56).blocks(
        of: format, importance: [Float](repeating: importance, count: 768))
      #expect(blocks != nil, "importance \(importance)")
    }
    #expect(Tensor([0, 768], []).blocks(of: format, importance: Self.units(768, seed: 57)) == [])
    #expect(Tensor([3, 0], []).blocks(of: format, importance: []) == [])
  }

  @Test func aPlanWeighsWhatHasImportance() throws {
    let parameters = ["a", "b", "c"].map { name in
      let tensor = Self.cubes(seed: 58)
      return Parameter(
        name: name, shape: tensor.shape, dtype: .f32, place: Samples.place, load: { tensor })
    }
    let importance = Self.fourthPowers(seed: 59)
    let plan = try GGUFPlan.make(
      parameters: Parameters(parameters), storage: .blocks(.q4K),
      // Of another layer than it says: left out.
      importance: ImportanceMatrix([
        "a": .init(sums: importance, counts: [1]), "c": .init(sums: [1, 2, 3], counts: [1]),
      ]))
    #expect(plan.entries.map(\.isWeighted) == [true, false, false])
    let path = folder.file("weighted.gguf")
    try plan.write(to: path)
    let file = try Checkpoint.open(path)
    for (name, importance) in [("a", importance), ("b", nil), ("c", nil)] {
      let blocks = try #require(
        Self.cubes(seed: 58).blocks(of: .q4K, importance: importance))
      let expected = unsafe blocks.withUnsafeBytes {
        unsafe Tensor([4, 768], dequantizing: $0, from: .q4K)
      }
      #expect(try file.parameters[name]?.tensor().array == expected?.array)
    }
  }

  @Test func aStoppedSaveIsNotGoneOnWithOtherImportance() throws {
    let names = (0..<6).map { "t\($0)" }
    let list = names.map { Samples.tensor(.f32, [4, 768], seed: 60, name: $0) }
    let path = folder.file("source")
    try SavePlan.make(parameters: Parameters(list), form: .dense(nil)).write(to: path)
    let source = try Checkpoint.open(path)
    func write(seed: UInt64, stopAfter count: Int = .max) throws -> Int {
      let importance = Self.fourthPowers(seed: seed)
      let begun = Mutex(0)
      return try GGUFPlan.make(
        parameters: source.parameters, of: source, storage: .blocks(.q4K),
        importance: ImportanceMatrix(
          Dictionary(names.map { ($0, .init(sums: importance, counts: [1])) }) { $1 })
      ).write(
        to: folder.file("out.gguf"), recipe: "", syncing: 300,
        progress: { _, _ in begun.withLock { $0 += 1 } },
        shouldStop: { begun.withLock { $0 } >= count })
    }
    #expect(throws: CheckpointError.stopped) { try write(seed: 61, stopAfter: 4) }
    #expect(try write(seed: 62) == 0)
    #expect(throws: CheckpointError.stopped) { try write(seed: 62, stopAfter: 4) }
    #expect(try write(seed: 62) > 0)
  }
}
