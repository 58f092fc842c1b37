internal import Tensors

/// compressed-tensors' `pack-quantized`, with bits of which words hold whole codes: others cannot
/// always be told from what its earlier versions wrote.
extension CompressedTensorsLayout: WrittenLayout {
  static let writtenBits = [2, 4, 8]

  static func obstacle(_ layer: GridLayer) -> String? { nil }

  static func arrays(_ layer: GridLayer, _ settings: ExportSettings) -> [WrittenArray] {
    let (inputs, outputs, groups) = (layer.inputs, layer.outputs, layer.groups)
    var arrays = [
      WrittenArray(
        suffix: "weight_packed", dtype: .i32,
        dimensions: [outputs, Parallel.chunks(inputs * layer.bits, of: 32)]),
      WrittenArray(suffix: "weight_scale", dtype: .f16, dimensions: [outputs, groups]),
      WrittenArray(suffix: "weight_shape", dtype: .i64, dimensions: [2]),
    ]
    if !settings.isSymmetric {
      arrays.append(
        WrittenArray(
          suffix: "weight_zero_point", dtype: .i32,
          dimensions: [Parallel.chunks(outputs * layer.bits, of: 32), groups]))
    }
    return arrays
  }

  static func encode(
    _ layer: GridLayer, _ codes: [UInt8], _ settings: ExportSettings
  ) -> [[UInt8]] {
    let (inputs, outputs, groups) = (layer.inputs, layer.outputs, layer.groups)
    let words = CodeWords(
      streams: outputs, length: inputs, bits: layer.bits, step: 1,
      stride: Parallel.chunks(inputs * layer.bits, of: 32)
    ) { UInt32(codes[$0 * inputs + $1]) }
    let arrays = [
      words.bytes, halves(layer.scales), integers([outputs, 0, inputs, 0]),
    ]
    if settings.isSymmetric { return arrays }
    let zeros = CodeWords(
      streams: groups, length: outputs, bits: layer.bits, step: groups, stride: 1
    ) { UInt32(layer.zeros[$1 * groups + $0]) }
    return arrays + [zeros.bytes]
  }

  static func configuration(_ settings: ExportSettings) -> JSON {
    let weights = JSON([
      ("num_bits", .number("\(settings.bits)")), ("type", .string("int")),
      ("symmetric", .bool(settings.isSymmetric)),
      ("strategy", .string(settings.groupSize == nil ? "channel" : "group")),
      ("group_size", settings.groupSize.map { .number("\($0)") } ?? .null),
      ("block_structure", .null), ("dynamic", .bool(false)), ("actorder", .null),
      ("observer", .string("minmax")), ("observer_kwargs", .object([])),
    ])
    let group = JSON([
      ("targets", .array([.string("Linear")])), ("weights", weights),
      ("input_activations", .null), ("output_activations", .null),
    ])
    return JSON([
      ("quant_method", .string("compressed-tensors")), ("format", .string("pack-quantized")),
      ("quantization_status", .string("compressed")),
      ("config_groups", JSON([("group_0", group)])),
      ("ignore", .array(settings.ignored.map { .string($0) })),
      ("kv_cache_scheme", .null), ("global_compression_ratio", .null),
    ])
  }
}
