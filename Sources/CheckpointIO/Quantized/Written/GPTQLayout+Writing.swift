internal import Tensors

/// GPTQ as GPTQModel reads it. Symmetric layers are written in the first version of the format,
/// which stores zero points less one; others in `gptq_v2`, which stores them as they are. A zero
/// point of 0 does not fit the first version, and GPTQModel loads asymmetric files of it only where
/// they name GPTQModel as their writer.
extension GPTQLayout: WrittenLayout {
  static let writtenBits = [2, 3, 4, 8]

  static func obstacle(_ layer: GridLayer) -> String? {
    for (count, what) in [(layer.inputs, "inputs"), (layer.outputs, "outputs")]
    where !(count * layer.bits).isMultiple(of: 32) {
      return "has \(count) \(what), whose codes of \(layer.bits) bits fill no whole words of 32"
    }
    return nil
  }

  static func arrays(_ layer: GridLayer, _ settings: ExportSettings) -> [WrittenArray] {
    let (inputs, outputs) = (layer.inputs, layer.outputs)
    return [
      WrittenArray(
        suffix: "qweight", dtype: .i32, dimensions: [inputs * layer.bits / 32, outputs]),
      WrittenArray(
        suffix: "qzeros", dtype: .i32, dimensions: [layer.groups, outputs * layer.bits / 32]),
      WrittenArray(suffix: "scales", dtype: .f16, dimensions: [layer.groups, outputs]),
      WrittenArray(suffix: "g_idx", dtype: .i32, dimensions: [inputs]),
    ]
  }

  static func encode(
    _ layer: GridLayer, _ codes: [UInt8], _ settings: ExportSettings
  ) -> [[UInt8]] {
    let (inputs, outputs, groups) = (layer.inputs, layer.outputs, layer.groups)
    let less = settings.isSymmetric ? 1 : 0
    let words = CodeWords(
      streams: outputs, length: inputs, bits: layer.bits, step: outputs, stride: 1
    ) { UInt32(codes[$0 * inputs + $1]) }
    let zeros = CodeWords(
      streams: groups, length: outputs, bits: layer.bits, step: 1,
      stride: outputs * layer.bits / 32
    ) { UInt32(layer.zeros[$1 * groups + $0] - less) }
    return [
      words.bytes, zeros.bytes, halves(transposed(layer.scales, layer)),
      integers((0..<inputs).map { $0 / layer.groupSize }),
    ]
  }

  static func configuration(_ settings: ExportSettings) -> JSON {
    var members: [(String, JSON)] = [
      ("quant_method", .string("gptq")), ("bits", .number("\(settings.bits)")),
      ("group_size", .number("\(settings.groupSize ?? -1)")), ("desc_act", .bool(false)),
      ("sym", .bool(settings.isSymmetric)), ("lm_head", .bool(false)),
      ("checkpoint_format", .string(settings.isSymmetric ? "gptq" : "gptq_v2")),
      ("pack_dtype", .string("int32")),
    ]
    // The head is left alone by itself.
    let ignored = settings.ignored.filter { $0 != "lm_head" }
    if !ignored.isEmpty {
      // A minus leaves the modules alone that the expression matches.
      let skipped = ignored.map { module in
        ("-:^\(escaped(module))$", JSON.object([]))
      }
      members.append(("dynamic", JSON(skipped)))
    }
    return JSON(members)
  }

  /// A name as an expression that matches it alone.
  private static func escaped(_ name: String) -> String {
    name.unicodeScalars.reduce(into: "") { text, scalar in
      if !scalar.properties.isAlphabetic, scalar.properties.numericType == nil, scalar != "_" {
        text += "\\"
      }
      text.unicodeScalars.append(scalar)
    }
  }
}
