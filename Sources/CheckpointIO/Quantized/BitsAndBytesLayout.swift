internal import Tensors

/// bitsandbytes' LLM.int8 (Dettmers et al., arXiv 2208.07339): rows of 8-bit codes
/// and the largest magnitude of each, which the code 127 stands for.
///
///     MODULE.weight          [out, in] of I8
///     MODULE.SCB             [out] of F32
///     MODULE.weight_format   0: row by row
///
///     weight[o, i] = SCB[o] / 127 × code[o, i]
enum Int8Layout: QuantizedLayout {
  static let name = "llm.int8"
  static let codes = ["weight"]
  static let companions = ["SCB", "weight_format"]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard [nil, .bitsandbytes].contains(settings?.method), let codes = arrays["weight"],
      codes.dtype == .i8, codes.isMatrix
    else { return nil }
    // The others are tiles for kernels of particular devices.
    if let format = arrays["weight_format"], format.integers != [0] { return nil }
    let scales = try arrays.array("SCB", of: [.f32, .f16, .bf16])
    guard scales.count == codes.shape.rows else {
      throw arrays.invalid("'SCB' has \(scales.count) numbers for \(codes.shape.rows) outputs")
    }
    return QuantizedMatrix(
      name: arrays.name, shape: codes.shape,
      codes: StoredCodes(array: codes, layout: .numbers, lowest: 0),
      scales: StoredScales(
        scales: scales, zeros: .none, isTransposed: false, rowsPerGroup: 1,
        columnsPerGroup: max(1, codes.shape.columns), divisor: 127))
  }
}

/// bitsandbytes' four bits, NF4 and FP4 (Dettmers et al., arXiv 2305.14314): a code
/// is a place in a table of 16 values, which a block's largest magnitude
/// multiplies.
///
///     MODULE.weight                [⌈n / 2⌉, 1]   two codes a byte, the first high
///     MODULE.weight.quant_map      [16] of F32
///     MODULE.weight.absmax         [blocks]: F32, or U8 where quantized too
///     MODULE.weight.nested_absmax, .nested_quant_map
///     MODULE.weight.quant_state.bitsandbytes__nf4   JSON, a byte a number
enum FourBitLayout: QuantizedLayout {
  static let name = "bitsandbytes"
  static let codes = ["weight"]
  static let states = [
    "weight.quant_state.bitsandbytes__nf4", "weight.quant_state.bitsandbytes__fp4",
  ]
  static let companions =
    [
      "weight.absmax", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map",
    ] + states

  /// Far more than the state has, in bytes.
  private static let stateLimit = 1 << 16

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let codes = arrays["weight"], arrays["weight.absmax"] != nil,
      arrays["weight.quant_map"] != nil, let state = states.lazy.compactMap({ arrays[$0] }).first,
      state.dtype == .u8
    else { return nil }
    guard state.count <= stateLimit, let json = try? JSON(state.rowMajor) else {
      throw arrays.invalid("\(state.name.quoted) is no JSON object")
    }
    let shape = try shape(json, arrays)
    guard codes.count * codes.dtype.byteCount == Parallel.chunks(shape.count, of: 2) else {
      throw arrays.invalid(
        "\(codes.count) numbers of codes do not hold \(shape.description) weights")
    }
    let size = try blockSize(json["blocksize"], arrays)
    return CodebookMatrix(
      shape: shape, dtype: dtype(json), codeName: state.name.hasSuffix("fp4") ? "FP4" : "NF4",
      codes: codes, table: try numbers("weight.quant_map", count: 16, arrays), blockSize: size,
      magnitudes: try magnitudes(
        json, count: Parallel.chunks(shape.count, of: size), arrays))
  }

  private static func shape(
    _ json: JSON, _ arrays: LayerArrays
  ) throws(CheckpointError) -> Shape {
    guard case .array(let lengths) = json["shape"], lengths.count <= 8 else {
      throw arrays.invalid("its state has no shape")
    }
    let dimensions = lengths.compactMap(\.integer)
    guard dimensions.count == lengths.count else { throw arrays.invalid("its state has no shape") }
    return try Shape(checking: dimensions, tensor: arrays.name)
  }

  private static func dtype(_ json: JSON) -> DType {
    switch json["dtype"]?.scalarText {
    case "float16": .f16
    case "bfloat16": .bf16
    default: .f32
    }
  }

  private static func blockSize(
    _ json: JSON?, _ arrays: LayerArrays
  ) throws(CheckpointError) -> Int {
    guard let size = json?.integer, (1...1 << 20).contains(size) else {
      throw arrays.invalid("its state has no block size")
    }
    return size
  }

  private static func numbers(
    _ suffix: String, count: Int, _ arrays: LayerArrays
  ) throws(CheckpointError) -> StoredArray {
    let array = try arrays.array(suffix, of: [.f32, .f16, .bf16])
    guard array.count == count else {
      throw arrays.invalid("its \(suffix.quoted) has \(array.count) numbers instead of \(count)")
    }
    return array
  }

  private static func magnitudes(
    _ json: JSON, count: Int, _ arrays: LayerArrays
  ) throws(CheckpointError) -> CodebookMatrix.Magnitudes {
    guard arrays["weight.nested_absmax"] != nil else {
      return .plain(try numbers("weight.absmax", count: count, arrays))
    }
    let codes = try arrays.array("weight.absmax", of: [.u8])
    guard codes.count == count else {
      throw arrays.invalid("its 'weight.absmax' has \(codes.count) numbers instead of \(count)")
    }
    let size = try blockSize(json["nested_blocksize"], arrays)
    let offset = json["nested_offset"]?.scalarText.flatMap(Double.init)
    guard let offset else { throw arrays.invalid("its state has no offset of magnitudes") }
    return .nested(
      codes: codes, table: try numbers("weight.nested_quant_map", count: 256, arrays),
      magnitudes: try numbers(
        "weight.nested_absmax", count: Parallel.chunks(count, of: size), arrays),
      blockSize: size, offset: Float(offset))
  }
}
