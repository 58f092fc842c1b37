internal import Tensors

/// AWQ (Lin et al., arXiv 2306.00978) as AutoAWQ writes it for its GEMM kernels:
/// four bits, eight outputs a word in the order 0 2 4 6 1 3 5 7.
///
///     MODULE.qweight   [in, out / 8] of I32
///     MODULE.qzeros    [groups, out / 8] of I32
///     MODULE.scales    [groups, out] of F16
///
///     weight[o, i] = scales[g(i), o] × (code[o, i] − zero[g(i), o])
enum AWQLayout: QuantizedLayout {
  static let name = "awq"
  static let codes = ["qweight"]
  static let companions = ["qzeros", "scales"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let settings, settings.method == .awq, settings.bits ?? 4 == 4,
      arrays["qzeros"] != nil, arrays["scales"] != nil
    else { return nil }
    let codes = try arrays.matrix("qweight", of: [.i32])
    let zeros = try arrays.matrix("qzeros", of: [.i32])
    let scales = try arrays.matrix("scales", of: [.f16, .bf16, .f32])
    let inputs = codes.shape.rows
    let (groups, outputs) = (scales.shape.rows, scales.shape.columns)
    guard outputs % 8 == 0 else {
      throw arrays.invalid("\(outputs) outputs do not fill words of 8")
    }
    try arrays.check(codes, is: [inputs, outputs / 8])
    try arrays.check(zeros, is: [groups, outputs / 8])
    let size = max(1, settings.groupSize ?? inputs)
    guard Parallel.chunks(inputs, of: size) == groups else {
      throw arrays.invalid(
        "\(groups) groups of scales do not fit \(inputs) inputs in groups of \(size)")
    }
    return QuantizedMatrix(
      name: arrays.name, shape: try Shape(checking: [outputs, inputs], tensor: arrays.name),
      codes: StoredCodes(array: codes, layout: .interleaved(words: outputs / 8), lowest: 0),
      scales: StoredScales(
        scales: scales, zeros: .interleaved(zeros), isTransposed: true, rowsPerGroup: 1,
        columnsPerGroup: size))
  }
}
