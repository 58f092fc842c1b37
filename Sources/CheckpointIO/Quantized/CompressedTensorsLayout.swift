internal import Tensors

/// compressed-tensors, as LLM Compressor writes it, in three forms:
///
///     int-quantized     MODULE.weight               [out, in] of I8
///     float-quantized   MODULE.weight               [out, in] of F8_E4M3
///     pack-quantized    MODULE.weight_packed        [out, ⌈in × bits / 32⌉] of I32
///                       MODULE.weight_shape         [2]: out, in
///     all               MODULE.weight_scale         one, [out, 1], [out, groups], blocks
///     where affine      MODULE.weight_zero_point    as many; packed down the outputs
///     where reordered   MODULE.weight_g_idx         [in]: the group of each input
///
/// Packed codes are stored with 2^(bits − 1) added. DeepSeek's fp8 is the second
/// form with blocks, and calls the scale `weight_scale_inv`. Scales may be powers of two,
/// as F8_E8M0 or, in `mxfp8-quantized`, the same bytes as U8.
enum CompressedTensorsLayout: QuantizedLayout {
  static let name = "compressed-tensors"
  static let codes = ["weight_packed", "weight"]
  static let companions = [
    "weight_scale", "weight_scale_inv", "weight_shape", "weight_zero_point", "weight_g_idx",
    "input_scale", "input_zero_point", "output_scale", "output_zero_point",
  ]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let settings, [.compressedTensors, .fp8].contains(settings.method),
      var scale = arrays["weight_scale"] ?? arrays["weight_scale_inv"]
    else { return nil }
    let packed = arrays["weight_packed"]
    guard let codes = packed ?? arrays["weight"], codes.isMatrix else { return nil }
    if scale.dtype == .u8, codes.dtype.isFloatingPoint { scale = scale.asExponents }
    guard scale.areScales else { return nil }
    let found =
      packed == nil ? numbers(codes) : try packedCodes(codes, arrays, settings)
    guard let (shape, stored) = found else { return nil }
    let grouping = try grouping(of: scale, shape, arrays, settings)
    return QuantizedMatrix(
      name: arrays.name, shape: shape, codes: stored,
      scales: StoredScales(
        scales: scale, zeros: try zeros(stored, shape, scale, arrays), isTransposed: false,
        rowsPerGroup: grouping.rows, columnsPerGroup: grouping.columns,
        order: try order(shape, arrays)))
  }

  private static func numbers(_ codes: StoredArray) -> (Shape, StoredCodes)? {
    guard [.i8, .f8e4m3, .f8e5m2].contains(codes.dtype) else { return nil }
    return (codes.shape, StoredCodes(array: codes, layout: .numbers, lowest: 0))
  }

  private static func packedCodes(
    _ codes: StoredArray, _ arrays: LayerArrays, _ settings: QuantizationSettings
  ) throws(CheckpointError) -> (Shape, StoredCodes)? {
    guard codes.dtype == .i32, arrays["weight_shape"] != nil else { return nil }
    let lengths = try arrays.array("weight_shape", of: [.i64, .i32])
    guard lengths.count == 2, let dimensions = lengths.integers else { return nil }
    let shape = try Shape(checking: dimensions, tensor: arrays.name)
    let words = codes.shape.columns
    guard codes.shape.rows == shape.rows else {
      throw arrays.invalid(
        "\(codes.shape.description) words hold no matrix of \(shape.description)")
    }
    let candidates = settings.schemes.map(\.bits).filter { bits in
      (1...8).contains(bits) && Parallel.chunks(shape.columns * bits, of: 32) == words
    }
    guard let bits = candidates.first else {
      throw arrays.invalid(
        "rows of \(words) words hold no \(shape.columns) codes of the configuration's bits")
    }
    // Earlier versions let no code go from one word into the next; where that takes
    // as many words, the two cannot be told apart.
    let perWord = 32 / bits
    if 32 % bits != 0, shape.columns > perWord,
      Parallel.chunks(shape.columns, of: perWord) == words
    {
      return nil
    }
    return (
      shape,
      StoredCodes(
        array: codes, layout: .rows(bits: bits, words: words), lowest: -(1 << (bits - 1)))
    )
  }

  /// Outputs and inputs that share a scale.
  private static func grouping(
    of scale: StoredArray, _ shape: Shape, _ arrays: LayerArrays,
    _ settings: QuantizationSettings
  ) throws(CheckpointError) -> (rows: Int, columns: Int) {
    let (outputs, inputs) = (max(1, shape.rows), max(1, shape.columns))
    if scale.count == 1 { return (outputs, inputs) }
    let dimensions = scale.shape.dimensions
    if dimensions == [shape.rows, 1] || dimensions == [shape.rows] { return (1, inputs) }
    for scheme in settings.schemes where dimensions.count == 2 {
      let rows = scheme.block?[0] ?? 1
      guard let columns = scheme.block?[1] ?? scheme.groupSize else { continue }
      if dimensions[0] == Parallel.chunks(shape.rows, of: rows),
        dimensions[1] == Parallel.chunks(shape.columns, of: columns)
      {
        return (rows, columns)
      }
    }
    throw arrays.invalid(
      "scales of \(scale.shape.description) fit no \(shape.description) weights in the "
        + "configuration's groups")
  }

  private static func zeros(
    _ codes: StoredCodes, _ shape: Shape, _ scale: StoredArray, _ arrays: LayerArrays
  ) throws(CheckpointError) -> StoredScales.Zeros {
    guard arrays["weight_zero_point"] != nil else { return .none }
    let types: [DType] = [.i8, .i32, .i64, .f8e4m3, .f8e5m2, .f32, .f16, .bf16]
    let zeros = try arrays.array("weight_zero_point", of: types)
    if zeros.shape == scale.shape { return .numbers(zeros) }
    guard case .rows(let bits, _) = codes.layout, zeros.dtype == .i32 else {
      throw arrays.invalid(
        "zero points of \(zeros.shape.description) do not fit scales of "
          + scale.shape.description)
    }
    let groups = scale.count / max(1, shape.rows)
    guard scale.count == shape.rows * groups else {
      throw arrays.invalid("packed zero points need a scale a channel")
    }
    try arrays.check(zeros, is: [Parallel.chunks(shape.rows * bits, of: 32), groups])
    return .rows(zeros, bits: bits)
  }

  /// The group of each input.
  private static func order(
    _ shape: Shape, _ arrays: LayerArrays
  ) throws(CheckpointError) -> StoredArray? {
    guard arrays["weight_g_idx"] != nil else { return nil }
    let order = try arrays.array("weight_g_idx", of: [.i32, .i64])
    try arrays.check(order, is: [shape.columns])
    return order
  }
}
