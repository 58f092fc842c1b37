import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// PyTorch files that Pare writes.
@Suite struct PyTorchWritingTests {
  let folder = TemporaryFolder()

  private func written(
    _ parameters: Parameters, of source: Checkpoint? = nil, dtype: DType? = nil,
    name: String = "a.pt"
  ) throws -> (plan: PyTorchPlan, checkpoint: Checkpoint, bytes: [UInt8]) {
    let plan = try PyTorchPlan.make(parameters: parameters, of: source, dtype: dtype)
    try plan.write(to: folder.file(name))
    let bytes = TemporaryFolder.bytes(folder.file(name))
    #expect(bytes.count == plan.byteCount)
    return (plan, try Checkpoint.open(folder.file(name)), bytes)
  }

  @Test(arguments: DType.allCases) func everyTypeComesBackBitForBit(dtype: DType) throws {
    let shapes: [Shape] = [[7, 33], [], [5], [0, 3], [2, 3, 4]]
    let parameters = shapes.enumerated().map {
      Samples.tensor(dtype, $1, seed: UInt64($0), name: "t\($0)")
    }
    let (plan, file, _) = try written(Parameters(parameters))
    let isEight = dtype == .f8e4m3 || dtype == .f8e5m2
    #expect(file.format == "pytorch")
    #expect(file.parameters.map(\.name) == parameters.map(\.name))
    for (parameter, tensor) in zip(parameters, file.tensors) {
      #expect(tensor.dtype == (isEight ? .f16 : dtype) && tensor.shape == parameter.shape)
      #expect(tensor.byteRange.lowerBound % 64 == 0)
      let back = try #require(try file.parameters[parameter.name]?.tensor())
      #expect(haveSameBits(back, try parameter.tensor()))
    }
    #expect(plan.losses.map(\.kind).allSatisfy { isEight ? $0 == .retyped : $0 == .rounded })
    #expect(plan.losses.isEmpty == !(isEight || dtype == .f64))
  }

  @Test(arguments: ["tiny.pt", "tiny-bf16.pt", "tiny-f16.safetensors"])
  func aNanoGPTCheckpointStaysOne(name: String) throws {
    let source = try Checkpoint.open(Fixtures.path(name))
    let (plan, file, bytes) = try written(source.parameters, of: source)
    #expect(file.parameters.map(\.name) == source.parameters.map(\.name))
    for parameter in source.parameters {
      let back = try #require(file.parameters[parameter.name])
      #expect(back.dtype == parameter.dtype && back.place == parameter.place)
      #expect(haveSameBits(try back.tensor(), try parameter.tensor()))
    }
    let isTied = name.hasSuffix(".pt")
    let head = file.tensors.first { $0.name == "lm_head.weight" }
    #expect((head?.sharesStorageOf == "transformer.wte.weight") == isTied)
    #expect(file.vocabulary == source.vocabulary)
    for (key, value) in source.configuration { #expect(file.configuration[key] == value) }
    #expect(plan.losses.allSatisfy { $0.kind == .state })
    #expect(plan.losses.isEmpty == plan.omissions.isEmpty)
    // Through safetensors and back it is the same file.
    let between = try saved(Array(file.parameters), of: file, form: .dense(nil))
    let again = try written(
      between.checkpoint.parameters, of: between.checkpoint, name: "again.pt")
    let names = again.checkpoint.tensors.map(\.name).sorted()
    #expect(names == file.tensors.map(\.name).sorted())
    #expect(again.checkpoint.metadata == file.metadata)
    let twice = try written(source.parameters, of: source, name: "twice.pt")
    let isSame = twice.bytes == bytes
    #expect(isSame, "the same input gives the same bytes")
  }

  @Test func aNamedTypeRoundsAndIsTold() throws {
    let source = try Checkpoint.open(Fixtures.path("tiny.safetensors"))
    let (plan, file, _) = try written(source.parameters, of: source, dtype: .bf16)
    let rounded = try saved(Array(source.parameters), of: source, form: .dense(.bf16))
    for parameter in file.parameters {
      let other = try #require(rounded.checkpoint.parameters[parameter.name])
      #expect(parameter.dtype == .bf16)
      #expect(haveSameBits(try parameter.tensor(), try other.tensor()))
    }
    #expect(plan.losses.map(\.kind).contains(.rounded))
    #expect(plan.losses == rounded.losses)
  }

  @Test func aPlainStateDictionaryHasItsMetadataAsAnAttribute() throws {
    let parameters = [Samples.tensor(.f32, [3, 4], seed: 1, name: "model.a.weight")]
    let source = try saved(parameters, metadata: ["note": "x"], form: .dense(nil)).checkpoint
    let (plan, file, _) = try written(source.parameters, of: source)
    #expect(file.tensors.map(\.name) == ["model.a.weight"])
    #expect(plan.losses.isEmpty && file.metadata["note"] == "x")
  }

  @Test func theChecksumIsThatOfZip() {
    #expect(checksum(Array("123456789".utf8)) == 0xCBF4_3926)
    for count in 1..<40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
      let slow = bytes.reduce(UInt32.max) { state, byte in
        (0..<8).reduce(state ^ UInt32(byte)) { value, _ in
          value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320
        }
      }
      #expect(checksum(bytes) == ~slow)
      #expect(checksum(bytes, inPiecesOf: 3) == ~slow)
    }
  }

  private func checksum(_ bytes: [UInt8], inPiecesOf size: Int = .max) -> UInt32 {
    var checksum = CRC32()
    for start in stride(from: 0, to: bytes.count, by: min(size, bytes.count)) {
      checksum.add(Bytes(Array(bytes[start...].prefix(size))))
    }
    return checksum.value
  }

  @Test func theOpenCheckpointIsNotWrittenOver() throws {
    let source = try Checkpoint.open(Fixtures.path("tiny.pt"))
    let plan = try PyTorchPlan.make(parameters: source.parameters, of: source, dtype: nil)
    let path = Fixtures.path("tiny.pt")
    #expect(throws: CheckpointError.sameFile(path: path)) { try plan.write(to: path) }
  }

  /// A Python that has PyTorch; nothing else in the tests needs it.
  static let python = ProcessInfo.processInfo.environment["PARE_PEERS_PYTHON"]

  @Test(.enabled(if: python != nil)) func torchReadsTheSame() throws {
    let python = try #require(Self.python)
    for name in ["tiny.pt", "tiny-f16.pt", "tiny-bf16.pt"] {
      let source = try Checkpoint.open(Fixtures.path(name))
      _ = try written(source.parameters, of: source, name: name)
      let script = """
        import sys, torch
        a = torch.load(sys.argv[1], weights_only=True)
        b = torch.load(sys.argv[2], weights_only=True)
        assert list(a['model']) == list(b['model'])
        assert all(torch.equal(a['model'][k], b['model'][k]) for k in a['model'])
        assert all(a['model'][k].dtype == b['model'][k].dtype for k in a['model'])
        m = b['model']
        assert m['lm_head.weight'].data_ptr() == m['transformer.wte.weight'].data_ptr()
        assert all(a['model_args'][k] == v for k, v in b['model_args'].items())
        """
      let process = Process()
      process.executableURL = URL(fileURLWithPath: python)
      process.arguments = ["-c", script, Fixtures.path(name), folder.file(name)]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(name)")
    }
  }
}
