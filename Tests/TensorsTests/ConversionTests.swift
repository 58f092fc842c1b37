import Tensors
import TestSupport
import Testing

@Suite struct ConversionTests {
  /// The number a code of a small float format stands for, by its definition;
  /// nil for NaN.
  private func value(_ code: Int, exponentBits: Int, mantissaBits: Int, finite: Bool) -> Double? {
    let bias = (1 << (exponentBits - 1)) - 1
    let exponent = code >> mantissaBits & ((1 << exponentBits) - 1)
    let mantissa = code & ((1 << mantissaBits) - 1)
    let sign = code >> (exponentBits + mantissaBits) == 1 ? -1.0 : 1.0
    let last = exponent == (1 << exponentBits) - 1
    if finite, last, mantissa == (1 << mantissaBits) - 1 { return nil }
    if !finite, last { return mantissa == 0 ? sign * .infinity : nil }
    let fraction = Double(mantissa) / Double(1 << mantissaBits)
    return exponent == 0
      ? sign * fraction * Double(sign: .plus, exponent: 1 - bias, significand: 1)
      : sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - bias, significand: 1)
  }

  private func layout(_ dtype: DType) -> (exponent: Int, mantissa: Int, finite: Bool) {
    switch dtype {
    case .f16: (5, 10, false)
    case .bf16: (8, 7, false)
    case .f8e4m3: (4, 3, true)
    default: (5, 2, false)
    }
  }

  private static let small: [DType] = [.f16, .bf16, .f8e4m3, .f8e5m2]

  private func widened(_ bytes: [UInt8], _ dtype: DType) -> [Float] {
    let count = bytes.count / dtype.byteCount
    return unsafe bytes.withUnsafeBytes {
      unsafe Tensor([count], converting: $0, from: dtype).array
    }
  }

  /// The bytes of every code.
  private func codes(_ dtype: DType) -> [UInt8] {
    dtype.byteCount == 1
      ? (0...255).map { UInt8($0) }
      : (0...UInt16.max).flatMap { code -> [UInt8] in
        [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8)]
      }
  }

  @Test(arguments: small)
  func widensEveryCodeByDefinition(dtype: DType) {
    let layout = layout(dtype)
    for (code, float) in widened(codes(dtype), dtype).enumerated() {
      let expected = value(
        code, exponentBits: layout.exponent, mantissaBits: layout.mantissa, finite: layout.finite)
      if let expected {
        #expect(Double(float) == expected && float.sign == (expected.sign))
      } else {
        #expect(float.isNaN)
      }
    }
  }

  @Test(arguments: small)
  func everyCodeSurvivesARoundTrip(dtype: DType) {
    let bytes = codes(dtype)
    let again = Weights.tensor(widened(bytes, dtype)).bytes(as: dtype)
    if dtype.byteCount == 2 {
      #expect(again == bytes)
    } else {
      for code in 0...255 where !widened([UInt8(code)], dtype)[0].isNaN {
        #expect(again[code] == UInt8(code))
      }
    }
  }

  /// Around every code, and between it and the next, results are the nearest,
  /// ties to the even code.
  @Test(arguments: small)
  func narrowsToTheNearest(dtype: DType) {
    let half = 1 << (dtype.byteCount * 8 - 1)
    let values = widened(codes(dtype), dtype)
    var inputs: [Float] = []
    var expected: [Int] = []
    for code in 0..<half - 1 where values[code].isFinite && values[code + 1].isFinite {
      let middle = Float((Double(values[code]) + Double(values[code + 1])) / 2)
      guard middle > values[code], middle < values[code + 1] else { continue }
      inputs += [values[code].nextUp, middle.nextDown, middle, middle.nextUp]
      expected += [code, code, code % 2 == 0 ? code : code + 1, code + 1]
    }
    #expect(inputs.count > half)
    for sign: Float in [1, -1] {
      let bytes = Weights.tensor(inputs.map { $0 * sign }).bytes(as: dtype)
      let stored = stride(from: 0, to: bytes.count, by: dtype.byteCount).map { at -> Int in
        let high = dtype.byteCount == 1 ? 0 : Int(bytes[at + 1])
        return Int(bytes[at]) + high * 256
      }
      let negative = sign < 0 ? half : 0
      #expect(stored == expected.map { $0 + negative })
    }
  }

  @Test func tooLargeNumbersOverflow() {
    let values: [Float] = [65_519.99, 65_520, 1e38, .infinity, -.infinity, .nan]
    let halves = widened(Weights.tensor(values).bytes(as: .f16), .f16)
    #expect(halves.prefix(5) == [65_504, .infinity, .infinity, .infinity, -.infinity])
    #expect(halves[5].isNaN)
    let eights = widened(Weights.tensor([448, 463, 465, .infinity]).bytes(as: .f8e4m3), .f8e4m3)
    #expect(eights[0] == 448 && eights[1] == 448 && eights[2].isNaN && eights[3].isNaN)
    let bf16 = widened(Weights.tensor([.greatestFiniteMagnitude]).bytes(as: .bf16), .bf16)
    #expect(bf16 == [.infinity])
  }

  @Test(arguments: [(1, 1), (3, 50), (64, 64), (65, 17), (130, 200)])
  func transposes(rows: Int, columns: Int) {
    let tensor = Tensor([rows, columns], Weights.patterns(rows * columns, seed: 1))
    let turned = tensor.transposed()
    #expect(turned.shape == [columns, rows])
    for row in 0..<rows {
      for column in 0..<columns {
        #expect(turned[column, row].bitPattern == tensor[row, column].bitPattern)
      }
    }
  }
}
