import TestSupport
import Testing

/// Folders of the layouts whose codes are floating point, or have scales that are, and the
/// weights they stand for, worked out from the formats' definitions.
extension QuantizedFolder {
  /// A folder and its one matrix.
  struct Sample {
    var folder: QuantizedFolder
    let shape: [Int]
    let weights: [Float]
  }

  /// E2M1, as the OCP Microscaling Formats Specification 1.0 lists it.
  static let e2m1: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]

  /// E2M3 of the same.
  static func e2m3(_ code: Int) -> Float {
    let (exponent, mantissa) = (code >> 3 & 3, Float(code & 7) / 8)
    let steps: [Float] = [1, 1, 2, 4]
    let magnitude = (exponent == 0 ? mantissa : 1 + mantissa) * steps[exponent]
    return code < 32 ? magnitude : -magnitude
  }

  /// F8_E4M3: bias 7, no infinity.
  static func e4m3(_ byte: UInt8) -> Float {
    let (exponent, mantissa) = (Int(byte) >> 3 & 15, Float(byte & 7) / 8)
    if byte & 0x7F == 0x7F { return .nan }
    let power = { (power: Int) in Float(sign: .plus, exponent: power, significand: 1) }
    let magnitude = exponent == 0 ? mantissa * power(-6) : (1 + mantissa) * power(exponent - 7)
    return byte < 128 ? magnitude : -magnitude
  }

  static func e8m0(_ byte: UInt8) -> Float {
    byte == 255 ? .nan : Float(sign: .plus, exponent: Int(byte) - 127, significand: 1)
  }

  /// Numbers packed `bits` each, the first in the lowest bits.
  private static func packed(_ codes: [Int], bits: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: codes.count * bits / 8)
    for (index, code) in codes.enumerated() {
      for bit in 0..<bits where code >> bit & 1 == 1 {
        bytes[(index * bits + bit) / 8] |= 1 << UInt8((index * bits + bit) % 8)
      }
    }
    return bytes
  }

  private static func weights(
    _ codes: [Float], columns: Int, group: Int, scales: [Float]
  ) -> [Float] {
    codes.indices.map { index in
      let (row, column) = (index / columns, index % columns)
      return codes[index] * scales[row * (columns / group) + column / group]
    }
  }

  /// F8 codes beside one scale, or one for each output, and no configuration.
  static func plainFloat8(
    _ scaleName: String = "weight_scale", scales shape: [Int] = []
  ) -> Sample {
    var folder = QuantizedFolder(nil)
    var draw = Draw(seed: 600)
    let codes = draw.bytes(6 * 32).map { $0 & 0x7F == 0x7F ? 0x7E : $0 }
    let scales = draw.scales(shape.reduce(1, *))
    folder.add(weight, "F8_E4M3", [6, 32], codes)
    folder.add("\(module).\(scaleName)", shape, scales)
    let isOne = scales.count == 1
    return Sample(
      folder: folder, shape: [6, 32],
      weights: codes.enumerated().map { e4m3($1) * scales[isOne ? 0 : $0 / 32] })
  }

  /// DeepSeek's blocks with scales of F8_E8M0, the least and a usual one among them.
  static func exponentBlocks() -> Sample {
    var folder = QuantizedFolder(
      #"{"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [4, 16]}"#)
    var draw = Draw(seed: 610)
    let codes = draw.bytes(8 * 32).map { $0 & 0x7F == 0x7F ? 0x7E : $0 }
    let scales: [UInt8] = [0, 120, 127, 1]
    folder.add(weight, "F8_E4M3", [8, 32], codes)
    folder.add(module + ".weight_scale_inv", "F8_E8M0", [2, 2], scales)
    return Sample(
      folder: folder, shape: [8, 32],
      weights: codes.enumerated().map { index, code in
        e4m3(code) * e8m0(scales[index / 32 / 4 * 2 + index % 32 / 16])
      })
  }

  /// compressed-tensors' `mxfp8-quantized`: powers of two as U8.
  static func mxfp8() -> Sample {
    var folder = compressed(
      "mxfp8-quantized", #""num_bits": 8, "type": "float", "group_size": 32"#)
    var draw = Draw(seed: 620)
    let codes = draw.bytes(4 * 64).map { $0 & 0x7F == 0x7F ? 0x7E : $0 }
    let scales = draw.bytes(8).map { 100 + $0 % 30 }
    folder.add(weight, "F8_E4M3", [4, 64], codes)
    folder.add(module + ".weight_scale", "U8", [4, 2], scales)
    return Sample(
      folder: folder, shape: [4, 64],
      weights: weights(codes.map(e4m3), columns: 64, group: 32, scales: scales.map(e8m0)))
  }

  /// compressed-tensors' codes of 4 or 6 bits.
  static func mx(bits: Int) -> Sample {
    var folder = compressed(
      "mxfp\(bits)-pack-quantized", #""num_bits": \#(bits), "type": "float", "group_size": 32"#)
    var draw = Draw(seed: 630)
    let codes = (0..<4 * 64).map { _ in draw.number(below: 1 << bits) }
    let scales = draw.bytes(8).map { 100 + $0 % 30 }
    folder.add(module + ".weight_packed", "U8", [4, 8 * bits], packed(codes, bits: bits))
    folder.add(module + ".weight_scale", "U8", [4, 2], scales)
    return Sample(
      folder: folder, shape: [4, 64],
      weights: weights(
        codes.map { bits == 4 ? e2m1[$0] : e2m3($0) }, columns: 64, group: 32,
        scales: scales.map(e8m0)))
  }

  /// NVFP4 of compressed-tensors, whose last scale divides, or of ModelOpt, whose
  /// multiplies.
  static func nvfp4(isModelOpt: Bool) -> Sample {
    var folder =
      isModelOpt
      ? QuantizedFolder(#"{"quant_method": "modelopt", "quant_algo": "NVFP4"}"#)
      : compressed("nvfp4-pack-quantized", #""num_bits": 4, "type": "float", "group_size": 16"#)
    var draw = Draw(seed: 640)
    let codes = (0..<4 * 32).map { _ in draw.number(below: 16) }
    let scales = draw.bytes(8).map { 0x30 + $0 % 32 }
    folder.add(
      isModelOpt ? weight : module + ".weight_packed", "U8", [4, 16], packed(codes, bits: 4))
    folder.add(module + ".weight_scale", "F8_E4M3", [4, 2], scales)
    let factor: Float = isModelOpt ? 0.0078125 : 128
    folder.add(
      module + (isModelOpt ? ".weight_scale_2" : ".weight_global_scale"),
      isModelOpt ? [] : [1], [factor])
    folder.add(module + ".input_scale", [], [1])
    return Sample(
      folder: folder, shape: [4, 32],
      weights: weights(
        codes.map { e2m1[$0] }, columns: 32, group: 16, scales: scales.map { e4m3($0) / 128 }))
  }

  /// MLX's settings stand under a key of their own.
  private static func mlx(_ settings: String) -> QuantizedFolder {
    var folder = QuantizedFolder(nil)
    folder.configuration = #"{"model_type": "llama", "quantization": \#(settings)}"#
    return folder
  }

  static func mlx(mode: String) -> Sample {
    let (group, isPower) = mode == "mxfp4" ? (32, true) : (16, false)
    var folder = mlx(#"{"group_size": \#(group), "bits": 4, "mode": "\#(mode)"}"#)
    var draw = Draw(seed: 650)
    let codes = (0..<4 * 64).map { _ in draw.number(below: 16) }
    let scales = draw.bytes(4 * 64 / group).map { isPower ? 100 + $0 % 30 : 0x30 + $0 % 32 }
    folder.add(weight, "U32", [4, 8], packed(codes, bits: 4))
    folder.add(module + ".scales", "U8", [4, 64 / group], scales)
    return Sample(
      folder: folder, shape: [4, 64],
      weights: weights(
        codes.map { e2m1[$0] }, columns: 64, group: group,
        scales: scales.map { isPower ? e8m0($0) : e4m3($0) }))
  }

  static func mlxAffine(bits: Int) -> Sample {
    var folder = mlx(#"{"group_size": 32, "bits": \#(bits)}"#)
    var draw = Draw(seed: 660)
    let codes = (0..<4 * 64).map { _ in draw.number(below: 1 << bits) }
    let (scales, biases) = (draw.scales(8), draw.scales(8).map { -$0 })
    folder.add(weight, "U32", [4, 2 * bits], packed(codes, bits: bits))
    folder.add(module + ".scales", [4, 2], scales)
    folder.add(module + ".biases", [4, 2], biases)
    return Sample(
      folder: folder, shape: [4, 64],
      weights: codes.enumerated().map { index, code in
        let group = index / 64 * 2 + index % 64 / 32
        return Float(code) * scales[group] + biases[group]
      })
  }

  static func quanto(_ dtype: String) -> Sample {
    var folder = QuantizedFolder(nil)
    var draw = Draw(seed: 670)
    let codes = draw.bytes(6 * 32).map { $0 & 0x7F == 0x7F ? 0x7E : $0 }
    let scales = draw.scales(6)
    folder.add(weight + "._data", dtype, [6, 32], codes)
    folder.add(weight + "._scale", [6, 1], scales)
    folder.add(module + ".input_scale", [], [1])
    return Sample(
      folder: folder, shape: [6, 32],
      weights: codes.enumerated().map { index, code in
        (dtype == "I8" ? Float(Int8(bitPattern: code)) : e4m3(code)) * scales[index / 32]
      })
  }

  static func torchAO() -> Sample {
    var folder = QuantizedFolder(#"{"quant_method": "torchao"}"#)
    var draw = Draw(seed: 680)
    let codes = draw.bytes(4 * 64)
    let (scales, zeros) = (draw.scales(8), draw.bytes(8))
    folder.add(module + "._weight_qdata", "I8", [4, 64], codes)
    folder.add(module + "._weight_scale", [4, 2], scales)
    folder.add(module + "._weight_zero_point", "I8", [4, 2], zeros)
    return Sample(
      folder: folder, shape: [4, 64],
      weights: codes.enumerated().map { index, code in
        let group = index / 64 * 2 + index % 64 / 32
        return scales[group]
          * (Float(Int8(bitPattern: code)) - Float(Int8(bitPattern: zeros[group])))
      })
  }

  struct SampleKind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let sample: @Sendable () -> Sample

    init(_ name: String, _ sample: @escaping @Sendable () -> Sample) {
      testDescription = name
      self.sample = sample
    }
  }

  static let samples: [SampleKind] =
    ["weight_scale", "scale_weight", "weight_scale_inv", "scale"].map { name in
      SampleKind("fp8 \(name)") { plainFloat8(name) }
    }
    + [[1], [6], [6, 1]].map { shape in
      SampleKind("fp8 scales \(shape)") { plainFloat8(scales: shape) }
    }
    + [
      SampleKind("fp8 E8M0") { exponentBlocks() }, SampleKind("mxfp8") { mxfp8() },
      SampleKind("mxfp4") { mx(bits: 4) }, SampleKind("mxfp6") { mx(bits: 6) },
      SampleKind("nvfp4") { nvfp4(isModelOpt: false) },
      SampleKind("modelopt nvfp4") { nvfp4(isModelOpt: true) },
      SampleKind("mlx mxfp4") { mlx(mode: "mxfp4") },
      SampleKind("mlx nvfp4") { mlx(mode: "nvfp4") },
      SampleKind("mlx 3 bits") { mlxAffine(bits: 3) },
      SampleKind("mlx 8 bits") { mlxAffine(bits: 8) },
      SampleKind("quanto int8") { quanto("I8") },
      SampleKind("quanto float8") { quanto("F8_E4M3") },
      SampleKind("torchao") { torchAO() },
    ]
}
