import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Codes of layouts that are not read are shown as codes, told of once, and never written as
/// weights; and what is no code stays what it is.
@Suite struct UnreadCodeTests {
  /// Arrays of a module, what they are called after it, and what is said of them.
  struct Unknown: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var settings: String?
    /// Name, type and shape; the first is the codes.
    let arrays: [(name: String, dtype: String, shape: [Int])]
    let layout: String

    private static let bits = ["F32": 32, "I32": 32, "U32": 32, "F16": 16, "I16": 16, "F4": 4]

    func folder(modules: Int = 3) -> QuantizedFolder {
      var folder = QuantizedFolder(settings)
      for module in 0..<modules {
        for (name, dtype, shape) in arrays {
          let bits = Self.bits[dtype] ?? 8
          let count = shape.reduce(1, *) * bits / 8
          folder.add(
            "model.layers.\(module).mlp.up_proj" + name, dtype, shape,
            (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + module) })
        }
      }
      return folder
    }
  }

  private static func unknown(
    _ name: String, _ settings: String? = nil, _ layout: String,
    _ arrays: [(name: String, dtype: String, shape: [Int])]
  ) -> Unknown {
    Unknown(testDescription: name, settings: settings, arrays: arrays, layout: layout)
  }

  static let unknown = [
    unknown(
      "int8 beside a scale", nil, "I8 'weight' beside 'weight_scale', no quantization_config",
      [(".weight", "I8", [8, 16]), (".weight_scale", "F32", [8, 1])]),
    unknown(
      "eetq", #"{"quant_method": "eetq"}"#, "eetq: I8 'weight' beside 'weight_scales'",
      [(".weight", "I8", [16, 8]), (".weight_scales", "F16", [8])]),
    unknown(
      "eetq without settings", nil, "EETQ: I8 'weight' beside 'weight_scales'",
      [(".weight", "I8", [16, 8]), (".weight_scales", "F16", [8])]),
    unknown(
      "bitnet", #"{"quant_method": "bitnet"}"#, "bitnet: U8 'weight' beside 'weight_scale'",
      [(".weight", "U8", [4, 16]), (".weight_scale", "F32", [1])]),
    unknown(
      "quanto int4", nil, "quanto: U8 '_data' beside '_scale'",
      [
        (".weight._data._data", "U8", [8, 16]), (".weight._scale", "F32", [16, 1]),
        (".weight._shift", "F32", [16, 1]),
      ]),
    unknown(
      "torchao packed", #"{"quant_method": "torchao"}"#,
      "torchao: U8 '_weight_qdata' beside '_weight_scale'",
      [("._weight_qdata", "U8", [8, 16]), ("._weight_scale", "F32", [2, 8])]),
    unknown(
      "hqq", nil, "HQQ: U8 'W_q' beside 'scale'",
      [(".W_q", "U8", [8, 16]), (".scale", "F16", [16, 1])]),
    unknown(
      "gptq without settings", nil, "I32 'qweight' beside 'scales', no quantization_config",
      [(".qweight", "I32", [2, 16]), (".scales", "F16", [1, 16])]),
    unknown(
      "mlx without settings", nil, "U32 'weight' beside 'scales'",
      [(".weight", "U32", [8, 4]), (".scales", "F16", [8, 1]), (".biases", "F16", [8, 1])]),
    unknown(
      "fp8 in blocks without settings", nil,
      "F8_E4M3 'weight' beside 'weight_scale_inv', no quantization_config",
      [(".weight", "F8_E4M3", [8, 16]), (".weight_scale_inv", "F32", [2, 2])]),
    unknown(
      "fp8 with two scales", #"{"quant_method": "fp8"}"#,
      "F8_E4M3 'weight' beside 'scale', not laid out as quantization_config says",
      [
        (".weight", "F8_E4M3", [8, 16]), (".scale_weight", "F32", [1]), (".scale", "F32", [1]),
      ]),
    unknown(
      "aqlm", #"{"quant_method": "aqlm"}"#, "aqlm: I16 'codes'",
      [
        (".codes", "I16", [8, 2, 1]), (".codebooks", "F16", [1, 4, 1, 8]),
        (".scales", "F16", [8, 1, 1, 1]),
      ]),
    unknown(
      "stacked experts", nil, "F8_E4M3 'experts' beside 'experts_scale', no quantization_config",
      [(".experts", "F8_E4M3", [2, 8, 16]), (".experts_scale", "F32", [2, 1, 1])]),
    unknown(
      "blocks of other sizes", #"{"quant_method": "mxfp4"}"#,
      "mxfp4: U8 'experts_blocks' beside 'experts_scales'",
      [(".experts_blocks", "U8", [2, 8, 3, 8]), (".experts_scales", "U8", [2, 8, 3])]),
    unknown("a type of its own", nil, "F4 'weight'", [(".weight", "F4", [8, 2])]),
  ]

  @Test(arguments: unknown) func codesAreShownAndRefused(kind: Unknown) throws {
    let folder = kind.folder()
    let checkpoint = try Checkpoint.open(folder.write())
    let codes = try #require(checkpoint.unreadCodes)
    let name = "model.layers.0.mlp.up_proj" + kind.arrays[0].name
    #expect(codes.tensor == name && codes.count == 3)
    #expect(codes.layout == kind.layout)
    let refusal = CheckpointError.unreadCodes(tensor: name, others: 2, layout: kind.layout)
    #expect(codes.refusal == refusal)
    #expect(throws: refusal) { try checkpoint.refuseUnreadCodes() }
    #expect(checkpoint.warnings == ["\(refusal)"])
    // They are listed and can be read, and nothing takes them for weights.
    #expect(checkpoint.tensors.count == folder.arrays.count)
    let shown = checkpoint.tensors.filter { $0.encoding == UnreadCodes.encoding }
    #expect(shown.count == 3)
    #expect(shown.allSatisfy { $0.place.role == .codes && $0.place.block != nil })
    #expect(checkpoint.parameters.linearLayers.isEmpty)
    for parameter in checkpoint.parameters { _ = try parameter.tensor() }
    // No format is written.
    let parameters = checkpoint.parameters
    #expect(throws: refusal) {
      try SavePlan.make(parameters: parameters, of: checkpoint, form: .packed)
    }
    #expect(throws: refusal) {
      try PyTorchPlan.make(parameters: parameters, of: checkpoint, dtype: nil)
    }
    #expect(throws: refusal) {
      try GGUFPlan.make(parameters: parameters, of: checkpoint, storage: .own)
    }
  }

  @Test func theSentenceNamesTensorAndLayout() {
    #expect(
      CheckpointError.unreadCodes(tensor: "a.weight", others: 0, layout: "eetq: I8").description
        == "tensor 'a.weight' holds codes of a layout that Pare does not read (eetq: I8); "
        + "codes are shown, but not used as weights")
    #expect(
      CheckpointError.unreadCodes(tensor: "a.weight", others: 6, layout: "eetq: I8").description
        == "tensor 'a.weight' and 6 more hold codes of a layout that Pare does not read "
        + "(eetq: I8); codes are shown, but not used as weights")
  }

  /// Arrays that have a name or a type in common with codes and scales, and are none.
  @Test func whatIsNoCodeStaysWhatItIs() throws {
    var folder = QuantizedFolder(nil)
    func add(_ name: String, _ dtype: String, _ shape: [Int]) {
      let size = ["F32": 4, "I64": 8][dtype] ?? 1
      folder.add(name, dtype, shape, [UInt8](repeating: 1, count: shape.reduce(size, *)))
    }
    let block = "model.layers.0."
    add("logit_scale", "F32", [])
    add("scale_shift_table", "F32", [2, 8])
    add("embed.weight", "I8", [16, 8])
    add("table", "U8", [16, 8])
    add(block + "attn.scale", "F32", [1])
    add(block + "attn.qkv.weight", "F8_E4M3", [24, 8])
    add(block + "attn.mask", "U8", [8, 8])
    add(block + "attn.bias", "U8", [1, 1, 8, 8])
    add(block + "layer_scale.weight", "F32", [8])
    add(block + "mlp.layer_scale", "F32", [8])
    add(block + "mlp.up_proj.weight", "F8_E5M2", [16, 8])
    add(block + "mlp.up_proj.input_scale", "F32", [1])
    add(block + "mlp.down_proj.weight", "F32", [8, 16])
    add(block + "mlp.down_proj.weight_scale", "F32", [8, 1])
    add(block + "position_ids", "I64", [1, 8])
    let checkpoint = try Checkpoint.open(folder.write())
    #expect(checkpoint.unreadCodes == nil && checkpoint.warnings.isEmpty)
    #expect(checkpoint.parameters.count == folder.arrays.count)
    #expect(
      checkpoint.parameters.linearLayers.map(\.place.layer)
        == ["attn.qkv", "mlp.up_proj", "mlp.down_proj"])
    for tensor in checkpoint.tensors { #expect(tensor.encoding == "dense") }
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(plan.entries.count == folder.arrays.count)
  }

  /// A model that is not quantized may still have its configuration.
  @Test func aConfigurationAloneMakesNoCodes() throws {
    var folder = QuantizedFolder(#"{"quant_method": "quip"}"#)
    folder.add(QuantizedFolder.weight, [4, 4], [Float](repeating: 1, count: 16))
    folder.add("model.layers.0.attn.bias", "U8", [1, 1, 4, 4], [UInt8](repeating: 1, count: 16))
    #expect(try Checkpoint.open(folder.write()).unreadCodes == nil)
  }

  /// llama.cpp multiplies a tensor by the `.scale` beside it.
  @Test func weightsOfGGUFBesideAScaleAreCodes() throws {
    // NVFP4, F32, and the experts of a stack in Q8_0.
    for (name, type, dimensions, size, count) in [
      ("ffn_up", 40, [2, 64], 36, 1), ("ffn_up", 0, [2, 64], 256, 1),
      ("ffn_up_exps", 8, [3, 2, 32], 34, 3),
    ] as [(String, UInt32, [Int], Int, Int)] {
      var file = GGUFBytes()
      let rows = dimensions.dropLast().reduce(1, *)
      file.add("general.architecture", .text("llama"))
      file.add(
        "blk.0.\(name).weight", type: type, dimensions,
        [UInt8](repeating: 0x31, count: rows * size))
      file.add("blk.0.\(name).scale", type: 0, [1], [0, 0, 0, 0x3F])
      file.add("blk.0.\(name).input_scale", type: 0, [1], [0, 0, 0, 0x3F])
      let checkpoint = try Checkpoint.open(bytes: file.bytes, name: "a.gguf")
      let codes = try #require(checkpoint.unreadCodes)
      #expect(codes.count == count && codes.layout.hasSuffix("'weight' beside 'scale'"))
      #expect(throws: codes.refusal) {
        try GGUFPlan.make(parameters: checkpoint.parameters, of: checkpoint, storage: .own)
      }
      #expect(checkpoint.warnings.count == 1 && checkpoint.parameters.linearLayers.isEmpty)
    }
  }
}
