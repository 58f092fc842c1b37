internal import Tensors

/// optimum-quanto's 8 bits, integers or floating point, with a scale for each output:
///
///     MODULE.weight._data    [out, in] of I8, F8_E4M3 or F8_E5M2
///     MODULE.weight._scale   [out, 1]
///
///     weight[o, i] = scale[o] × code[o, i]
///
/// Its 4 and 2 bits are not read: a file does not say how wide the matrix is.
enum QuantoLayout: QuantizedLayout {
  static let name = "quanto"
  static let codes = ["weight._data"]
  static let companions = ["weight._scale", "input_scale", "output_scale"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let codes = arrays["weight._data"], codes.isMatrix,
      [.i8, .f8e4m3, .f8e5m2].contains(codes.dtype),
      let scale = arrays["weight._scale"], scale.areScales,
      scale.count == 1 || scale.shape.dimensions == [codes.shape.rows, 1]
    else { return nil }
    return QuantizedMatrix(
      name: arrays.name, shape: codes.shape,
      codes: StoredCodes(array: codes, layout: .numbers, lowest: 0),
      scales: StoredScales(
        scales: scale, zeros: .none, isTransposed: false,
        rowsPerGroup: scale.count == 1 ? max(1, codes.shape.rows) : 1,
        columnsPerGroup: max(1, codes.shape.columns)))
  }
}
