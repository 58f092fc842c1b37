internal import Tensors

/// MLX's `affine` mode; its others are read by `MicroscalingLayout`.
///
///     MODULE.weight   [out, in × bits / 32] of U32   a stream of codes, lowest bits first
///     MODULE.scales   [out, groups]
///     MODULE.biases   [out, groups]
///
///     weight[o, i] = scales[o, g(i)] × code[o, i] + biases[o, g(i)]
enum MLXLayout: QuantizedLayout {
  static let name = "mlx"
  static let codes = ["weight"]
  static let companions = ["scales", "biases"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let settings, settings.method == .mlx(mode: "affine"), !settings.hasExceptions,
      let bits = settings.bits,
      (2...8).contains(bits), let size = settings.groupSize,
      let codes = arrays["weight"], codes.dtype == .i32, codes.isMatrix,
      let scales = arrays["scales"], scales.areScales, scales.isMatrix,
      let biases = arrays["biases"], biases.areScales, biases.shape == scales.shape,
      scales.shape.rows == codes.shape.rows
    else { return nil }
    let (columns, overflow) = scales.shape.columns.multipliedReportingOverflow(by: size)
    guard !overflow, columns > 0, columns / 32 * bits == codes.shape.columns, columns % 32 == 0
    else { return nil }
    return QuantizedMatrix(
      name: arrays.name,
      shape: try Shape(checking: [codes.shape.rows, columns], tensor: arrays.name),
      codes: StoredCodes(
        array: codes, layout: .rows(bits: bits, words: codes.shape.columns), lowest: 0),
      scales: StoredScales(
        scales: scales, zeros: .added(biases), isTransposed: false, rowsPerGroup: 1,
        columnsPerGroup: size))
  }
}
