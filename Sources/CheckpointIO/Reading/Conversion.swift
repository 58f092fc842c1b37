internal import Tensors

/// Numbers of every data type as f32. What f32 holds exactly stays exact;
/// f64 and wide integers are rounded to nearest, ties to even.
enum Conversion {
  /// Converts as many numbers as `target` has room for; `source` has that many
  /// or more, on any alignment.
  static func convert(
    _ source: UnsafeRawBufferPointer, _ dtype: DType, to target: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(source.count / dtype.byteCount >= target.count)
    switch dtype {
    case .f32: unsafe each(source, target, UInt32.self) { Float(bitPattern: $0) }
    case .f64: unsafe each(source, target, UInt64.self) { Float(Double(bitPattern: $0)) }
    case .f16: unsafe each(source, target, UInt16.self) { float(half: $0) }
    case .bf16: unsafe each(source, target, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .f8e4m3: unsafe each(source, target, UInt8.self) { e4m3[Int($0)] }
    case .f8e5m2: unsafe each(source, target, UInt8.self) { float(half: UInt16($0) << 8) }
    case .i64: unsafe each(source, target, Int64.self) { Float($0) }
    case .i32: unsafe each(source, target, Int32.self) { Float($0) }
    case .i16: unsafe each(source, target, Int16.self) { Float($0) }
    case .i8: unsafe each(source, target, Int8.self) { Float($0) }
    case .u8: unsafe each(source, target, UInt8.self) { Float($0) }
    case .bool: unsafe each(source, target, UInt8.self) { $0 == 0 ? 0 : 1 }
    }
  }

  @inline(__always)
  private static func each<T: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableBufferPointer<Float>, _: T.Type,
    _ value: (T) -> Float
  ) {
    for index in 0..<target.count {
      let bits = unsafe source.loadUnaligned(
        fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
      unsafe target.initializeElement(at: index, to: value(T(littleEndian: bits)))
    }
  }

  /// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Multiplying by
  /// 2¹¹² moves the exponent to f32's bias and makes subnormals normal; an
  /// exponent of 31 (infinity, NaN) becomes f32's 255.
  static func float(half bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let sign = UInt32(bits & 0x8000) << 16
    if magnitude >= 0x0F80_0000 { return Float(bitPattern: sign | magnitude | 0x7F80_0000) }
    let scaled = Float(bitPattern: magnitude) * 0x1p112
    return Float(bitPattern: sign | scaled.bitPattern)
  }

  /// F8_E4M3 as in "FP8 Formats for Deep Learning" (Micikevicius et al., 2022):
  /// bias 7, no infinities, NaN where all exponent and fraction bits are set.
  static let e4m3: [Float] = (0..<256).map { code in
    let (exponent, fraction) = (code >> 3 & 15, code & 7)
    let sign: Float = code >= 128 ? -1 : 1
    if exponent == 15 && fraction == 7 { return Float(signOf: sign, magnitudeOf: .nan) }
    if exponent == 0 { return sign * Float(fraction) * 0x1p-9 }
    return sign * Float(sign: .plus, exponent: exponent - 7, significand: 1 + Float(fraction) / 8)
  }
}
