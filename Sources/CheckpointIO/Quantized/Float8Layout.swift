internal import Tensors

/// F8 codes with one scale, or one for each output, whatever wrote them: ModelOpt's FP8,
/// ComfyUI's `scaled_fp8`, FBGEMM, DeepSeek's original files. No configuration is needed,
/// except for scales of blocks.
///
///     MODULE.weight        [out, in] of F8_E4M3 or F8_E5M2
///     MODULE.weight_scale  one, [out] or [out, 1]; also called `scale_weight`, `scale` and
///                          `weight_scale_inv`, which is multiplied by all the same
///
///     weight[o, i] = scale[o] × code[o, i]
enum Float8Layout: QuantizedLayout {
  static let name = "fp8"
  static let codes = ["weight"]
  private static let scales = ["weight_scale", "scale_weight", "weight_scale_inv", "scale"]
  static let companions =
    scales + ["input_scale", "scale_input", "output_scale", "input_scale_ub"]
  /// An array of ComfyUI's that only says that a file is of this layout.
  static let mark = "scaled_fp8"

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    let found = scales.compactMap { arrays[$0] }
    guard found.count == 1, let scale = found.first, scale.areScales,
      let codes = arrays["weight"], [.f8e4m3, .f8e5m2].contains(codes.dtype), codes.isMatrix,
      let group = group(of: scale, codes.shape, settings)
    else { return nil }
    return QuantizedMatrix(
      name: arrays.name, shape: codes.shape,
      codes: StoredCodes(array: codes, layout: .numbers, lowest: 0),
      scales: StoredScales(
        scales: scale, zeros: .none, isTransposed: false, rowsPerGroup: group.rows,
        columnsPerGroup: group.columns))
  }

  /// Outputs and inputs that share a scale; nil where that is not known.
  private static func group(
    of scale: StoredArray, _ shape: Shape, _ settings: QuantizationSettings?
  ) -> (rows: Int, columns: Int)? {
    let (outputs, inputs) = (max(1, shape.rows), max(1, shape.columns))
    if scale.count == 1 { return (outputs, inputs) }
    let dimensions = scale.shape.dimensions
    if dimensions == [shape.rows, 1] || dimensions == [shape.rows] { return (1, inputs) }
    for case let block? in (settings?.schemes ?? []).map(\.block) {
      let groups = [
        Parallel.chunks(shape.rows, of: block[0]), Parallel.chunks(shape.columns, of: block[1]),
      ]
      if dimensions == groups { return (block[0], block[1]) }
    }
    return nil
  }
}
