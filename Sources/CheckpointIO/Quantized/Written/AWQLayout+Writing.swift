internal import Tensors

extension AWQLayout: WrittenLayout {
  static let writtenBits = [4]

  static func obstacle(_ layer: GridLayer) -> String? {
    layer.outputs.isMultiple(of: 8)
      ? nil : "has \(layer.outputs) outputs, which are no multiple of the 8 in a word"
  }

  static func arrays(_ layer: GridLayer, _ settings: ExportSettings) -> [WrittenArray] {
    let words = layer.outputs / 8
    return [
      WrittenArray(suffix: "qweight", dtype: .i32, dimensions: [layer.inputs, words]),
      WrittenArray(suffix: "qzeros", dtype: .i32, dimensions: [layer.groups, words]),
      WrittenArray(suffix: "scales", dtype: .f16, dimensions: [layer.groups, layer.outputs]),
    ]
  }

  static func encode(
    _ layer: GridLayer, _ codes: [UInt8], _ settings: ExportSettings
  ) -> [[UInt8]] {
    let (inputs, outputs, groups) = (layer.inputs, layer.outputs, layer.groups)
    return [
      interleaved(rows: inputs, outputs) { UInt32(codes[$1 * inputs + $0]) }.bytes,
      interleaved(rows: groups, outputs) { UInt32(layer.zeros[$1 * groups + $0]) }.bytes,
      halves(transposed(layer.scales, layer)),
    ]
  }

  /// Eight outputs a word, in the order that is read.
  private static func interleaved(
    rows: Int, _ outputs: Int, code: (_ row: Int, _ output: Int) -> UInt32
  ) -> CodeWords {
    var words: [UInt32] = []
    words.reserveCapacity(rows * outputs / 8)
    for row in 0..<rows {
      for first in stride(from: 0, to: outputs, by: 8) {
        words.append(
          (first..<first + 8).reduce(0) {
            $0 | code(row, $1) << StoredCodes.Rows.shift(ofOutput: $1)
          })
      }
    }
    return CodeWords(words)
  }

  static func configuration(_ settings: ExportSettings) -> JSON {
    JSON([
      ("quant_method", .string("awq")), ("bits", .number("\(settings.bits)")),
      ("group_size", .number("\(settings.groupSize ?? -1)")), ("zero_point", .bool(true)),
      ("version", .string("gemm")),
      (
        "modules_to_not_convert",
        settings.ignored.isEmpty ? .null : .array(settings.ignored.map { .string($0) })
      ),
    ])
  }
}
