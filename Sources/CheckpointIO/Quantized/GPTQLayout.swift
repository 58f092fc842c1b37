internal import Tensors

/// GPTQ (Frantar et al., arXiv 2210.17323) as AutoGPTQ and GPTQModel write it, with
/// 2, 3, 4 or 8 bits:
///
///     MODULE.qweight   [in × bits / 32, out] of I32   codes packed along the inputs
///     MODULE.qzeros    [groups, out × bits / 32]      along the outputs
///     MODULE.scales    [groups, out] of F16
///     MODULE.g_idx     [in]                           the group of each input
///
///     weight[o, i] = scales[g(i), o] × (code[o, i] − zero[g(i), o])
///
/// The first version of the format stores zero − 1; `gptq_v2` stores the zero. Nothing
/// carries over from one stored code to the next, as in AutoGPTQ 0.7.
enum GPTQLayout: QuantizedLayout {
  static let name = "gptq"
  static let codes = ["qweight"]
  static let companions = ["qzeros", "scales", "g_idx"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let settings, settings.method == .gptq, arrays["qzeros"] != nil,
      arrays["scales"] != nil
    else { return nil }
    let codes = try arrays.matrix("qweight", of: [.i32])
    let zeros = try arrays.matrix("qzeros", of: [.i32])
    let scales = try arrays.matrix("scales", of: [.f16, .bf16, .f32])
    let (groups, outputs) = (scales.shape.rows, scales.shape.columns)
    let bits = try bits(zeros, outputs: outputs, arrays, settings)
    let inputs = codes.shape.rows * 32 / bits
    guard inputs * bits == codes.shape.rows * 32 else {
      throw arrays.invalid("its 'qweight' has no whole number of inputs at \(bits) bits")
    }
    try arrays.check(codes, is: [inputs * bits / 32, outputs])
    try arrays.check(zeros, is: [groups, outputs * bits / 32])
    let size = try groupSize(inputs, groups, arrays, settings)
    return QuantizedMatrix(
      name: arrays.name, shape: try Shape(checking: [outputs, inputs], tensor: arrays.name),
      codes: StoredCodes(
        array: codes, layout: .columns(bits: bits, outputs: outputs), lowest: 0),
      scales: StoredScales(
        scales: scales,
        zeros: .outputs(zeros, bits: bits, isLessOne: !settings.hasPlainZeros),
        isTransposed: true, rowsPerGroup: 1, columnsPerGroup: size,
        order: try order(inputs, arrays)))
  }

  /// From the width of the zero points, which layers with settings of their own
  /// have too.
  private static func bits(
    _ zeros: StoredArray, outputs: Int, _ arrays: LayerArrays, _ settings: QuantizationSettings
  ) throws(CheckpointError) -> Int {
    let words = zeros.shape.columns
    guard let bits = [2, 3, 4, 8].first(where: { words * 32 == outputs * $0 }), outputs > 0 else {
      throw arrays.invalid(
        "'qzeros' of \(words) words and 'scales' of \(outputs) outputs "
          + "belong to none of 2, 3, 4 and 8 bits")
    }
    if let expected = settings.bits, expected != bits, !settings.hasExceptions {
      throw arrays.invalid("it has \(bits) bits, and the configuration says \(expected)")
    }
    return bits
  }

  private static func groupSize(
    _ inputs: Int, _ groups: Int, _ arrays: LayerArrays, _ settings: QuantizationSettings
  ) throws(CheckpointError) -> Int {
    let size = max(1, settings.groupSize ?? inputs)
    if Parallel.chunks(inputs, of: size) == groups { return size }
    guard settings.hasExceptions, groups > 0, inputs % groups == 0, inputs > 0 else {
      throw arrays.invalid(
        "\(groups) groups of scales do not fit \(inputs) inputs in groups of \(size)")
    }
    return inputs / groups
  }

  private static func order(
    _ inputs: Int, _ arrays: LayerArrays
  ) throws(CheckpointError) -> StoredArray? {
    guard arrays["g_idx"] != nil else { return nil }
    let order = try arrays.array("g_idx", of: [.i32, .i64])
    // AutoGPTQ leaves it empty where inputs are in their order.
    if order.count == 0 { return nil }
    try arrays.check(order, is: [inputs])
    return order
  }
}
