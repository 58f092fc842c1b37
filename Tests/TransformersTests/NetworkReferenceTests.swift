import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// Agreement with values that PyTorch computed.
@Suite(.enabled(if: SharedData.isPresent)) struct NetworkReferenceTests {
  /// Logits agree to 1e-4 of the largest.
  static let tolerance: Float = 1e-4

  static func network(_ path: String, _ extra: [String: String] = [:]) throws -> Network {
    let checkpoint = try Checkpoint.open(SharedData.path(path))
    let settings = checkpoint.configuration.merging(extra) { $1 }
    return try Network.make(checkpoint.parameters, configuration: settings)
  }

  static func expectClose(_ found: [Float], _ wanted: [Double], largest: Float) {
    for (a, b) in zip(found, wanted) {
      #expect(abs(a - Float(b)) <= tolerance * largest, "\(a) is not \(b)")
    }
  }

  static func largest(_ tensor: Tensor) -> Float { tensor.array.reduce(0) { max($0, abs($1)) } }

  static func argmax(_ logits: Tensor) -> [Int] {
    (0..<logits.shape.rows).map { row in
      (0..<logits.shape.columns).reduce(0) { logits[row, $1] > logits[row, $0] ? $1 : $0 }
    }
  }

  @Test func gpt2AgreesWithTransformers() throws {
    let network = try Self.network("samples/tiny_gpt2_hf/model.safetensors")
    let expected = try Expected.read("samples/tiny_hf_expected.json")["tiny_gpt2_hf"]
    let tokens = expected["ids"].integers
    #expect(network.configuration.activation == .geluTanh)
    #expect(network.configuration.normKind == .layer)
    let logits = try network.logits(tokens)
    let last = (0..<8).map { logits[tokens.count - 1, $0] }
    Self.expectClose(last, expected["last_logits_first8"].numbers, largest: Self.largest(logits))
    #expect(Self.argmax(logits) == expected["argmax"].integers)
    let loss = try network.evaluate(tokens).loss
    #expect(abs(loss - expected["mean_nll"].number) < 1e-5)
  }

  @Test(arguments: ["nanogpt.safetensors", "hf_gpt2_layout.safetensors"])
  func nanoGPTAgreesInBothLayouts(_ file: String) throws {
    let network = try Self.network("samples/" + file, ["n_head": "2"])
    let expected = try Expected.read("samples/expected.json")["ckpt.pt"]["eval"]
    let text = try Text.tokens()
    let logits = try network.logits(Array(text[..<32]))
    Self.expectClose(
      (0..<8).map { logits[31, $0] }, expected["logits_row0_last_first8"].numbers,
      largest: Self.largest(logits))
    #expect(Self.argmax(logits) == expected["argmax_row0"].integers)
    let evaluation = try network.evaluate(Array(text[..<257]))
    #expect(evaluation.tokens == 256)
    #expect(abs(evaluation.loss - expected["mean_nll"].number) < 1e-5)
  }

  /// The 6×384 network of the shared data, as trained.
  @Test func shakespeareLogitsAndLossAgree() throws {
    let network = try Self.network("shakespeare-char/ckpt.pt")
    let expected = try Expected.read("shakespeare-char/expected.json")
    let text = try Text.validation()
    let logits = try network.logits(Array(text[..<64]))
    Self.expectClose(
      (0..<8).map { logits[63, $0] }, expected["logits"]["last_position_first8"].numbers,
      largest: Self.largest(logits))
    #expect(Self.argmax(logits) == expected["logits"]["argmax"].integers)
  }

  /// The whole validation text, 20 to 60 seconds: set PARE_SLOW_TESTS to run it.
  @Test(.enabled(if: Slow.isWanted), arguments: [Precision.f32, .bf16])
  func shakespeareValidationLossAgrees(_ precision: Precision) throws {
    let network = try Self.network("shakespeare-char/ckpt.pt")
    let expected = try Expected.read("shakespeare-char/expected.json")
    let evaluation = try network.evaluate(try Text.validation(), precision: precision)
    #expect(evaluation.tokens == Int(expected["scored"].number))
    let tolerance = precision == .f32 ? 1e-6 : 1e-4
    #expect(abs(evaluation.loss - expected["validation_loss"].number) < tolerance)
  }
}
