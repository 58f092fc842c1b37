import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Weights in ggml's blocks agree with ggml to the last bit.
@Suite(.enabled(if: SharedData.isPresent)) struct BlockSampleTests {
  private func floats(_ path: String) -> [UInt32] {
    let bytes = TemporaryFolder.bytes(SharedData.path(path))
    return stride(from: 0, to: bytes.count, by: 4).map { offset in
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
    }
  }

  /// Q2_0 and Q8_K have no reference there.
  static let formats = BlockFormat.allCases.filter { $0 != .q2_0 && $0 != .q8K }

  @Test(arguments: formats) func everyFormatAgrees(format: BlockFormat) throws {
    let bytes = TemporaryFolder.bytes(
      SharedData.path("samples/ggml_types/\(format.rawValue).bin"))
    let shape: Shape = [4, 512]
    #expect(format.byteCount(of: shape) == bytes.count)
    let read = unsafe bytes.withUnsafeBytes {
      unsafe Tensor(shape, dequantizing: $0, from: format)
    }
    let weights = try #require(read)
    let reference = floats("samples/ggml_types/\(format.rawValue).f32")
    #expect(weights.array.map(\.bitPattern) == reference)
  }

  @Test func aFileOfAllTypesAgrees() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/all_ggml_types.gguf"))
    var compared = 0
    for tensor in checkpoint.tensors {
      let reference = floats("samples/ggml_types/\(tensor.dtypeName).f32")
      let parameter = try #require(checkpoint.parameters[tensor.name])
      if reference.isEmpty { continue }
      #expect(try parameter.tensor().array.map(\.bitPattern) == reference, "\(tensor.name)")
      compared += 1
    }
    #expect(compared >= 24)
    #expect(checkpoint.warnings == [])
  }

  /// Types of codebooks, as downloads of two and three bits have them.
  @Test func filesOfCodebooksAgree() throws {
    let mixed = try Checkpoint.open(SharedData.path("cases/55-iquants/iq.gguf"))
    #expect(mixed.warnings == [] && mixed.parameters.count == mixed.tensors.count)
    let folder = "layouts/gguf-iq-types/"
    let checkpoint = try Checkpoint.open(SharedData.path(folder + "model.gguf"))
    let data = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path(folder + "expected.json")))
    let facts = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let tensors = try #require(facts["tensors"] as? [String: [String: Any]])
    #expect(tensors.count == 7)
    for (name, expected) in tensors {
      let tensor = try #require(try checkpoint.parameters[name]?.tensor())
      let bytes = unsafe tensor.withUnsafeValues { unsafe Array(UnsafeRawBufferPointer($0)) }
      #expect(expected["sha256_f32_le"] as? String == SHA256.digest(bytes), "\(name)")
    }
  }

  /// SmolLM2 is not in the folder of real inputs: `PARE_SMOLLM2` names its file.
  static let smollm2 = ProcessInfo.processInfo.environment["PARE_SMOLLM2"]

  @Test(.enabled(if: smollm2 != nil)) func aRealModelAgrees() throws {
    let checkpoint = try Checkpoint.open(try #require(Self.smollm2))
    #expect(checkpoint.tensors.count == 272 && checkpoint.blockMap.blocks.count == 30)
    #expect(checkpoint.gguf?.texts("tokenizer.ggml.tokens")?.count == 49_152)
    let data = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path("reference/smollm2_dequant.json")))
    let expected = try #require(
      try JSONSerialization.jsonObject(with: data) as? [String: [String: Any]])
    for (name, facts) in expected {
      let tensor = try #require(try checkpoint.parameters[name]?.tensor())
      let bytes = unsafe tensor.withUnsafeValues { unsafe Array(UnsafeRawBufferPointer($0)) }
      #expect(facts["sha256_f32le"] as? String == SHA256.digest(bytes), "\(name)")
    }
  }
}
