import CheckpointIO
import Tensors
import TestSupport
import Testing

/// What a written file does not hold is told, and nothing else.
@Suite struct SaveLossTests {
  private func losses(_ parameters: [Parameter], _ form: SaveForm) throws -> [String] {
    try SavePlan.make(parameters: Parameters(parameters), form: form).losses.map(\.description)
  }

  @Test func onlyTensorsThatChangeAreRounded() throws {
    let parameters = [
      Samples.parameter("a", .f32, Tensor([2], [0.1, 1])),
      Samples.parameter("b", .f32, Tensor([2], [0.3, 1])),
      Samples.parameter("c", .f32, Tensor([2], [0.5, 1])),
    ]
    #expect(
      try losses(parameters, .dense(.bf16)) == [
        "2 tensors rounded from F32 to BF16",
        "1 tensor of F32 written as BF16, values unchanged",
      ])
    #expect(try losses(parameters, .dense(nil)).isEmpty)
    #expect(try losses(parameters, .packed).isEmpty)
  }

  @Test func codesAreWrittenAsValues() throws {
    let grid = QuantizationGrid(bits: 2, codes: -2...1, groupSize: 4, scales: [0.5])
    let parameter = Parameter(
      name: "a", shape: [1, 4], dtype: .f32, place: Samples.place, grid: grid,
      load: { Tensor([1, 4], [-1, -0.5, 0, 0.5]) })
    #expect(
      try losses([parameter], .dense(nil)) == ["1 tensor of codes written as values of F32"])
    #expect(try losses([parameter], .packed).isEmpty)
  }

  /// Values are f32 in memory, and bytes that need not pass through it do not.
  @Test func sixtyFourBitsAreCopied() throws {
    let folder = TemporaryFolder()
    let values = [0.1, 1e300, -0.0, .leastNonzeroMagnitude]
    var bytes: [UInt8] = []
    for value in values { bytes += GGUFBytes.little(value.bitPattern) }
    let text = #"{"a":{"dtype":"F64","shape":[4],"data_offsets":[0,32]}}"#
    TemporaryFolder.write(
      GGUFBytes.little(UInt64(text.utf8.count)) + Array(text.utf8) + bytes,
      to: folder.file("a"))
    let source = try Checkpoint.open(folder.file("a"))
    let file = try saved(Array(source.parameters), of: source, form: .dense(nil))
    #expect(file.losses.isEmpty)
    #expect(Array(file.bytes.suffix(32)) == bytes)
    let packed = try saved(Array(source.parameters), of: source, form: .packed)
    #expect(packed.losses.map(\.description) == ["1 tensor rounded from F64 to F32"])
    let torch = try PyTorchPlan.make(parameters: source.parameters, of: source, dtype: nil)
    #expect(torch.losses.isEmpty)
  }

  @Test func trainingStateIsCounted() throws {
    let source = try Checkpoint.open(Fixtures.path("tiny.pt"))
    let file = try saved(Array(source.parameters), of: source, form: .dense(nil))
    #expect(file.losses.map(\.kind) == [.state])
  }

  @Test func blocksAreToldOnBothWays() throws {
    let source = try Checkpoint.open(bytes: GGUFBytes.model().bytes, name: "source")
    let dense = try saved(Array(source.parameters), of: source, form: .dense(nil))
    #expect(dense.losses.map(\.kind).contains(.unpacked))
    #expect(!dense.losses.contains { $0.changesValues })
    let packed = try saved(Array(source.parameters), of: source, form: .packed)
    #expect(packed.losses.isEmpty)
    let plan = try GGUFPlan.make(
      parameters: dense.checkpoint.parameters, of: dense.checkpoint, storage: .blocks(.q4_0))
    #expect(plan.losses.map(\.kind).contains(.quantized))
  }

  @Test func exactIsWhatIsReadBackBitForBit() {
    let isExact = { (values: [Float], dtype: DType) in
      StoredNumbers.isExact(Tensor([values.count], values), dtype)
    }
    #expect(isExact([1, 0.5, -0.0, .infinity], .f8e5m2))
    #expect(!isExact([1, 1.01], .bf16))
    #expect(isExact([1, 1.01], .f64))
    #expect(isExact([1, -128, 127], .i8))
    #expect(!isExact([1, -129], .i8))
    // Integers have one zero.
    #expect(!isExact([-0.0], .i64))
  }
}
