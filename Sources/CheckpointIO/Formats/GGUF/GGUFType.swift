internal import Tensors

/// What a tensor's type number means (ggml's `enum ggml_type`).
enum GGUFType {
  case numbers(DType)
  case blocks(BlockFormat)
  /// Unknown, or of a format that ggml has given up.
  case unknown(name: String)

  init(_ number: UInt32) {
    if let dtype = Self.numbers[number] {
      self = .numbers(dtype)
    } else if let format = Self.blocks[number] {
      self = .blocks(format)
    } else {
      self = .unknown(name: Self.removed[number] ?? "type \(number)")
    }
  }

  /// As `inspect` shows it.
  var name: String {
    switch self {
    case .numbers(let dtype): dtype.rawValue
    case .blocks(let format): format.rawValue
    case .unknown(let name): name
    }
  }

  /// The number of a format.
  static func number(of format: BlockFormat) -> UInt32? {
    blocks.first { $0.value == format }?.key
  }

  /// The number of a type; nil where ggml has none.
  static func number(of dtype: DType) -> UInt32? {
    numbers.first { $0.value == dtype }?.key
  }

  private static let numbers: [UInt32: DType] = [
    0: .f32, 1: .f16, 24: .i8, 25: .i16, 26: .i32, 27: .i64, 28: .f64, 30: .bf16,
  ]
  private static let blocks: [UInt32: BlockFormat] = [
    2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2K, 11: .q3K, 12: .q4K, 13: .q5K,
    14: .q6K, 15: .q8K, 16: .iq2XXS, 17: .iq2XS, 18: .iq3XXS, 19: .iq1S, 20: .iq4NL, 21: .iq3S,
    22: .iq2S, 23: .iq4XS, 29: .iq1M, 34: .tq1_0, 35: .tq2_0, 39: .mxfp4, 40: .nvfp4, 41: .q1_0,
    42: .q2_0,
  ]
  private static let removed: [UInt32: String] = [
    4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
  ]
}
