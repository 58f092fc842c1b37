import CheckpointIO
import Tensors
import TestSupport
import Testing

/// What is saved comes back bit for bit, and takes the bytes that were planned.
@Suite struct RoundTripTests {
  @Test(arguments: DType.allCases)
  func denseKeepsEveryTypeThatIsExact(dtype: DType) throws {
    let original = try saved([Samples.tensor(dtype, [7, 33], seed: 1)], form: .dense(nil))
    let again = try saved(Array(original.checkpoint.parameters), form: .dense(nil))
    #expect(original.entries[0].dtypeName == dtype.rawValue)
    try expectEqual(original.checkpoint.parameters, again.checkpoint.parameters)
    #expect(original.checkpoint.tensors[0].dtype == dtype)
  }

  @Test(arguments: [DType.f16, .bf16, .f8e4m3, .f8e5m2])
  func valuesOutsideANarrowTypeArePromoted(dtype: DType) throws {
    let tensor = Tensor([3], [0.1, -0.0, 3e-20])
    let file = try saved([Samples.parameter("a", dtype, tensor)], form: .dense(nil))
    #expect(file.entries[0].dtypeName == "F32")
    #expect(haveSameBits(try file.checkpoint.parameters[0].tensor(), tensor))
  }

  @Test func everyHalfAndBrainFloatSurvives() throws {
    for dtype in [DType.f16, .bf16] {
      let scale = dtype == .f16 ? Float(0x1p-24) : 1
      let values = Tensor(
        [65536],
        (0..<65536).map { code in
          dtype == .bf16 ? Float(bitPattern: UInt32(code) << 16) : scale * Float(code % 2048)
        })
      let file = try saved([Samples.parameter("a", dtype, values)], form: .dense(nil))
      #expect(file.entries[0].dtypeName == dtype.rawValue)
      #expect(haveSameBits(try file.checkpoint.parameters[0].tensor(), values))
    }
  }

  @Test func aNamedTypeRoundsToNearestEven() throws {
    let tensor = Tensor([4], [1 + 0x1p-8, 1 + 0x1p-7 + 0x1p-8, 65504, -0x1.8p-25])
    let brain = try saved([Samples.parameter("a", .f32, tensor)], form: .dense(.bf16))
    #expect(
      try brain.checkpoint.parameters[0].tensor().array.prefix(2) == [1, 1 + 0x1p-6])
    let half = try saved([Samples.parameter("a", .f32, tensor)], form: .dense(.f16))
    #expect(try half.checkpoint.parameters[0].tensor().array.suffix(2) == [65504, -0x1p-24])
  }

  @Test(arguments: Samples.cases)
  func packedGivesBackTheSameBits(sample: Samples.Case) throws {
    let parameter = sample.parameter(seed: 7)
    let file = try saved([parameter], form: .packed)
    let back = file.checkpoint.parameters[0]
    #expect(file.entries[0].encoding == sample.encoding)
    #expect(file.checkpoint.tensors[0].encoding == sample.encoding)
    #expect(haveSameBits(try back.tensor(), try parameter.tensor()))
    #expect(back.dtype == parameter.dtype && back.shape == parameter.shape)
    if sample.encoding.contains("packed") { #expect(back.grid == parameter.grid) }
    let again = try saved([back], form: .packed)
    let isSame = again.bytes == file.bytes
    #expect(isSame, "packing twice gives the same file")
  }

  @Test(arguments: Samples.cases)
  func factsForetellTheBytes(sample: Samples.Case) throws {
    let parameter = sample.parameter(seed: 7)
    let file = try saved([parameter], form: .packed)
    let facts = try sample.facts(parameter)
    let foretold = EncodingCatalog.byteCounts(facts).first { $0.name == sample.encoding }
    #expect(foretold?.byteCount == file.entries[0].byteCount)
  }

  @Test func masksComeBackThroughTheBitmap() throws {
    let values: [Float] = (0..<640).map { $0 % 10 == 0 ? 1.5 : 0 }
    var words = [UInt64](repeating: 0, count: 10)
    for index in 0..<640 where index % 10 <= 1 { words[index / 64] |= 1 << UInt64(index % 64) }
    let mask = Mask(shape: [10, 64], words: words)
    let parameter = Parameter(
      name: "a", shape: [10, 64], dtype: .f32, place: Samples.place, mask: mask,
      load: { Tensor([10, 64], values) })
    let file = try saved([parameter], form: .packed)
    #expect(file.checkpoint.parameters[0].mask == mask)
    #expect(try file.checkpoint.parameters[0].tensor().array == values)
  }

  @Test(arguments: [SaveForm.dense(nil), .packed])
  func transposedLayersGoBackTheWayTheyCame(form: SaveForm) throws {
    let folder = TemporaryFolder()
    let stored = Samples.tensor(.f32, [32, 96], seed: 3, name: "h.0.attn.c_attn.weight")
    let first = try saved([stored], form: .dense(nil), in: folder, as: "first.safetensors")
    let logical = first.checkpoint.parameters[0]
    #expect(logical.isTransposed)
    #expect(logical.shape == [96, 32])
    var values = try logical.tensor().array
    for index in values.indices where index % 3 != 0 { values[index] = 0 }
    let changed = logical.replacing(Tensor([96, 32], values), grid: nil, mask: nil)
    let second = try saved([changed], form: form, in: folder, as: "second.safetensors")
    let back = second.checkpoint.parameters[0]
    #expect(back.isTransposed && back.shape == [96, 32])
    #expect(try back.tensor().array == values)
    #expect(second.checkpoint.tensors[0].shape == [32, 96])
  }

  private func expectEqual(_ a: Parameters, _ b: Parameters) throws {
    #expect(a.map(\.name) == b.map(\.name))
    for (x, y) in zip(a, b) { #expect(haveSameBits(try x.tensor(), try y.tensor())) }
  }
}

/// A file that was just written, opened again.
struct SavedFile {
  let checkpoint: Checkpoint
  let entries: [SavePlan.Entry]
  let losses: [SaveLoss]
  let bytes: [UInt8]
  /// Keeps the file until the test is over.
  let folder: TemporaryFolder
}

func saved(
  _ parameters: [Parameter], of source: Checkpoint? = nil, metadata: [String: String] = [:],
  form: SaveForm, in folder: TemporaryFolder = TemporaryFolder(),
  as name: String = "a.safetensors"
) throws -> SavedFile {
  let plan = try SavePlan.make(
    parameters: Parameters(parameters), of: source, metadata: metadata, form: form)
  let path = folder.file(name)
  try plan.write(to: path)
  let bytes = TemporaryFolder.bytes(path)
  #expect(bytes.count == plan.byteCount)
  return SavedFile(
    checkpoint: try Checkpoint.open(path), entries: plan.entries, losses: plan.losses,
    bytes: bytes, folder: folder)
}

/// Compared here, since a failed expectation would print every value.
func haveSameBits(_ a: Tensor, _ b: Tensor) -> Bool {
  a.shape == b.shape && a.array.map(\.bitPattern) == b.array.map(\.bitPattern)
}
