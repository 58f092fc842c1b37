import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// The tiny model of `Checkpoints/` in every format. The safetensors files are
/// made here (`PARE_WRITE_FIXTURES=1`), the PyTorch ones from them by
/// `Benchmarks/write_tiny_pt.py`.
@Suite struct FixtureTests {
  static let safetensors: [(String, DType)] = [
    ("tiny.safetensors", .f32), ("tiny-f16.safetensors", .f16), ("tiny-bf16.safetensors", .bf16),
  ]
  static let pytorch: [(String, DType)] = [
    ("tiny.pt", .f32), ("tiny-f16.pt", .f16), ("tiny-bf16.pt", .bf16),
  ]

  @Test(arguments: safetensors)
  func theGeneratorMakesTheFile(file: String, dtype: DType) throws {
    let made = try saved(
      TinyModel.parameters, metadata: TinyModel.metadata, form: .dense(dtype))
    if ProcessInfo.processInfo.environment["PARE_WRITE_FIXTURES"] != nil {
      TemporaryFolder.write(made.bytes, to: Fixtures.path(file))
      Issue.record("wrote \(file)")
    }
    let isSame = TemporaryFolder.bytes(Fixtures.path(file)) == made.bytes
    #expect(isSame, "\(file) is not what the generator makes")
  }

  @Test(arguments: safetensors + pytorch)
  func sistersAgreeWithinTheirType(file: String, dtype: DType) throws {
    let sister = try Checkpoint.open(Fixtures.path(file))
    let rounded = try saved(TinyModel.parameters, form: .dense(dtype)).checkpoint
    #expect(sister.parameters.map(\.name) == TinyModel.parameters.map(\.name))
    for parameter in sister.parameters {
      let expected = try #require(rounded.parameters[parameter.name])
      #expect(parameter.dtype == dtype)
      #expect(haveSameBits(try parameter.tensor(), try expected.tensor()), "\(parameter.name)")
    }
    #expect(sister.blockMap.blocks.count == 2)
    #expect(sister.vocabulary == TinyModel.vocabulary)
    for (key, value) in TinyModel.configuration {
      #expect(sister.configuration[key] == value, "\(key)")
    }
  }

  @Test func headIsTheEmbeddingInPyTorch() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("tiny.pt"))
    let head = try #require(checkpoint.tensors.first { $0.name == "lm_head.weight" })
    #expect(head.sharesStorageOf == "transformer.wte.weight")
    #expect(checkpoint.tensors.contains { $0.place.role == .optimizer })
  }

  @Test(arguments: [SaveForm.dense(nil), .packed])
  func convertingPyTorchKeepsEverything(form: SaveForm) throws {
    let source = try Checkpoint.open(Fixtures.path("tiny.pt"))
    let file = try saved(Array(source.parameters), of: source, form: form)
    let back = file.checkpoint
    #expect(back.vocabulary == source.vocabulary)
    for (key, value) in source.configuration { #expect(back.configuration[key] == value) }
    #expect(back.metadata["lm_head.weight"] == "transformer.wte.weight")
    #expect(back.parameters.map(\.name) == source.parameters.map(\.name))
    for (a, b) in zip(source.parameters, back.parameters) {
      #expect(haveSameBits(try a.tensor(), try b.tensor()))
      #expect(a.place == b.place)
    }
  }
}

/// A character model of nanoGPT's layout: 2 blocks, 32 wide, 2 heads, context
/// 32, with weights of a seeded bell curve.
enum TinyModel {
  static let vocabulary =
    ["\n", " ", "!", "$", "&", "'", ",", "-", ".", "3", ":", ";", "?"]
    + (65...90).map { String(UnicodeScalar(UInt8($0))) }
    + (97...122).map { String(UnicodeScalar(UInt8($0))) }

  static let configuration = [
    "n_layer": "2", "n_head": "2", "n_embd": "32", "block_size": "32", "vocab_size": "65",
    "bias": "false",
  ]

  static let metadata = [
    "format": "pt",
    "pare.config":
      "{\"bias\":false,\"block_size\":32,\"n_embd\":32,\"n_head\":2,\"n_layer\":2,\"vocab_size\":65}",
    "pare.vocabulary":
      "[" + vocabulary.map { $0 == "\n" ? "\"\\n\"" : "\"\($0)\"" }.joined(separator: ",") + "]",
  ]

  static let parameters: [Parameter] = {
    var list = [
      weight("transformer.wte.weight", [65, 32], 0.1),
      weight("transformer.wpe.weight", [32, 32], 0.02),
    ]
    for block in 0..<2 {
      let prefix = "transformer.h.\(block)."
      list += [
        norm(prefix + "ln_1.weight"), weight(prefix + "attn.c_attn.weight", [96, 32], 0.08),
        weight(prefix + "attn.c_proj.weight", [32, 32], 0.04), norm(prefix + "ln_2.weight"),
        weight(prefix + "mlp.c_fc.weight", [128, 32], 0.08),
        weight(prefix + "mlp.c_proj.weight", [32, 128], 0.04),
      ]
    }
    return list + [norm("transformer.ln_f.weight")]
  }()

  private static func weight(_ name: String, _ shape: Shape, _ deviation: Float) -> Parameter {
    parameter(name, shape) { deviation * $0 }
  }

  private static func norm(_ name: String) -> Parameter {
    parameter(name, [32]) { 1 + 0.02 * $0 }
  }

  /// The sum of twelve uniform numbers less six has variance 1, and is the
  /// same on every machine.
  private static func parameter(
    _ name: String, _ shape: Shape, _ value: (Float) -> Float
  ) -> Parameter {
    var random = SplitMix64(seed: name.utf8.reduce(1337) { $0 &* 31 &+ UInt64($1) })
    let values = (0..<shape.count).map { _ in
      value((0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &random) })
    }
    return Samples.parameter(name, .f32, Tensor(shape, values))
  }
}
