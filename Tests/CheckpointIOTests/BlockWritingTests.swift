import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Values stored in ggml's blocks, and GGUF files made of them.
@Suite struct BlockWritingTests {
  let folder = TemporaryFolder()

  /// SHA-256 of what libggml 0.13.1 makes of `src_f32_4x512.bin` without an
  /// importance matrix.
  static let digests: [(BlockFormat, String)] = [
    (
      .q8_0,
      "ac80dfaa0d3c1f3b439e79a6034ffd191df5fdf8d7f0fff446e090d543d14d15"
    ),
    (
      .q4_0,
      "edc73c578c8678233a4aaaa4b12e7ecf3c72d5f593929a3e23567daa8e9ea1dd"
    ),
    (
      .q4_1,
      "ff5f57192cae833e2331ed8221c60ac281f51b9c3e878558723266eac5e3a370"
    ),
    (
      .q5_0,
      "b3f02ff4a7b1f9752b118d4f1d1329fbdbe895ed6b6854b8e226b4574c1f8e16"
    ),
    (
      .q5_1,
      "1b5dc03da4f67a98a0c7174275f5dc5537345ec6dea51506bbd5e203fff10346"
    ),
    (
      .q2K,
      "ef7122ca1749682d23bf37c602dca94b9c6d70c5f2c36b1974f85f29c9fcb8a8"
    ),
    (
      .q3K,
      "c982c8b0693ed802afdb1246edea198dd1ec796bb06bdd7e915d511a8f70cdd4"
    ),
    (
      .q4K,
      "d0cd2e278922c71d008743ab615ae08561c6f9697a42d3e6fb8de1932a44bb0f"
    ),
    (
      .q5K,
      "cbd1dcfd48331f934713488ff78e3f93672b20d1da50a1c6217aec501e5d78c8"
    ),
    (
      .q6K,
      "8be892230bb6de5a61db108fb2d725eda707b2f3bb9624999915aea8476f2814"
    ),
    (
      .iq4NL,
      "f37f63d003c4d587868d804bba9414c11a61f86798aee1dd150c02b7c2fac7c0"
    ),
    (
      .tq1_0,
      "5a39038c78bbd680ae4af26506b6143f2731920b32298a5bbf90437e600bcde8"
    ),
    (
      .tq2_0,
      "75e39016ddcc17db1526d6af5fb19ed14c566e4fa435f0bbf491fb282f56c2f5"
    ),
    (
      .mxfp4,
      "fb2dda1404e0e3a1716b7a5aab726ec479f8dcab93157eaad435ca920e41e04c"
    ),
  ]

  @Test(.enabled(if: SharedData.isPresent), arguments: digests)
  func bytesAreThoseOfTheReference(format: BlockFormat, digest: String) throws {
    let bytes = TemporaryFolder.bytes(
      SharedData.path("samples/ggml_types/src_f32_4x512.bin"))
    let values = unsafe bytes.withUnsafeBytes {
      unsafe Tensor([4, 512], converting: $0, from: .f32)
    }
    let blocks = try #require(values.blocks(of: format))
    #expect(SHA256.digest(blocks) == digest)
  }

  static let writable = BlockFormat.allCases.filter(\.isWritable)

  private func gaussian(_ shape: Shape, seed: UInt64) -> Tensor {
    var random = SplitMix64(seed: seed)
    let values = (0..<shape.count).map { _ in
      (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &random) }
    }
    return Tensor(shape, values)
  }

  private func read(_ bytes: [UInt8], _ format: BlockFormat, _ shape: Shape) -> Tensor? {
    unsafe bytes.withUnsafeBytes { unsafe Tensor(shape, dequantizing: $0, from: format) }
  }

  /// Bounds from simulations of each format on Gaussian weights, with room for the
  /// seed; ternary formats expect ternary weights.
  @Test(arguments: writable) func whatIsReadBackIsNear(format: BlockFormat) throws {
    let values = gaussian([64, 1024], seed: 3)
    let blocks = try #require(values.blocks(of: format, threads: 1))
    let four = values.blocks(of: format, threads: 4)
    #expect(four == blocks)
    let again = try #require(read(blocks, format, values.shape))
    let difference = zip(values.array, again.array).reduce(Float(0)) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }
    let relative = difference / values.array.reduce(0) { $0 + $1 * $1 }
    let bound: Float =
      switch format {
      case .q8_0: 4e-5
      case .q6K: 4e-4
      case .q5_0, .q5_1, .q5K: 2.5e-3
      case .q4_0, .q4_1, .q4K, .iq4NL: 9e-3
      case .mxfp4: 1.5e-2
      case .q3K: 3e-2
      case .q2K: 0.11
      default: 1
      }
    #expect(relative < bound, "\(relative)")
  }

  @Test(arguments: [BlockFormat.tq1_0, .tq2_0]) func ternaryWeightsAreExact(
    format: BlockFormat
  ) throws {
    var random = SplitMix64(seed: 5)
    let values = Tensor(
      [8, 512], (0..<4096).map { _ in 0.25 * Float(Int.random(in: -1...1, using: &random)) })
    let blocks = try #require(values.blocks(of: format))
    #expect(read(blocks, format, values.shape)?.array == values.array)
  }

  @Test(arguments: writable) func noValueTraps(format: BlockFormat) throws {
    let odd: [Float] = [
      .nan, -.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
      .leastNonzeroMagnitude, -0.0, 0, 1, -1, 1e-20, 1e30,
    ]
    var random = SplitMix64(seed: 11)
    for _ in 0..<50 {
      let values = (0..<512).map { _ in odd.randomElement(using: &random) ?? 0 }
      let blocks = try #require(Tensor([2, 256], values).blocks(of: format))
      #expect(read(blocks, format, [2, 256]) != nil)
    }
    let zeros = try #require(
      Tensor([2, 256], [Float](repeating: 0, count: 512)).blocks(of: format))
    #expect(read(zeros, format, [2, 256])?.array.allSatisfy { $0 == 0 } == true)
  }

  private func written(
    _ parameters: Parameters, of checkpoint: Checkpoint?, _ format: BlockFormat,
    name: String = "a.gguf"
  ) throws -> (plan: GGUFPlan, checkpoint: Checkpoint, bytes: [UInt8]) {
    let plan = try GGUFPlan.make(parameters: parameters, of: checkpoint, storage: .blocks(format))
    let path = folder.file(name)
    try plan.write(to: path)
    let bytes = TemporaryFolder.bytes(path)
    #expect(bytes.count == plan.byteCount)
    return (plan, try Checkpoint.open(path), bytes)
  }

  @Test(arguments: writable) func aFileIsWrittenAndOpened(format: BlockFormat) throws {
    let source = try Checkpoint.open(bytes: GGUFBytes.model().bytes, name: "source")
    let (plan, file, bytes) = try written(source.parameters, of: source, format)
    #expect(file.tensors.map(\.name) == source.tensors.map(\.name))
    #expect(file.tensors.map(\.dtypeName) == plan.entries.map(\.type))
    #expect(file.tensors.map(\.place) == source.tensors.map(\.place))
    #expect(file.gguf?.texts("tokenizer.ggml.tokens") == ["<s>", "a", "é"])
    #expect(file.gguf?.numbers("llama.attention.head_count_kv") == [1, 2])
    for (parameter, entry) in zip(source.parameters, plan.entries) {
      let expected = try parameter.tensor()
      let back = try #require(try file.parameters[parameter.name]?.tensor())
      guard let stored = BlockFormat(rawValue: entry.type) else {
        #expect(entry.type == "F32" && haveSameBits(back, expected))
        continue
      }
      let blocks = try #require(expected.blocks(of: stored))
      let isCopy = source.tensors.contains { $0.name == entry.name && $0.dtypeName == entry.type }
      let read = try #require(self.read(blocks, stored, expected.shape))
      #expect(haveSameBits(back, isCopy ? expected : read), "\(entry.name)")
    }
    let again = try written(file.parameters, of: file, format, name: "b.gguf")
    #expect(again.bytes == bytes, "what is stored already is copied")
  }

  @Test func rowsThatAreNoWholeBlocksAreNamed() throws {
    let parameters = [(640, "a"), (48, "b"), (512, "c")].map { columns, name in
      let tensor = gaussian([2, columns], seed: 1)
      return Parameter(
        name: name, shape: tensor.shape, dtype: .f32, place: Samples.place, load: { tensor })
    }
    let plan = try written(Parameters(parameters), of: nil, .q4K).plan
    #expect(plan.entries.map(\.type) == ["Q5_0", "F16", "Q4_K"])
    #expect(
      plan.entries[0].fallback == "rows of 640 are no multiple of 256, which Q4_K needs")
    #expect(plan.entries[1].fallback != nil && plan.entries[2].fallback == nil)
  }

  @Test func whatIsOnlyReadIsNotWritten() {
    #expect(throws: CheckpointError.self) {
      try GGUFPlan.make(parameters: Parameters([]), storage: .blocks(.iq4XS))
    }
  }
}
