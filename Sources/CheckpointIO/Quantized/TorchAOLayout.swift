internal import Tensors

/// torchao's tensors in safetensors that keep a code of 8 bits or less as a whole number, or
/// as F8, with neighbouring inputs in groups:
///
///     MODULE._weight_qdata        [out, in] of I8 or F8
///     MODULE._weight_scale        [out, groups]
///     MODULE._weight_zero_point   as many, of I8; where there are such
///
///     weight[o, i] = scale[o, g(i)] × (code[o, i] − zero[o, g(i)])
///
/// Codes packed for the kernels of one device are not read.
enum TorchAOLayout: QuantizedLayout {
  static let name = "torchao"
  static let codes = ["_weight_qdata"]
  static let companions = ["_weight_scale", "_weight_zero_point"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let codes = arrays["_weight_qdata"], codes.isMatrix,
      [.i8, .f8e4m3, .f8e5m2].contains(codes.dtype), let scale = arrays["_weight_scale"],
      scale.areScales, scale.isMatrix, scale.shape.rows == codes.shape.rows,
      scale.shape.columns > 0, codes.shape.columns % scale.shape.columns == 0
    else { return nil }
    let zeros = arrays["_weight_zero_point"]
    if let zeros, zeros.dtype != .i8 || zeros.shape != scale.shape { return nil }
    return QuantizedMatrix(
      name: arrays.name, shape: codes.shape,
      codes: StoredCodes(array: codes, layout: .numbers, lowest: 0),
      scales: StoredScales(
        scales: scale, zeros: zeros.map { .numbers($0) } ?? .none, isTransposed: false,
        rowsPerGroup: 1, columnsPerGroup: max(1, codes.shape.columns / scale.shape.columns)))
  }
}
