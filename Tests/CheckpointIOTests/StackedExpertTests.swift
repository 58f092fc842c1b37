import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Experts that a file keeps in one tensor are the matrices that they would be one by one.
@Suite struct StackedExpertTests {
  private static let (experts, width, hidden) = (3, 8, 6)

  /// How a file keeps them.
  enum Layout: String, CaseIterable, Sendable {
    /// Gate rows, then up rows.
    case transformers
    /// The same with inputs in the middle.
    case llama4
    /// Inputs in the middle, gate and up in turn, and biases.
    case gptOss
    /// `transformers` under Granite's names.
    case granite
  }

  private static func matrix(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Tensor {
    try Samples.tensor(.f32, [rows, columns], seed: seed).tensor()
  }

  /// An expert's matrices, `[out, in]`.
  private static func expert(_ number: Int) throws -> (gate: Tensor, up: Tensor, down: Tensor) {
    let seed = UInt64(10 * number)
    return (
      try matrix(hidden, width, seed: seed), try matrix(hidden, width, seed: seed + 1),
      try matrix(width, hidden, seed: seed + 2)
    )
  }

  /// The stacks of one block, by what stands behind the block's number.
  private static func stacks(_ layout: Layout) throws -> [(String, Tensor)] {
    var (joined, down): ([Float], [Float]) = ([], [])
    for number in 0..<experts {
      let expert = try expert(number)
      let rows =
        layout == .gptOss
        ? (0..<hidden).flatMap { row in
          [expert.gate, expert.up].flatMap { $0.array[row * width..<(row + 1) * width] }
        }
        : expert.gate.array + expert.up.array
      let both = Tensor([2 * hidden, width], rows)
      let isMiddle = layout == .llama4 || layout == .gptOss
      joined += isMiddle ? both.transposed().array : both.array
      down += isMiddle ? expert.down.transposed().array : expert.down.array
    }
    let isMiddle = layout == .llama4 || layout == .gptOss
    let names =
      layout == .granite
      ? ["block_sparse_moe.input_linear.weight", "block_sparse_moe.output_linear.weight"]
      : ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    var stacks = [
      (
        names[0],
        Tensor(
          isMiddle ? [experts, width, 2 * hidden] : [experts, 2 * hidden, width], joined)
      ),
      (
        names[1],
        Tensor(isMiddle ? [experts, hidden, width] : [experts, width, hidden], down)
      ),
    ]
    if layout == .gptOss {
      let bias = (0..<experts * 2 * hidden).map { Float($0) }
      stacks.append(("mlp.experts.gate_up_proj_bias", Tensor([experts, 2 * hidden], bias)))
      stacks.append(
        (
          "mlp.experts.down_proj_bias",
          Tensor([experts, width], Array(bias.prefix(experts * width)))
        ))
    }
    return stacks
  }

  private static func file(_ layout: Layout, in folder: TemporaryFolder) throws -> Checkpoint {
    let stacks = try stacks(layout).map {
      Samples.parameter("model.layers.0.\($0)", .f32, $1)
    }
    let others = [Samples.tensor(.f32, [4, width], seed: 99, name: "model.embed_tokens.weight")]
    return try saved(
      others + stacks, form: .dense(nil), in: folder, as: "\(layout).safetensors"
    ).checkpoint
  }

  private static func stem(_ layout: Layout) -> String {
    "model.layers.0.\(layout == .granite ? "block_sparse_moe" : "mlp").experts"
  }

  @Test(arguments: Layout.allCases)
  func eachExpertHasItsMatrices(_ layout: Layout) throws {
    let folder = TemporaryFolder()
    let checkpoint = try Self.file(layout, in: folder)
    for number in 0..<Self.experts {
      let expert = try Self.expert(number)
      for (word, tensor) in [
        ("gate_proj", expert.gate), ("up_proj", expert.up), ("down_proj", expert.down),
      ] {
        let name = "\(Self.stem(layout)).\(number).\(word).weight"
        let parameter = try #require(checkpoint.parameters[name], "\(name)")
        #expect(parameter.place.role == .linear && parameter.place.expert == number)
        #expect(haveSameBits(try parameter.tensor(), tensor), "\(name)")
        let info = try #require(checkpoint.tensors.first { $0.name == name })
        #expect(info.byteCount == 4 * tensor.shape.count)
      }
    }
    if layout == .gptOss {
      let name = "\(Self.stem(layout)).1.up_proj.bias"
      let bias = try #require(checkpoint.parameters[name])
      #expect(bias.place.role == .bias)
      let first = Float(2 * Self.hidden + 1)
      #expect(try bias.tensor().array == (0..<Self.hidden).map { first + 2 * Float($0) })
    }
  }

  /// A plain file has the stacks again: byte for byte without a pass, and with one at
  /// their places.
  @Test(arguments: Layout.allCases, [FileFormat.safetensors, .pytorch])
  func aPlainFileHasTheStacksOfItsSource(_ layout: Layout, _ format: FileFormat) throws {
    let folder = TemporaryFolder()
    let checkpoint = try Self.file(layout, in: folder)
    let name = "\(Self.stem(layout)).2.up_proj.weight"
    let changed = Tensor([Self.hidden, Self.width], [Float](repeating: 0.5, count: 48))
    let revised = checkpoint.parameters.replacing([
      try #require(checkpoint.parameters[name]).replacing(changed, grid: nil, mask: nil)
    ])
    for (parameters, isChanged) in [(checkpoint.parameters, false), (revised, true)] {
      let path = folder.file("out.\(format)")
      switch format {
      case .pytorch:
        try PyTorchPlan.make(parameters: parameters, of: checkpoint, dtype: nil).write(to: path)
      default:
        let plan = try SavePlan.make(
          parameters: parameters, of: checkpoint, form: .dense(nil))
        #expect(
          Set(plan.entries.map(\.name))
            == Set(
              try Self.stacks(layout).map { "model.layers.0.\($0.0)" }
                + ["model.embed_tokens.weight"]))
        try plan.write(to: path)
      }
      let again = try Checkpoint.open(path)
      #expect(again.parameters.map(\.name).sorted() == parameters.map(\.name).sorted())
      for parameter in again.parameters {
        let expected =
          isChanged && parameter.name == name
          ? changed : try #require(checkpoint.parameters[parameter.name]).tensor()
        #expect(haveSameBits(try parameter.tensor(), expected), "\(parameter.name)")
      }
    }
  }

  @Test(arguments: Layout.allCases) func aPackedFileKeepsThem(_ layout: Layout) throws {
    let folder = TemporaryFolder()
    let checkpoint = try Self.file(layout, in: folder)
    let again = try saved(
      Array(checkpoint.parameters), of: checkpoint, form: .packed, in: folder,
      as: "packed.safetensors"
    ).checkpoint
    for parameter in checkpoint.parameters {
      let other = try #require(again.parameters[parameter.name])
      #expect(haveSameBits(try parameter.tensor(), try other.tensor()))
    }
    // A plain file of it has the stacks, as the first one had.
    let plain = try SavePlan.make(
      parameters: again.parameters, of: again, form: .dense(nil))
    let first = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(Set(plain.entries) == Set(first.entries))
    try plain.write(to: folder.file("plain.safetensors"))
    let last = try Checkpoint.open(folder.file("plain.safetensors"))
    #expect(last.metadata["pare.stacks"] == nil && again.metadata["pare.stacks"] != nil)
    for parameter in checkpoint.parameters {
      let other = try #require(last.parameters[parameter.name])
      #expect(haveSameBits(try parameter.tensor(), try other.tensor()))
    }
  }

  @Test(arguments: [
    "x", "[]", "{}", #"{"a": 1}"#, #"{"m.experts.down_proj": {"shape": [2, 4, 3], "outputs": 0}}"#,
    #"{"m.experts.down_proj": {"shape": [2, 4, 3], "outputs": 3}}"#,
    #"{"m.experts.gate_up_proj": {"shape": [2, 5, 3], "outputs": 1}}"#,
    #"{"m.experts.down_proj": {"shape": [-2, 4, 3], "outputs": 1}}"#,
    #"{"m.experts.down_proj": {"shape": [9223372036854775807, 4, 3], "outputs": 1}}"#,
  ])
  func descriptionsOfNoStackAreIgnored(_ text: String) throws {
    let name = "m.experts.0.down_proj.weight"
    let checkpoint = try saved(
      [Samples.tensor(.f32, [4, 3], seed: 1, name: name)], metadata: ["pare.stacks": text],
      form: .dense(nil)
    ).checkpoint
    #expect(checkpoint.metadata["pare.stacks"] == text)
    #expect(checkpoint.tensors.map(\.name) == [name])
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(plan.entries.map(\.name) == [name])
  }

  /// Two stacks of which one is missing are read as transformers has them, and what belongs to
  /// no expert is left alone.
  @Test func whatIsNoStackStays() throws {
    let names: [(String, Shape)] = [
      ("model.layers.0.mlp.experts.gate_up_proj", [2, 5, 4]),
      ("model.layers.1.mlp.experts.down_proj", [2, 4]),
      ("model.layers.2.mlp.experts.down_proj", [2, 4, 3]),
      ("model.layers.2.mlp.experts.0.down_proj.weight", [4, 3]),
      ("model.layers.3.mlp.experts.gate_up_proj", [0, 4, 4]),
      ("model.layers.4.mlp.experts.down_proj", [1, 4, 3]),
    ]
    let file = try saved(
      names.map { Samples.tensor(.f32, $0.1, seed: 1, name: $0.0) }, form: .dense(nil))
    #expect(
      file.checkpoint.tensors.map(\.name).sorted()
        == names.dropLast().map(\.0).sorted() + ["model.layers.4.mlp.experts.0.down_proj.weight"])
  }

  private func expectOneGGUF(_ checkpoints: [Checkpoint]) throws {
    let folder = TemporaryFolder()
    let files = try checkpoints.enumerated().map { number, checkpoint in
      let path = folder.file("\(number).gguf")
      try GGUFPlan.make(parameters: checkpoint.parameters, of: checkpoint, storage: .own)
        .write(to: path)
      return try Checkpoint.open(path)
    }
    #expect(files[0].tensors.map(\.name).sorted() == files[1].tensors.map(\.name).sorted())
    #expect(files[0].parameters.contains { $0.name.contains("_exps.") })
    for one in files[0].parameters {
      let other = try #require(files[1].parameters[one.name])
      #expect(haveSameBits(try one.tensor(), try other.tensor()), "\(one.name)")
    }
    let matching = ParameterMatching(checkpoints[0], checkpoints[1])
    #expect(matching.onlyInFirst.isEmpty && matching.onlyInSecond.isEmpty)
    for pair in matching.pairs {
      let tensors = try pair.tensors(threads: 2, shouldStop: { false })
      #expect(haveSameBits(tensors.first, tensors.second), "\(pair.first.name)")
    }
  }

  /// A Mixtral of transformers 4, and the same as transformers 5 keeps it.
  @Test func bothLayoutsOfAMixtralAreOneModel() throws {
    let source = try LlamaFolder.mixtral.open()
    let folder = TemporaryFolder()
    var parameters = source.parameters.filter { $0.place.expert == nil }.map { parameter in
      let name = parameter.name.split(separator: "block_sparse_moe").joined(separator: "mlp")
      return Parameter(
        name: name, shape: parameter.shape, dtype: parameter.dtype, place: parameter.place,
        load: { try parameter.tensor() })
    }
    for block in 0..<2 {
      var (joined, down): ([Float], [Float]) = ([], [])
      for expert in 0..<3 {
        let stem = "model.layers.\(block).block_sparse_moe.experts.\(expert)."
        for word in ["w1", "w3"] {
          joined += try #require(try source.parameters["\(stem)\(word).weight"]?.tensor()).array
        }
        down += try #require(try source.parameters["\(stem)w2.weight"]?.tensor()).array
      }
      let stem = "model.layers.\(block).mlp.experts."
      parameters += [
        Samples.parameter(stem + "gate_up_proj", .f32, Tensor([3, 12, 8], joined)),
        Samples.parameter(stem + "down_proj", .f32, Tensor([3, 8, 6], down)),
      ]
    }
    _ = try saved(parameters, form: .dense(nil), in: folder, as: "model.safetensors")
    TemporaryFolder.write(
      Array(LlamaFolder.mixtral.configuration.utf8), to: folder.file("config.json"))
    try expectOneGGUF([source, try Checkpoint.open(folder.path)])
  }

  @Test(.enabled(if: SharedData.isPresent)) func theSharedMixtralIsOneModel() throws {
    try expectOneGGUF(
      try ["v4", "v5"].map {
        try Checkpoint.open(SharedData.path("cases/22-v5-fused-experts/\($0)"))
      })
  }

  @Test(.enabled(if: SharedData.isPresent))
  func theSharedStacksHaveTheirMatrices() throws {
    let folder = "layouts/moe-fused-experts"
    let data = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path("\(folder)/expected.json")))
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let expected = try #require(json["tensors"] as? [String: [String: Any]])
    for (file, prefix) in [
      ("fused", ""), ("gpt-oss-bf16", "gpt-oss-bf16:"), ("state_dict.pt", ""),
    ] {
      let checkpoint = try Checkpoint.open(SharedData.path("\(folder)/\(file)"))
      let facts = expected.filter {
        prefix.isEmpty ? !$0.key.contains(":") : $0.key.hasPrefix(prefix)
      }
      #expect(!facts.isEmpty)
      for (key, facts) in facts {
        let name = String(key.dropFirst(prefix.count))
        let tensor = try #require(try checkpoint.parameters[name]?.tensor(), "\(file) \(name)")
        let bytes = tensor.array.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        #expect(tensor.shape.dimensions == facts["shape"] as? [Int])
        #expect(SHA256.digest(bytes) == facts["sha256_f32_le"] as? String, "\(file) \(name)")
      }
    }
  }
}
