internal import Tensors

/// Floating-point codes of four or six bits, the first in the lowest bits, in groups along
/// the inputs: MXFP4 (E2M1) and MXFP6 (E2M3) in groups of 32 that share a power of two,
/// NVFP4 (E2M1) in groups of 16 that share an F8_E4M3, with one more scale for the matrix.
///
///     compressed-tensors   MODULE.weight_packed [out, bytes] of U8, weight_scale of U8 or
///                          F8_E4M3, weight_global_scale, which divides
///     ModelOpt             MODULE.weight [out, bytes] of U8, weight_scale of F8_E4M3,
///                          weight_scale_2, which multiplies
///     MLX                  MODULE.weight [out, words] of U32, scales of U8
///     gpt-oss              as `ExpertBlocks` unfolds it
enum MicroscalingLayout: QuantizedLayout {
  static let name = "microscaling"
  static let codes = ["weight_packed", ExpertBlocks.codes, "weight"]
  static let companions = [
    "weight_scale", "weight_global_scale", "weight_scale_2", "scales", ExpertBlocks.scales,
    "input_scale", "input_global_scale",
  ]

  static func weights(
    _ arrays: LayerArrays, _ settings: QuantizationSettings?
  ) throws(CheckpointError) -> (any QuantizedWeights)? {
    guard let parts = Parts(arrays, settings), let rows = parts.codes.shape.dimensions.first,
      rows > 0, parts.scales.isMatrix, parts.scales.shape.rows == rows
    else { return nil }
    let bytes = parts.codes.count * parts.codes.dtype.byteCount / rows
    let columns = parts.scales.shape.columns * parts.groupSize
    guard columns > 0, columns * parts.bits == bytes * 8 else { return nil }
    return QuantizedMatrix(
      name: arrays.name, shape: try Shape(checking: [rows, columns], tensor: arrays.name),
      codes: StoredCodes(
        array: parts.codes, layout: .minifloats(bits: parts.bits), lowest: 0),
      scales: StoredScales(
        scales: parts.scales, zeros: .none, isTransposed: false, rowsPerGroup: 1,
        columnsPerGroup: parts.groupSize, factor: parts.factor))
  }

  /// The arrays, whoever wrote them.
  private struct Parts {
    let codes: StoredArray
    let scales: StoredArray
    let bits: Int
    let factor: StoredScales.Factor?
    var groupSize: Int { scales.areExponents ? 32 : 16 }

    init?(_ arrays: LayerArrays, _ settings: QuantizationSettings?) {
      let found =
        Self.compressedTensors(arrays, settings) ?? Self.modelOpt(arrays)
        ?? Self.mlx(arrays, settings) ?? Self.expert(arrays)
      guard let found, found.scales.areExponents || found.scales.dtype == .f8e4m3 else {
        return nil
      }
      (bits, codes, scales, factor) = found
    }

    private typealias Found = (
      bits: Int, codes: StoredArray, scales: StoredArray, factor: StoredScales.Factor?
    )

    private static func compressedTensors(
      _ arrays: LayerArrays, _ settings: QuantizationSettings?
    ) -> Found? {
      guard settings?.method == .compressedTensors, let codes = arrays["weight_packed"],
        codes.dtype == .u8, codes.isMatrix, let scale = arrays["weight_scale"],
        let bits = settings?.schemes.lazy.map(\.bits).first(where: { $0 == 4 || $0 == 6 })
      else { return nil }
      let scales = scale.dtype == .u8 ? scale.asExponents : scale
      guard let factor = arrays["weight_global_scale"] else { return (bits, codes, scales, nil) }
      guard factor.count == 1, factor.dtype == .f32 else { return nil }
      return (bits, codes, scales, .divided(factor))
    }

    private static func modelOpt(_ arrays: LayerArrays) -> Found? {
      guard let codes = arrays["weight"], codes.dtype == .u8, codes.isMatrix,
        let scales = arrays["weight_scale"], scales.dtype == .f8e4m3,
        let factor = arrays["weight_scale_2"], factor.count == 1, factor.dtype == .f32
      else { return nil }
      return (4, codes, scales, .multiplied(factor))
    }

    private static func mlx(_ arrays: LayerArrays, _ settings: QuantizationSettings?) -> Found? {
      guard let codes = arrays["weight"], codes.dtype == .i32, codes.isMatrix,
        let scales = arrays["scales"], scales.dtype == .u8, settings?.hasExceptions == false
      else { return nil }
      switch settings?.method {
      case .mlx("mxfp4"): return (4, codes, scales.asExponents, nil)
      case .mlx("nvfp4"): return (4, codes, scales.reading(as: .f8e4m3), nil)
      case .mlx, .gptq, .awq, .bitsandbytes, .compressedTensors, .fp8, .other, nil: return nil
      }
    }

    private static func expert(_ arrays: LayerArrays) -> Found? {
      guard let codes = arrays[ExpertBlocks.codes], let scales = arrays[ExpertBlocks.scales]
      else { return nil }
      return (4, codes, scales.asExponents, nil)
    }
  }
}
