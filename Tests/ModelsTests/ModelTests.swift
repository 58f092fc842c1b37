import CheckpointIO
import Foundation
import Models
import Tensors
import TestSupport
import Testing

/// What a model is, from the tiny one of each family.
@Suite struct ModelTests {
  static let root = SharedData.packageRoot + "/Checkpoints/families"
  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: root))?.sorted() ?? []

  @Test func familiesAreThere() { #expect(Self.names.count == 23) }

  /// Each tensor of the file is for something, and none for two things but a tied head.
  @Test(arguments: names) func everyTensorHasItsRole(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Self.root + "/" + name)
    let model = try #require(
      try Model(checkpoint.parameters, configuration: checkpoint.configuration))
    let used = Set(model.parts.values.map(\.parameter.name))
    #expect(used == Set(checkpoint.parameters.map(\.name)))
    var rows: [String: Int] = [:]
    for (id, part) in model.parts where !(id.role == .head && model.isHeadTied) {
      rows[part.parameter.name, default: 0] += part.count
    }
    for parameter in checkpoint.parameters {
      #expect(rows[parameter.name] == parameter.shape.dimensions[0], "\(parameter.name)")
    }
    // What a step reads is there.
    for block in 0..<model.config.blocks {
      for case .linear(let role, _, _) in model.config.steps(of: block) {
        let shape = model.config.shape(of: role, block: block)
        #expect(model[TensorID(role, block: block)]?.count == shape.rows)
      }
    }
  }

  private func refusal(
    _ name: String, _ changes: [String: String], without: String? = nil
  ) throws -> String? {
    let checkpoint = try Checkpoint.open(Self.root + "/" + name)
    let parameters = Parameters(checkpoint.parameters.filter { $0.name != without })
    do {
      _ = try Model(parameters, configuration: checkpoint.configuration.merging(changes) { $1 })
      return nil
    } catch {
      return error.description
    }
  }

  @Test(arguments: [
    (
      "llama", ["num_attention_heads": "3"],
      "3 heads of 12 cannot share 2 heads of keys and values"
    ),
    ("llama", ["num_hidden_layers": "7"], "it has 2 blocks where its settings say 7"),
    ("llama", ["rms_norm_eps": "small"], "its setting rms_norm_eps is small, which is no number"),
    ("llama", ["hidden_act": "mish"], "its activation mish is not supported"),
    ("llama", ["rope_parameters.rope_type": "spiral"], "its rope scaling spiral is not supported"),
    ("llama", ["rope_parameters.rope_theta": "0"], "from a base of 0.0, which cannot be"),
    ("llama", ["head_dim": "0"], "heads of 0 cannot share"),
    ("llama", ["num_attention_heads": "9223372036854775807"], "which is no count"),
    ("mixtral", ["num_experts_per_tok": "9"], "9 of 4 experts cannot be chosen"),
    ("olmoe", ["clip_qkv": "8"], "it cuts queries, keys and values at 8.0"),
    ("granite", ["logits_scaling": "0"], "its logits_scaling is 0"),
    ("gpt_oss", ["swiglu_limit": "9"], "its swiglu_limit is 9.0 and not 7"),
  ]) func settingsThatCannotBe(_ name: String, _ changes: [String: String], _ wish: String) throws {
    let said = try #require(try refusal(name, changes))
    #expect(said.contains(wish), "\(said)")
  }

  @Test func tensorsThatAreMissing() throws {
    let name = "model.layers.1.self_attn.k_proj.weight"
    #expect(try refusal("llama", [:], without: name) == "\(name) is missing")
    let norm = "model.norm.weight"
    #expect(try refusal("llama", [:], without: norm) == "\(norm) is missing")
  }

  @Test func shapesThatContradict() throws {
    let said = try #require(try refusal("llama", ["intermediate_size": "50"]))
    #expect(said.contains("mlp.gate_proj.weight is"), "\(said)")
    #expect(said.hasSuffix("should be 50 × 32 of floating point"), "\(said)")
  }
}

@Suite struct RopeTests {
  /// Peng et al., 2023: high frequencies stay, low ones are divided by the factor.
  @Test func scalingsKeepTheirEnds() {
    let plain = Rope(base: 10_000, width: 64).frequencies(length: 100)
    #expect(plain[0] == 1 && plain.count == 32)
    for scaling in [
      Rope.Scaling.llama3(factor: 8, low: 1, high: 4, original: 8192),
      .yarn(factor: 8, fast: 32, slow: 1, original: 8192, truncates: true),
    ] {
      let scaled = Rope(base: 10_000, width: 64, scaling: scaling).frequencies(length: 100)
      #expect(scaled[0] == plain[0])
      #expect(abs(scaled[31] * 8 / plain[31] - 1) < 1e-6)
      #expect(zip(scaled, plain).allSatisfy { $0 <= $1 && $0 >= $1 / 8 - 1e-9 })
    }
    let linear = Rope(base: 10_000, width: 64, scaling: .linear(factor: 4))
    #expect(zip(linear.frequencies(length: 1), plain).allSatisfy { $0 == $1 / 4 })
  }

  @Test func longTextsHaveOtherAngles() {
    let short = [Float](repeating: 1, count: 4)
    let long: [Float] = [1, 2, 4, 8]
    let rope = Rope(
      base: 100, width: 8, scaling: .longRope(short: short, long: long, original: 10))
    let plain = Rope(base: 100, width: 8).frequencies(length: 5)
    #expect(rope.frequencies(length: 10) == plain)
    for (pair, factor) in long.enumerated() {
      #expect(abs(rope.frequencies(length: 11)[pair] * factor - plain[pair]) < 1e-7)
    }
    let dynamic = Rope(base: 100, width: 8, scaling: .dynamic(factor: 2, original: 10))
    #expect(dynamic.frequencies(length: 10) == plain)
    #expect(dynamic.frequencies(length: 20)[3] < plain[3])
  }
}
