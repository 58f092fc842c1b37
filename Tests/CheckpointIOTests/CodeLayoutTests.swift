import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Layouts of floating-point codes and scales: the weights are those that the formats'
/// definitions give, and those of the tools that wrote real files.
@Suite struct CodeLayoutTests {
  @Test(arguments: QuantizedFolder.samples)
  func weightsAreCodesTimesScales(kind: QuantizedFolder.SampleKind) throws {
    let sample = kind.sample()
    let checkpoint = try Checkpoint.open(sample.folder.write())
    #expect(checkpoint.warnings.isEmpty && checkpoint.unreadCodes == nil)
    #expect(checkpoint.tensors.count == sample.folder.arrays.count)
    #expect(checkpoint.parameters.map(\.name) == [QuantizedFolder.weight])
    let weight = try #require(checkpoint.parameters.first)
    #expect(weight.shape == Shape(sample.shape))
    #expect(weight.place == Place(block: 0, layer: "self_attn.q_proj", role: .linear))
    let values = try weight.tensor().array
    #expect(values.map(\.bitPattern) == sample.weights.map(\.bitPattern))
  }

  /// What is saved is the weights, and nothing of the arrays they were made of.
  @Test(arguments: QuantizedFolder.samples)
  func savedFilesHoldWeights(kind: QuantizedFolder.SampleKind) throws {
    let sample = kind.sample()
    let checkpoint = try Checkpoint.open(sample.folder.write())
    for form in [SaveForm.packed, .dense(nil), .dense(.f32)] {
      let plan = try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: form)
      #expect(plan.entries.map(\.name) == [QuantizedFolder.weight])
      let path = sample.folder.folder.file("saved.safetensors")
      try plan.write(to: path)
      let saved = try Checkpoint.open(path)
      #expect(saved.warnings.isEmpty)
      let values = try #require(saved.parameters[QuantizedFolder.weight]).tensor().array
      #expect(values.map(\.bitPattern) == sample.weights.map(\.bitPattern))
    }
  }

  /// 255 is NaN, as the specification says.
  @Test func thePowerWithAllBitsIsNaN() throws {
    var folder = QuantizedFolder.exponentBlocks().folder
    folder.arrays[1].bytes[0] = 255
    let values = try #require(
      Checkpoint.open(folder.write()).parameters[QuantizedFolder.weight]
    ).tensor().array
    #expect(values[0].isNaN && !values[16].isNaN)
  }

  /// The two stacks of gpt-oss: even outputs of the first are the gate's, odd ones up's.
  @Test func expertsOfMXFP4HaveMatricesOfTheirOwn() throws {
    var folder = QuantizedFolder(#"{"quant_method": "mxfp4"}"#)
    var draw = QuantizedFolder.Draw(seed: 690)
    let stem = "model.layers.0.mlp.experts."
    let (codes, scales) = (draw.bytes(2 * 6 * 2 * 16), draw.bytes(2 * 6 * 2).map { 120 + $0 % 9 })
    folder.add(stem + "gate_up_proj_blocks", "U8", [2, 6, 2, 16], codes)
    folder.add(stem + "gate_up_proj_scales", "U8", [2, 6, 2], scales)
    folder.add(stem + "down_proj_blocks", "U8", [2, 6, 2, 16], codes)
    folder.add(stem + "down_proj_scales", "U8", [2, 6, 2], scales)
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.warnings.isEmpty)
    #expect(
      checkpoint.parameters.map(\.name)
        == [0, 1].flatMap { expert in
          ["gate", "up"].map { "\(stem)\(expert).\($0)_proj.weight" }
        } + [0, 1].map { "\(stem)\($0).down_proj.weight" })
    func row(_ expert: Int, _ output: Int) -> [Float] {
      (0..<64).map { input in
        let byte = codes[(expert * 6 + output) * 32 + input / 2]
        let code = input % 2 == 0 ? byte & 15 : byte >> 4
        return QuantizedFolder.e2m1[Int(code)]
          * QuantizedFolder.e8m0(scales[(expert * 6 + output) * 2 + input / 32])
      }
    }
    for expert in 0..<2 {
      for (name, outputs) in [
        ("gate", [0, 2, 4]), ("up", [1, 3, 5]), ("down", [0, 1, 2, 3, 4, 5]),
      ] {
        let weight = try #require(
          checkpoint.parameters["\(stem)\(expert).\(name)_proj.weight"])
        #expect(weight.shape == [outputs.count, 64] && weight.place.role == .linear)
        #expect(try weight.tensor().array == outputs.flatMap { row(expert, $0) })
      }
    }
    // Plain values are written as transformers keeps them: [expert, in, out].
    let path = folder.folder.file("plain.safetensors")
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(plan.entries.map(\.name) == ["gate_up", "down"].map { "\(stem)\($0)_proj" })
    #expect(plan.entries.allSatisfy { $0.shape == [2, 64, 6] && $0.dtypeName == "BF16" })
    try plan.write(to: path)
    let saved = try Checkpoint.open(path, settings: ["model_type": "gpt_oss"]).parameters
    #expect(saved.map(\.name).sorted() == checkpoint.parameters.map(\.name).sorted())
    #expect(
      try saved["\(stem)1.down_proj.weight"]?.tensor().array == (0..<6).flatMap { row(1, $0) })
    // Every byte is some tensor's.
    #expect(
      checkpoint.tensors.reduce(0) { $0 + $1.byteCount } == 2 * (codes.count + scales.count))
  }

  // MARK: Real files

  private static let layouts = SharedData.path("layouts")
  private static let isHere = FileManager.default.fileExists(atPath: layouts)

  private struct Expected: Decodable {
    struct Tensor: Decodable {
      let shape: [Int]
      let sha256_f32_le: String
    }
    let tensors: [String: Tensor]
  }

  /// A folder, what the names in its `expected.json` begin with, and whether the tool
  /// rounds what it gives to bf16.
  struct Real: Sendable, CustomTestStringConvertible {
    let path: String
    let prefix: String
    var isRounded = false
    var testDescription: String { path }
  }

  static let real = [
    Real(path: "ct-mxfp8", prefix: ""),
    Real(path: "ct-nvfp4-mxfp4/MXFP4A16", prefix: "MXFP4A16:"),
    Real(path: "ct-nvfp4-mxfp4/MXFP6A16", prefix: "MXFP6A16:"),
    Real(path: "ct-nvfp4-mxfp4/NVFP4A16", prefix: "NVFP4A16:", isRounded: true),
    Real(path: "torchao-safetensors/int8", prefix: "int8:", isRounded: true),
    Real(path: "torchao-safetensors/int4-group32", prefix: "int4-group32:", isRounded: true),
    Real(path: "quanto/qint8/model.safetensors", prefix: "qint8:"),
    Real(path: "quanto/qfloat8/model.safetensors", prefix: "qfloat8:"),
    Real(path: "mlx-quantized/mxfp4", prefix: "mxfp4:"),
    Real(path: "mlx-quantized/nvfp4", prefix: "nvfp4:"),
    Real(path: "auto-round/w4-asym", prefix: "w4-asym:"),
  ]

  @Test(.enabled(if: isHere), arguments: real)
  func realFilesHoldTheWeightsOfTheirTool(file: Real) throws {
    let checkpoint = try Checkpoint.open(Self.layouts + "/" + file.path)
    #expect(checkpoint.warnings.isEmpty && checkpoint.unreadCodes == nil)
    let folder = try #require(file.path.split(separator: "/").first)
    let expected = try JSONDecoder().decode(
      Expected.self,
      from: Data(contentsOf: URL(fileURLWithPath: "\(Self.layouts)/\(folder)/expected.json")))
    var compared = 0
    for (name, tensor) in expected.tensors where name.hasPrefix(file.prefix) {
      let weight = try #require(
        checkpoint.parameters[String(name.dropFirst(file.prefix.count))], "\(name)")
      var values = try weight.tensor()
      if file.isRounded {
        let bytes = values.bytes(as: .bf16)
        values = unsafe bytes.withUnsafeBytes {
          unsafe Tensor(weight.shape, converting: $0, from: .bf16)
        }
      }
      #expect(weight.shape == Shape(tensor.shape))
      #expect(
        SHA256.digest(values.array.flatMap { ZipBytes.little($0.bitPattern, 4) })
          == tensor.sha256_f32_le, "\(name)")
      compared += 1
    }
    #expect(compared > 0)
  }

  /// `expected.json` has the stacks as transformers holds them, `[expert, in, out]`.
  @Test(.enabled(if: isHere)) func realStacksOfMXFP4AreThoseOfTransformers() throws {
    let checkpoint = try Checkpoint.open(Self.layouts + "/gpt-oss-mxfp4")
    let expected = try JSONDecoder().decode(
      Expected.self,
      from: Data(
        contentsOf: URL(fileURLWithPath: Self.layouts + "/gpt-oss-mxfp4/expected.json")))
    let stem = "model.layers.0.mlp.experts."
    func digest(_ rows: (_ expert: Int) throws -> [[Float]]) throws -> String {
      let stacks = try [0, 1].map(rows)
      let values = stacks.flatMap { rows in
        (0..<rows[0].count).flatMap { input in rows.map { $0[input] } }
      }
      return SHA256.digest(values.flatMap { ZipBytes.little($0.bitPattern, 4) })
    }
    func rows(_ expert: Int, _ layer: String) throws -> [[Float]] {
      let weight = try #require(checkpoint.parameters["\(stem)\(expert).\(layer).weight"])
      let values = try weight.tensor().array
      let columns = weight.shape.columns
      return (0..<weight.shape.rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
    }
    #expect(
      try digest { try rows($0, "down_proj") }
        == expected.tensors[stem + "down_proj"]?.sha256_f32_le)
    #expect(
      try digest { expert in
        try zip(rows(expert, "gate_proj"), rows(expert, "up_proj")).flatMap { [$0, $1] }
      } == expected.tensors[stem + "gate_up_proj"]?.sha256_f32_le)
  }

  @Test(.enabled(if: isHere)) func realScalesOfE8M0AreThoseOfTheReference() throws {
    let folder = SharedData.path("cases/20-fp8-ue8m0-scales")
    let checkpoint = try Checkpoint.open(folder + "/hf")
    let reference = try Checkpoint.open(folder + "/ref.npz").parameters
    #expect(checkpoint.warnings.isEmpty && reference.count > 0)
    for parameter in reference {
      let weight = try #require(checkpoint.parameters[parameter.name])
      #expect(try weight.tensor().array == parameter.tensor().array, "\(parameter.name)")
    }
  }

  @Test(
    .enabled(if: isHere),
    arguments: [
      "13-fp8-scale-no-config/weight_scale.safetensors",
      "13-fp8-scale-no-config/scale_weight.safetensors", "16-modelopt/fp8",
      "16-modelopt/fp8-sidecar", "16-modelopt/nvfp4",
    ])
  func realWeightsAreScaled(path: String) throws {
    let checkpoint = try Checkpoint.open(SharedData.path("cases/" + path))
    #expect(checkpoint.warnings.isEmpty && checkpoint.unreadCodes == nil)
    let layers = checkpoint.parameters.linearLayers
    #expect(layers.count >= 6)
    for layer in layers {
      let largest = try layer.tensor().array.map(abs).max() ?? 0
      #expect(largest > 0.01 && largest < 0.5, "\(layer.name)")
    }
  }
}
