import TestSupport
import Testing

/// A Hugging Face folder of one safetensors file whose arrays are made by hand.
struct QuantizedFolder {
  let folder = TemporaryFolder()
  /// In the order of the file.
  var arrays: [Array] = []
  /// The text of `config.json`; nil for none.
  var configuration: String?

  struct Array {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: [UInt8]
  }

  /// Numbers of one sequence, drawn in turn.
  struct Draw {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func number(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    mutating func words(_ count: Int) -> [UInt8] {
      (0..<count).flatMap { _ in ZipBytes.little(UInt32(truncatingIfNeeded: random.next()), 4) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// 1/65536 … 255/65536, which every floating-point type of 16 bits holds.
    mutating func scales(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(1 + number(below: 255)) / 65536 }
    }
  }

  init(_ quantization: String?) {
    configuration = quantization.map {
      #"{"model_type": "llama", "quantization_config": \#($0)}"#
    }
  }

  mutating func add(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
    arrays.append(Array(name: name, dtype: dtype, shape: shape, bytes: bytes))
  }

  mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    add(name, "F32", shape, values.flatMap { ZipBytes.little($0.bitPattern, 4) })
  }

  mutating func add(_ name: String, _ shape: [Int], integers values: [Int]) {
    add(name, "I32", shape, values.flatMap { ZipBytes.little($0, 4) })
  }

  var bytes: [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for array in arrays {
      let shape = array.shape.map(String.init).joined(separator: ",")
      let end = data.count + array.bytes.count
      entries.append(
        #""\#(array.name)":{"dtype":"\#(array.dtype)","shape":[\#(shape)],"#
          + #""data_offsets":[\#(data.count),\#(end)]}"#)
      data += array.bytes
    }
    let header = "{\(entries.joined(separator: ","))}"
    return ZipBytes.little(header.utf8.count, 8) + Swift.Array(header.utf8) + data
  }

  /// Writes the files and tells the checkpoint's path.
  func write() -> String {
    if let configuration { write("config.json", configuration) }
    let path = folder.file("model.safetensors")
    TemporaryFolder.write(bytes, to: path)
    return path
  }

  func write(_ name: String, _ text: String) {
    TemporaryFolder.write(Swift.Array(text.utf8), to: folder.file(name))
  }
}

extension QuantizedFolder {
  static let module = "model.layers.0.self_attn.q_proj"
  static let weight = module + ".weight"

  /// GPTQ: 96 inputs in groups of 32, 64 outputs; in any order where `isReordered`.
  static func gptq(bits: Int, isReordered: Bool, format: String = "gptq") -> QuantizedFolder {
    var folder = QuantizedFolder(
      #"{"quant_method": "gptq", "bits": \#(bits), "group_size": 32, "#
        + #""desc_act": \#(isReordered), "checkpoint_format": "\#(format)"}"#)
    var draw = Draw(seed: UInt64(100 + bits))
    let rows = 96 * bits / 32
    folder.add(module + ".qweight", "I32", [rows, 64], draw.words(rows * 64))
    folder.add(module + ".qzeros", "I32", [3, 2 * bits], draw.words(6 * bits))
    folder.add(module + ".scales", [3, 64], draw.scales(3 * 64))
    let order = (0..<96).map { isReordered ? draw.number(below: 3) : $0 / 32 }
    folder.add(module + ".g_idx", [96], integers: order)
    return folder
  }

  static func awq() -> QuantizedFolder {
    var folder = QuantizedFolder(
      #"{"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "#
        + #""zero_point": true}"#)
    var draw = Draw(seed: 200)
    folder.add(module + ".qweight", "I32", [64, 3], draw.words(64 * 3))
    folder.add(module + ".qzeros", "I32", [2, 3], draw.words(2 * 3))
    folder.add(module + ".scales", [2, 24], draw.scales(2 * 24))
    return folder
  }

  /// QLoRA's table (arXiv 2305.14314, appendix E).
  static let nf4: [Float] = [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
  ]
  /// A sign, two bits of exponent and one of mantissa, over 12.
  static let fp4: [Float] =
    [0, 0.0625, 8, 12, 4, 6, 2, 3].map { $0 / 12 }
    + [0, -0.0625, -8, -12, -4, -6, -2, -3].map { $0 / 12 }

  /// bitsandbytes' four bits in blocks of 64.
  static func fourBit(_ kind: String, isNested: Bool) -> QuantizedFolder {
    var folder = QuantizedFolder(#"{"quant_method": "bitsandbytes", "load_in_4bit": true}"#)
    var draw = Draw(seed: 300)
    let shape = isNested ? [40, 64] : [5, 33]
    let count = shape[0] * shape[1]
    let blocks = (count + 63) / 64
    folder.add(weight, "U8", [(count + 1) / 2, 1], draw.bytes((count + 1) / 2))
    var state =
      #"{"quant_type": "\#(kind)", "blocksize": 64, "dtype": "float32", "#
      + #""shape": [\#(shape[0]), \#(shape[1])]"#
    if isNested {
      folder.add(weight + ".absmax", "U8", [blocks], draw.bytes(blocks))
      folder.add(weight + ".nested_absmax", [3], draw.scales(3))
      folder.add(weight + ".nested_quant_map", [256], (-128..<128).map { Float($0) / 128 })
      state +=
        #", "nested_blocksize": 16, "nested_dtype": "float32", "#
        + #""nested_offset": 0.012299999594688416"#
    } else {
      folder.add(weight + ".absmax", [blocks], draw.scales(blocks))
    }
    folder.add(weight + ".quant_map", [16], kind == "nf4" ? nf4 : fp4)
    let text = Swift.Array((state + "}").utf8)
    folder.add(weight + ".quant_state.bitsandbytes__\(kind)", "U8", [text.count], text)
    return folder
  }

  static func int8() -> QuantizedFolder {
    var folder = QuantizedFolder(#"{"quant_method": "bitsandbytes", "load_in_8bit": true}"#)
    var draw = Draw(seed: 310)
    folder.add(weight, "I8", [6, 50], draw.bytes(300))
    folder.add(module + ".SCB", [6], draw.scales(6))
    folder.add(module + ".weight_format", "U8", [], [0])
    return folder
  }

  /// compressed-tensors' settings of one group of layers.
  static func compressed(_ format: String, _ weights: String) -> QuantizedFolder {
    QuantizedFolder(
      #"{"quant_method": "compressed-tensors", "format": "\#(format)", "config_groups": "#
        + #"{"group_0": {"targets": ["Linear"], "weights": {\#(weights)}}}}"#)
  }

  /// 48 outputs of 160 inputs in groups of 32, with packed zero points.
  static func packed(bits: Int) -> QuantizedFolder {
    var folder = compressed(
      "pack-quantized", #""num_bits": \#(bits), "type": "int", "group_size": 32"#)
    var draw = Draw(seed: UInt64(400 + bits))
    let words = (160 * bits + 31) / 32
    let zeroWords = (48 * bits + 31) / 32
    folder.add(module + ".weight_packed", "I32", [48, words], draw.words(48 * words))
    folder.add(module + ".weight_scale", [48, 5], draw.scales(48 * 5))
    folder.add(module + ".weight_shape", [2], integers: [48, 160])
    folder.add(module + ".weight_zero_point", "I32", [zeroWords, 5], draw.words(zeroWords * 5))
    return folder
  }

  /// 6 outputs of 50 inputs, a scale a channel, symmetric.
  static func packedByChannel() -> QuantizedFolder {
    var folder = compressed("pack-quantized", #""num_bits": 4, "type": "int""#)
    var draw = Draw(seed: 500)
    folder.add(module + ".weight_packed", "I32", [6, 7], draw.words(42))
    folder.add(module + ".weight_scale", [6, 1], draw.scales(6))
    folder.add(module + ".weight_shape", [2], integers: [6, 50])
    return folder
  }

  static func compressedInt8() -> QuantizedFolder {
    var folder = compressed("int-quantized", #""num_bits": 8, "type": "int""#)
    var draw = Draw(seed: 501)
    folder.add(weight, "I8", [6, 50], draw.bytes(300))
    folder.add(module + ".weight_scale", [6, 1], draw.scales(6))
    folder.add(module + ".weight_zero_point", "I8", [6, 1], draw.bytes(6))
    return folder
  }

  /// F8_E4M3 without its NaN.
  static func float8(_ shape: [Int], scales: [Int], seed: UInt64) -> QuantizedFolder {
    var folder = compressed(
      "float-quantized", #""num_bits": 8, "type": "float", "block_structure": [4, 16]"#)
    var draw = Draw(seed: seed)
    let codes = draw.bytes(shape[0] * shape[1]).map { $0 & 0x7F == 0x7F ? 0x7E : $0 }
    folder.add(weight, "F8_E4M3", shape, codes)
    folder.add(module + ".weight_scale", scales, draw.scales(scales[0] * scales[1]))
    return folder
  }

  /// One of each layout.
  static let kinds: [Kind] =
    [
      Kind("awq") { awq() }, Kind("nf4") { fourBit("nf4", isNested: false) },
      Kind("fp4 nested") { fourBit("fp4", isNested: true) }, Kind("llm.int8") { int8() },
      Kind("packed") { packed(bits: 4) }, Kind("packed by channel") { packedByChannel() },
      Kind("int8") { compressedInt8() },
      Kind("float8") { float8([6, 50], scales: [1, 1], seed: 502) },
    ]
    + [2, 3, 4, 8].map { bits in
      Kind("gptq \(bits)") { gptq(bits: bits, isReordered: bits == 4) }
    }

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let folder: @Sendable () -> QuantizedFolder

    init(_ name: String, _ folder: @escaping @Sendable () -> QuantizedFolder) {
      testDescription = name
      self.folder = folder
    }
  }
}
