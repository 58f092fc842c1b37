import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Matrices whose channels have bit depths of their own, in both encodings.
@Suite struct ChannelTests {
  @Test(arguments: ChannelSample.all)
  func aFileGivesBackValuesDepthsAndExponents(sample: ChannelSample) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      let parameter = sample.parameter(seed: seed)
      let file = try saved([parameter], form: .packed)
      let back = file.checkpoint.parameters[0]
      #expect(file.entries[0].encoding.hasPrefix("channels"))
      #expect(haveSameBits(try back.tensor(), try parameter.tensor()))
      #expect(back.grid == parameter.grid)
      let again = try saved([back], form: .packed)
      let isSame = again.bytes == file.bytes
      #expect(isSame, "packing twice gives the same file")
      let dense = try saved([back], form: .dense(nil))
      #expect(haveSameBits(try dense.checkpoint.parameters[0].tensor(), try parameter.tensor()))
    }
  }

  @Test(arguments: ChannelSample.all)
  func bothEncodingsTakeWhatIsPlannedAndGiveTheSameBack(sample: ChannelSample) throws {
    let parameter = sample.parameter(seed: 9)
    let tensor = try parameter.tensor()
    let source = EncodingSource(
      parameter, Weights(values: tensor, grid: parameter.grid, mask: parameter.mask))
    let facts = try #require(source.facts.channels)
    for (encoding, size) in [
      (ChannelsEncoding.self as any StorageEncoding.Type, facts.packedByteCount),
      (CodedChannelsEncoding.self, try #require(facts.codedByteCount)),
    ] {
      let bytes = unsafe try #require(encoding.encode(source).first).withUnsafeBytes {
        unsafe Array($0)
      }
      #expect(bytes.count == size)
      #expect(EncodingCatalog.byteCounts(source.facts).contains { $0 == (encoding.name, size) })
      let stored = stored(bytes, encoding, source)
      try encoding.check(stored)
      #expect(try encoding.grid(of: stored) == parameter.grid)
      #expect(haveSameBits(try encoding.decode(stored), tensor))
    }
  }

  /// Any prefix of the array, and any bit of it turned over: an error, or values
  /// on the grid that is said to be theirs.
  @Test(arguments: [ChannelSample.all[1], ChannelSample.all[3], ChannelSample.all[4]])
  func damageIsRefusedOrHarmless(sample: ChannelSample) throws {
    let parameter = sample.parameter(seed: 4)
    let source = EncodingSource(parameter, try parameter.loaded())
    for encoding in [
      ChannelsEncoding.self as any StorageEncoding.Type, CodedChannelsEncoding.self,
    ] {
      let bytes = unsafe try #require(encoding.encode(source).first).withUnsafeBytes {
        unsafe Array($0)
      }
      for count in 0..<bytes.count {
        #expect(throws: CheckpointError.self, "\(count) of \(bytes.count) bytes") {
          try open(stored(Array(bytes.prefix(count)), encoding, source), encoding)
        }
      }
      for bit in 0..<min(8 * bytes.count, 4000) {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        do { try open(stored(damaged, encoding, source), encoding) } catch is CheckpointError {}
      }
    }
  }

  /// The entropy coder with all its side data against the entropy of the codes.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func theCoderComesWithinThreePercentOfTheEntropy(seed: UInt64) throws {
    let parameter = ChannelSample.realistic.parameter(seed: seed)
    let sizes = try #require(try ChannelSizes(of: [parameter]))
    print(
      "Q \(sizes.meanDepth), packed \(sizes.packedBitsPerWeight), side \(sizes.sideBitsPerWeight), "
        + "entropy \(sizes.entropyPerWeight), coded \(sizes.codedBitsPerWeight)")
    #expect(sizes.codedBits > 0)
    #expect(Double(sizes.codedBits) <= 1.03 * sizes.entropyBits)
    #expect(sizes.codedBits < sizes.codeBits + sizes.sideBits)
  }

  @Test func sizesAreWhatTheyAreCalled() throws {
    let grid = QuantizationGrid(depths: [0, 1, 2.5, 3], exponents: [0, -3, -3, -3], columns: 4)
    let values: [Float] = [
      0, 0, 0, 0, -0.125, 0, -0.125, 0, 0.25, 0.25, -0.375, 0, 0, 0, 0, 0,
    ]
    let parameter = Parameter(
      name: "a", shape: [4, 4], dtype: .f32, place: Samples.place, grid: grid,
      load: { Tensor([4, 4], values) })
    let sizes = try #require(try ChannelSizes(of: [parameter]))
    #expect(sizes.weights == 16 && sizes.channels == 4 && sizes.deadChannels == 1)
    #expect(sizes.depthBits == 26 && sizes.meanDepth == 26.0 / 16)
    #expect(sizes.codeBits == 4 + 12)
    #expect(abs(sizes.entropyBits - (4 + 6)) < 1e-9)
    #expect(try ChannelSizes(of: [Samples.tensor(.f32, [3, 3], seed: 1)]) == nil)
  }

  @Test func aValueOffItsChannelsLevelsIsStoredDense() throws {
    let grid = QuantizationGrid(depths: [1, 1], exponents: [0, 0], columns: 2)
    for odd in [Float(1), -2, 0.5, -0.0, .nan] {
      let tensor = Tensor([2, 2], [0, -1, odd, 0])
      let parameter = Parameter(
        name: "a", shape: [2, 2], dtype: .f32, place: Samples.place, grid: grid, load: { tensor })
      let file = try saved([parameter], form: .packed)
      #expect(!file.entries[0].encoding.hasPrefix("channels"))
      #expect(haveSameBits(try file.checkpoint.parameters[0].tensor(), tensor))
    }
  }

  private func stored(
    _ bytes: [UInt8], _ encoding: any StorageEncoding.Type, _ source: EncodingSource
  ) -> PackedTensor {
    let suffix = encoding == ChannelsEncoding.self ? "channels" : "coded"
    return PackedTensor(
      name: "a", record: PackingRecord(encoding: encoding, source, dtype: .f32),
      parts: [suffix: PackedTensor.Part(dtype: .u8, bytes: Bytes(bytes))])
  }

  private func open(
    _ stored: PackedTensor, _ encoding: any StorageEncoding.Type
  ) throws {
    try encoding.check(stored)
    let tensor = try encoding.decode(stored)
    let grid = try #require(try encoding.grid(of: stored))
    let rounded = try #require(Quantization.apply(grid, to: tensor))
    #expect(rounded.squaredError == 0)
  }
}

/// Weights rounded to a grid of random depths.
struct ChannelSample: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let shape: Shape
  /// Rows without a depth, of 10.
  var dead = 0
  /// Columns that are all 0, of 10.
  var deadColumns = 0
  var depth: @Sendable (inout SplitMix64) -> Float = { Float.random(in: 0.001...4.2, using: &$0) }
  var exponent: @Sendable (inout SplitMix64) -> Float = {
    -7 + Float(Int.random(in: -32...32, using: &$0)) / 32
  }

  /// Bit depths just above the jumps, as training leaves them, and scales that
  /// suit the weights.
  static let realistic = ChannelSample(
    testDescription: "as trained", shape: [1536, 384], dead: 6, deadColumns: 1,
    depth: { random in
      ChannelDepth.least(forLevels: 2 * Int.random(in: 1...8, using: &random))
    })

  static let all = [
    realistic,
    ChannelSample(
      testDescription: "any depth and exponent", shape: [40, 24],
      exponent: { Float.random(in: -9 ... -4, using: &$0) }),
    ChannelSample(testDescription: "all rows dead", shape: [96, 384], dead: 10),
    ChannelSample(testDescription: "one column", shape: [50, 1], dead: 3),
    ChannelSample(testDescription: "one row", shape: [1, 77]),
    ChannelSample(testDescription: "one weight", shape: [1, 1]),
    ChannelSample(testDescription: "most columns dead", shape: [64, 200], dead: 2, deadColumns: 9),
    ChannelSample(
      testDescription: "just above each jump", shape: [60, 33],
      depth: { ChannelDepth.least(forLevels: 2 * Int.random(in: 1...40, using: &$0)) }),
    ChannelSample(
      testDescription: "just below each jump", shape: [60, 33],
      depth: { ChannelDepth.least(forLevels: 2 * Int.random(in: 2...40, using: &$0)).nextDown }),
    ChannelSample(
      testDescription: "next to nothing above 0", shape: [30, 30],
      depth: { _ in .leastNonzeroMagnitude }),
    ChannelSample(
      testDescription: "exponents at ±20", shape: [64, 40], dead: 1,
      exponent: { Bool.random(using: &$0) ? 20 : -20 }),
    ChannelSample(
      testDescription: "eight bits and more", shape: [64, 100],
      depth: { Float.random(in: 7...9.5, using: &$0) },
      exponent: { Float.random(in: -13 ... -11, using: &$0) }),
  ]

  func parameter(seed: UInt64) -> Parameter {
    var random = SplitMix64(seed: seed)
    let depths = (0..<shape.rows).map { _ in
      Int.random(in: 0..<10, using: &random) < dead ? 0 : depth(&random)
    }
    let exponents = depths.map { _ in exponent(&random) }
    let isColumnDead = (0..<shape.columns).map { _ in
      Int.random(in: 0..<10, using: &random) < deadColumns
    }
    let grid = QuantizationGrid(depths: depths, exponents: exponents, columns: shape.columns)
    let weights = (0..<shape.count).map { index -> Float in
      let sum = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &random)
      }
      return isColumnDead[index % shape.columns] ? 0 : sum * 0.0173
    }
    let rounded = Quantization.apply(grid, to: Tensor(shape, weights))
    let tensor = rounded?.tensor ?? Tensor(shape, weights)
    return Parameter(
      name: "layers.0.w.weight", shape: shape, dtype: .f32, place: Samples.place, grid: grid,
      load: { tensor })
  }
}
