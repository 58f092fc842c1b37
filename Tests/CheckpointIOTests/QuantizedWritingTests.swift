import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing

/// Layers on a grid in the layouts of other quantizers: what is written is what is read.
@Suite struct QuantizedWritingTests {
  /// What a layout can hold.
  struct Kind: Sendable, CustomTestStringConvertible {
    let layout: ExportLayout
    let bits: Int
    /// Where zero points are: none, in the middle, or anywhere.
    let zeros: Zeros
    /// nil: one scale a channel.
    let groupSize: Int?

    enum Zeros: String { case none, middle, any }

    var testDescription: String {
      "\(layout.rawValue) \(bits) bits, zeros: \(zeros), groups: \(groupSize.map(String.init) ?? "none")"
    }
  }

  static let kinds: [Kind] = [
    (ExportLayout.gptq, [2, 3, 4, 8]), (.awq, [4]), (.compressedTensors, [2, 4, 8]),
  ].flatMap { layout, bits in
    bits.flatMap { bits in
      [Kind.Zeros.none, .middle, .any].flatMap { zeros in
        [32, nil].map { Kind(layout: layout, bits: bits, zeros: zeros, groupSize: $0) }
      }
    }
  }

  static let inputs = 96
  static let outputs = 64
  static let names = ["self_attn.q_proj", "mlp.down_proj"].map { "model.layers.0.\($0).weight" }

  /// A layer of seeded codes and scales that F16 holds, or that it does not.
  static func layer(
    _ name: String, _ kind: Kind, seed: UInt64, pruned: Bool = false, halves: Bool = true
  ) -> Parameter {
    var random = SplitMix64(seed: seed)
    let size = kind.groupSize ?? inputs
    let groups = outputs * inputs / size
    let middle = 1 << (kind.bits - 1)
    let codes = kind.zeros == .none ? -middle...middle - 1 : 0...2 * middle - 1
    let scales = (0..<groups).map { _ -> Float in
      let scale = Float(Int.random(in: 1...255, using: &random)) / 65536
      return halves ? scale : scale * 1.0001
    }
    let zeros = (0..<groups).map { _ -> Int32 in
      switch kind.zeros {
      case .none: 0
      case .middle: Int32(middle)
      case .any: Int32.random(in: 0...Int32(2 * middle - 1), using: &random)
      }
    }
    let values = (0..<outputs * inputs).map { index -> Float in
      if pruned, index % 3 == 0 { return 0 }
      let group = index / inputs * (inputs / size) + index % inputs / size
      return scales[group] * Float(Int.random(in: codes, using: &random) - Int(zeros[group]))
    }
    let tensor = Tensor([outputs, inputs], values)
    let grid = QuantizationGrid(
      bits: kind.bits, codes: codes, groupSize: size, scales: scales,
      zeros: kind.zeros == .none ? [] : zeros)
    return Parameter(
      name: name, shape: tensor.shape, dtype: .f32,
      place: Place(block: 0, layer: String(name.dropFirst(15).dropLast(7)), role: .linear),
      grid: grid, load: { tensor })
  }

  static let configuration = """
    {"model_type": "llama", "rms_norm_eps": 1e-05, "eos_token_id": [1, 2], "hidden_size": 96,
     "quantization_config": {"quant_method": "other"}, "rope_scaling": null}
    """

  /// A folder of a checkpoint with a norm, a head and layers, and that checkpoint.
  private func source(
    _ configuration: String? = configuration, in folder: TemporaryFolder
  ) throws -> Checkpoint {
    let head = Samples.tensor(.bf16, [10, 96], seed: 7, name: "lm_head.weight")
    let norm = Samples.tensor(.f16, [96], seed: 8, name: "model.norm.weight")
    let layers = Self.names.map { Samples.tensor(.f16, [64, 96], seed: 9, name: $0) }
    try SavePlan.make(parameters: Parameters([head, norm] + layers), form: .dense(nil))
      .write(to: folder.file("model.safetensors"))
    if let configuration { write("config.json", configuration, folder) }
    return try Checkpoint.open(folder.path)
  }

  private func write(_ name: String, _ text: String, _ folder: TemporaryFolder) {
    TemporaryFolder.write(Array(text.utf8), to: folder.file(name))
  }

  /// Writes the checkpoint with these layers and opens the folder.
  private func written(
    _ layers: [Parameter], _ layout: ExportLayout, to folder: TemporaryFolder
  ) throws -> (plan: QuantizedFolderPlan, file: Checkpoint, text: String) {
    let input = TemporaryFolder()
    let source = try source(in: input)
    write("tokenizer.json", "{}", input)
    write("generation_config.json", #"{"a": 1}"#, input)
    let named = Dictionary(layers.map { ($0.name, $0) }) { $1 }
    let model = ModelState(
      Parameters(source.parameters.map { named[$0.name] ?? $0 }),
      configuration: source.configuration)
    let plan = try QuantizedFolderPlan.make(model, of: source, as: layout)
    try plan.write(to: folder.file("model.safetensors"))
    let text = String(
      decoding: TemporaryFolder.bytes(folder.file("config.json")), as: UTF8.self)
    return (plan, try Checkpoint.open(folder.path), text)
  }

  // MARK: - Laws

  @Test(arguments: kinds) func whatIsWrittenIsRead(kind: Kind) throws {
    let folder = TemporaryFolder()
    let layers = Self.names.enumerated().map {
      Self.layer($1, kind, seed: UInt64($0), pruned: $0 == 1)
    }
    let (plan, file, _) = try written(layers, kind.layout, to: folder)
    #expect(file.warnings.isEmpty, "\(file.warnings)")
    #expect(plan.losses.isEmpty, "\(plan.losses)")
    #expect(plan.byteCount == file.fileByteCount)
    for layer in layers {
      let read = try #require(file.parameters[layer.name])
      #expect(read.shape == layer.shape && read.place.role == .linear)
      #expect(try read.tensor().array == layer.tensor().array)
      let grid = try #require(try read.loaded().grid)
      #expect(grid.bits == kind.bits)
      #expect(grid.scales.count == Self.outputs * (kind.groupSize.map { 96 / $0 } ?? 1))
    }
    #expect(file.parameters["model.norm.weight"]?.dtype == .f16)
    #expect(file.parameters["lm_head.weight"]?.dtype == .bf16)
    #expect(file.parameters.count == 4)
  }

  /// Written again from what was read, the file is the same, in every layout.
  @Test(arguments: kinds.filter { $0.bits == 4 }) func readingAndWritingAgainChangesNothing(
    kind: Kind
  ) throws {
    let (first, second) = (TemporaryFolder(), TemporaryFolder())
    let layers = Self.names.enumerated().map { Self.layer($1, kind, seed: UInt64(10 + $0)) }
    let (_, file, text) = try written(layers, kind.layout, to: first)
    let plan = try QuantizedFolderPlan.make(file.model, of: file, as: kind.layout)
    try plan.write(to: second.file("model.safetensors"))
    let paths = [first, second].map { $0.file("model.safetensors") }
    #expect(TemporaryFolder.bytes(paths[0]) == TemporaryFolder.bytes(paths[1]))
    #expect(TemporaryFolder.bytes(second.file("config.json")) == Array(text.utf8))
  }

  /// A scale that F16 does not hold is rounded, which is told; codes stay.
  @Test(arguments: ExportLayout.allCases) func scalesAreThoseOfHalves(layout: ExportLayout) throws {
    let folder = TemporaryFolder()
    let kind = Kind(layout: layout, bits: 4, zeros: .middle, groupSize: 32)
    let layer = Self.layer(Self.names[0], kind, seed: 3, halves: false)
    let (plan, file, _) = try written([layer], layout, to: folder)
    #expect(plan.losses.map(\.description) == ["1 tensor rounded from F32 scales to F16"])
    let (before, after) = (
      try layer.tensor().array, try file.parameters[layer.name]?.tensor().array
    )
    let rounded = try #require(after)
    for (value, wanted) in zip(rounded, before) {
      #expect(abs(value - wanted) <= abs(wanted) * 0x1p-11)
    }
    #expect(rounded != before)
  }

  /// The arrays of each package's own bytes come out again.
  @Test func thePackagesOwnArraysAreWritten() throws {
    let cases: [(QuantizedFolder, ExportLayout)] = [
      (.gptq(bits: 4, isReordered: false, format: "gptq_v2"), .gptq), (.awq(), .awq),
      (.gptq(bits: 3, isReordered: false, format: "gptq_v2"), .gptq),
      (.packed(bits: 4), .compressedTensors),
    ]
    for (source, layout) in cases {
      let folder = TemporaryFolder()
      let checkpoint = try Checkpoint.open(source.write())
      let plan = try QuantizedFolderPlan.make(checkpoint.model, of: checkpoint, as: layout)
      try plan.write(to: folder.file("model.safetensors"))
      let bytes = TemporaryFolder.bytes(folder.file("model.safetensors"))
      for array in source.arrays where array.dtype == "I32" && array.shape.count == 2 {
        #expect(!bytes.ranges(of: array.bytes).isEmpty, "\(layout) \(array.name)")
      }
      let weight = try Checkpoint.open(folder.path).parameters[QuantizedFolder.weight]
      let original = checkpoint.parameters[QuantizedFolder.weight]
      #expect(try weight?.tensor().array == original?.tensor().array)
    }
  }

  // MARK: - Files

  @Test func theConfigurationSaysIt() throws {
    let kind = Kind(layout: .gptq, bits: 4, zeros: .middle, groupSize: 32)
    let layer = Self.layer(Self.names[0], kind, seed: 1)
    let folder = TemporaryFolder()
    let (plan, _, text) = try written([layer], .gptq, to: folder)
    #expect(
      plan.paths(for: "out/model.safetensors") == [
        "out/config.json", "out/generation_config.json", "out/tokenizer.json",
        "out/model.safetensors",
      ])
    #expect(
      text == """
        {
          "model_type": "llama",
          "rms_norm_eps": 1e-05,
          "eos_token_id": [
            1,
            2
          ],
          "hidden_size": 96,
          "rope_scaling": null,
          "quantization_config": {
            "quant_method": "gptq",
            "bits": 4,
            "group_size": 32,
            "desc_act": false,
            "sym": true,
            "lm_head": false,
            "checkpoint_format": "gptq",
            "pack_dtype": "int32",
            "dynamic": {
              "-:^model\\\\.layers\\\\.0\\\\.mlp\\\\.down_proj$": {}
            }
          }
        }

        """)
    #expect(TemporaryFolder.bytes(folder.file("tokenizer.json")) == Array("{}".utf8))
  }

  /// Layers that are not on a grid are named, so that no reader looks for their codes.
  @Test(arguments: [
    (ExportLayout.awq, #""modules_to_not_convert": ["#), (.compressedTensors, #""ignore": ["#),
  ])
  func otherLayersAreNamed(layout: ExportLayout, key: String) throws {
    let kind = Kind(layout: layout, bits: 4, zeros: .any, groupSize: nil)
    let layer = Self.layer(Self.names[0], kind, seed: 1)
    let (_, _, text) = try written([layer], layout, to: TemporaryFolder())
    let list = try #require(text.ranges(of: key).first).upperBound
    let names = text[list...].prefix { $0 != "]" }
    #expect(names.contains("lm_head") && names.contains("model.layers.0.mlp.down_proj"))
    #expect(!names.contains("q_proj"))
  }

  // MARK: - What is refused

  private func told(_ layers: [Parameter], _ layout: ExportLayout) -> String {
    do {
      let folder = TemporaryFolder()
      return "written: \(try written(layers, layout, to: folder).plan.byteCount)"
    } catch {
      return "\(error)"
    }
  }

  private static func parameter(
    _ grid: QuantizationGrid?, _ shape: Shape = [64, 96], isTransposed: Bool = false,
    _ value: Float = 0
  ) -> Parameter {
    let tensor = Tensor(shape, [Float](repeating: value, count: shape.count))
    return Parameter(
      name: names[0], shape: shape, dtype: .f32,
      place: Place(block: 0, layer: "self_attn.q_proj", role: .linear), isTransposed: isTransposed,
      grid: grid, load: { tensor })
  }

  private static func grid(
    bits: Int = 4, size: Int = 96, count: Int = 64, scale: Float = 1, zeros: [Int32] = [],
    isBinary: Bool = false
  ) -> QuantizationGrid {
    QuantizationGrid(
      bits: bits, codes: zeros.isEmpty ? -(1 << (bits - 1))...(1 << (bits - 1)) - 1 : 0...15,
      groupSize: size, scales: [Float](repeating: scale, count: count), zeros: zeros,
      isBinary: isBinary)
  }

  @Test func whatALayoutCannotHoldIsRefused() throws {
    let grid = Self.grid
    let cases: [(Parameter, ExportLayout, String)] = [
      (Self.parameter(nil), .gptq, "no linear layer lies on a grid"),
      (
        Self.parameter(grid(5, 96, 64, 1, [], false)), .gptq,
        "codes of 5 bits, and gptq those of 2, 3, 4, 8"
      ),
      (Self.parameter(grid(8, 96, 64, 1, [], false)), .awq, "codes of 8 bits, and awq those of 4"),
      (Self.parameter(grid(3, 96, 64, 1, [], false)), .compressedTensors, "codes of 3 bits"),
      (
        Self.parameter(grid(4, 64, 128, 1, [], false)), .gptq,
        "groups of 64 do not divide the 96 inputs of 'model.layers.0.self_attn.q_proj.weight'"
      ),
      (
        Self.parameter(grid(4, 96, 60, 1, [], false), [60, 96]), .awq,
        "60 outputs, which are no multiple of the 8"
      ),
      (
        Self.parameter(grid(4, 96, 60, 1, [], false), [60, 96]), .gptq,
        "60 outputs, whose codes of 4 bits"
      ),
      (
        Self.parameter(grid(4, 92, 64, 1, [], false), [64, 92]), .gptq,
        "92 inputs, whose codes of 4 bits"
      ),
      (Self.parameter(grid(4, 96, 64, 7e4, [], false)), .awq, "a scale of 70000.0, which F16"),
      (Self.parameter(grid(4, 96, 64, .infinity, [], false)), .awq, "not on its grid"),
      (
        Self.parameter(
          grid(4, 96, 64, 1, [Int32](repeating: 20, count: 64), false), [64, 96],
          isTransposed: false, -6),
        .awq, "zero points beyond its codes of 4 bits"
      ),
      (Self.parameter(grid(1, 96, 64, 0, [], true)), .gptq, "a binary grid, which has no 0"),
      (
        Self.parameter(grid(4, 96, 64, 1, [], false), [64, 96], isTransposed: false, 0.5), .awq,
        "not on its grid"
      ),
      (
        Self.parameter(grid(4, 96, 64, 1, [], false), [64, 96], isTransposed: true), .awq,
        "has its inputs first"
      ),
      (
        Self.parameter(
          QuantizationGrid(
            depths: [Float](repeating: 2, count: 64), exponents: [Float](repeating: 0, count: 64),
            columns: 96)), .gptq, "bit depths of their own"
      ),
    ]
    for (parameter, layout, part) in cases {
      let told = told([parameter], layout)
      #expect(told.hasPrefix("this cannot be written: ") && told.contains(part), "\(part): \(told)")
    }
  }

  @Test func layersHaveOneSetting() {
    func layer(_ index: Int, bits: Int, _ size: Int?) -> Parameter {
      Self.layer(
        Self.names[index], Kind(layout: .gptq, bits: bits, zeros: .none, groupSize: size), seed: 1)
    }
    let bits = told([layer(0, bits: 4, 32), layer(1, bits: 8, 32)], .gptq)
    #expect(bits.contains("has 4 bits and") && bits.contains("one setting for all layers"))
    let groups = told([layer(0, bits: 4, 32), layer(1, bits: 4, nil)], .gptq)
    #expect(groups.contains("has groups of 32 and") && groups.contains("of 96"))
  }

  @Test func foldersNeedNamesAndSettingsOfHuggingFace() throws {
    let folder = TemporaryFolder()
    let bare = try source(nil, in: folder)
    let error = try #require(throws: CheckpointError.self) { try QuantizedFolderPlan.check(bare) }
    #expect("\(error)".contains("there is no config.json beside"))
    let other = TemporaryFolder()
    let list = try source("[1, 2]", in: other)
    let third = try #require(throws: CheckpointError.self) {
      try QuantizedFolderPlan.make(
        ModelState(
          Parameters([
            Self.layer(
              Self.names[0], Kind(layout: .awq, bits: 4, zeros: .none, groupSize: 32), seed: 1)
          ]), configuration: list.configuration), of: list, as: .awq)
    }
    #expect("\(third)".contains("is no JSON object"))
    let path = folder.file("a.gguf")
    TemporaryFolder.write(GGUFBytes.model().bytes, to: path)
    let gguf = try Checkpoint.open(path)
    let fourth = try #require(throws: CheckpointError.self) { try QuantizedFolderPlan.check(gguf) }
    #expect("\(fourth)".contains("'a.gguf' has the names of GGUF"))
  }

  @Test func nothingOfTheInputIsWrittenOver() throws {
    let folder = TemporaryFolder()
    let source = try source(in: folder)
    let kind = Kind(layout: .awq, bits: 4, zeros: .none, groupSize: 32)
    let layers = Self.names.map { Self.layer($0, kind, seed: 1) }
    let model = ModelState(
      Parameters(
        source.parameters.map { given in layers.first { $0.name == given.name } ?? given }),
      configuration: source.configuration)
    let plan = try QuantizedFolderPlan.make(model, of: source, as: .awq)
    #expect(throws: CheckpointError.self) { try plan.write(to: folder.file("model.safetensors")) }
    // Beside it, the configuration would be.
    #expect(throws: CheckpointError.self) { try plan.write(to: folder.file("other.safetensors")) }
    #expect(TemporaryFolder.bytes(folder.file("config.json")) == Array(Self.configuration.utf8))
  }
}
