internal import Tensors

/// f32 as numbers of every data type: rounded to nearest, ties to even.
extension Conversion {
  /// The bytes of `values` at `dtype`, little-endian.
  static func bytes(of values: UnsafeBufferPointer<Float>, _ dtype: DType) -> [UInt8] {
    switch dtype {
    case .f32: unsafe [UInt8](UnsafeRawBufferPointer(values))
    case .f64: unsafe each(values) { Double($0).bitPattern }
    case .f16: unsafe each(values) { half($0) }
    case .bf16: unsafe each(values) { bfloat($0) }
    case .f8e4m3: unsafe each(values) { e4m3($0) }
    case .f8e5m2: unsafe each(values) { e5m2($0) }
    case .i64: unsafe each(values) { Int64(nearest: $0) }
    case .i32: unsafe each(values) { Int32(nearest: $0) }
    case .i16: unsafe each(values) { Int16(nearest: $0) }
    case .i8: unsafe each(values) { Int8(nearest: $0) }
    case .u8: unsafe each(values) { UInt8(nearest: $0) }
    case .bool: unsafe each(values) { UInt8($0 == 0 ? 0 : 1) }
    }
  }

  /// Whether `dtype` gives back every value bit for bit.
  static func isExact(_ values: UnsafeBufferPointer<Float>, _ dtype: DType) -> Bool {
    switch dtype {
    case .f32: true
    case .f64: unsafe all(values) { Float(Double($0)) }
    case .f16: unsafe all(values) { float(half: half($0)) }
    case .bf16: unsafe all(values) { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
    case .f8e4m3: unsafe all(values) { e4m3[Int(e4m3($0))] }
    case .f8e5m2: unsafe all(values) { float(half: UInt16(e5m2($0)) << 8) }
    case .i64: unsafe all(values) { Float(Int64(nearest: $0)) }
    case .i32: unsafe all(values) { Float(Int32(nearest: $0)) }
    case .i16: unsafe all(values) { Float(Int16(nearest: $0)) }
    case .i8: unsafe all(values) { Float(Int8(nearest: $0)) }
    case .u8: unsafe all(values) { Float(UInt8(nearest: $0)) }
    case .bool: unsafe all(values) { $0 == 0 ? 0 : 1 }
    }
  }

  @inline(__always)
  private static func each<T: FixedWidthInteger & BitwiseCopyable>(
    _ values: UnsafeBufferPointer<Float>, _ bits: (Float) -> T
  ) -> [UInt8] {
    let byteCount = values.count * MemoryLayout<T>.size
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      let raw = UnsafeMutableRawBufferPointer(target)
      for index in 0..<values.count {
        unsafe raw.storeBytes(
          of: bits(values[index]).littleEndian, toByteOffset: index * MemoryLayout<T>.size,
          as: T.self)
      }
      count = byteCount
    }
  }

  /// In runs, so that the common case has no branch inside.
  @inline(__always)
  private static func all(
    _ values: UnsafeBufferPointer<Float>, _ back: (Float) -> Float
  ) -> Bool {
    let run = 4096
    var start = 0
    while start < values.count {
      var difference: UInt32 = 0
      let end = min(start + run, values.count)
      for index in start..<end {
        let value = unsafe values[index]
        difference |= value.bitPattern ^ back(value).bitPattern
      }
      if difference != 0 { return false }
      start = end
    }
    return true
  }

  static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    if value.isNaN {
      let payload = UInt16(value.bitPattern >> 13 & 0x3FF)
      return sign | 0x7C00 | (payload == 0 ? 0x200 : payload)
    }
    return sign | UInt16(min(small(value.magnitude, fraction: 10, bias: 15), 0x7C00))
  }

  static func bfloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN {
      let cut = UInt16(bits >> 16)
      return cut & 0x7F == 0 ? cut | 0x40 : cut
    }
    return UInt16((bits + 0x7FFF + bits >> 16 & 1) >> 16)
  }

  /// Past the largest finite 448 there is only NaN.
  static func e4m3(_ value: Float) -> UInt8 {
    let sign = UInt8(value.bitPattern >> 24) & 0x80
    return value.isNaN
      ? sign | 0x7F : sign | UInt8(min(small(value.magnitude, fraction: 3, bias: 7), 0x7F))
  }

  static func e5m2(_ value: Float) -> UInt8 {
    let sign = UInt8(value.bitPattern >> 24) & 0x80
    if value.isNaN {
      let payload = UInt8(value.bitPattern >> 21 & 3)
      return sign | 0x7C | (payload == 0 ? 2 : payload)
    }
    return sign | UInt8(min(small(value.magnitude, fraction: 2, bias: 15), 0x7C))
  }

  /// Exponent and fraction of a magnitude at another bias and width; what
  /// overflows has a larger exponent than the format knows.
  private static func small(_ value: Float, fraction: UInt32, bias: UInt32) -> UInt32 {
    if value == .infinity { return .max }
    let bits = value.bitPattern
    let smallestNormal = (128 - bias) << 23
    if bits < smallestNormal {
      // In units of the smallest subnormal; adding 2²³ leaves the integer.
      let units = value * Float(sign: .plus, exponent: Int(bias + fraction) - 1, significand: 1)
      return (units + 0x1p23).bitPattern & 0x7F_FFFF
    }
    let shift = 23 - fraction
    let rebased = bits - (127 - bias) << 23
    return (rebased + (1 << (shift - 1)) - 1 + rebased >> shift & 1) >> shift
  }
}

extension FixedWidthInteger {
  /// The nearest integer of this width; NaN gives 0.
  fileprivate init(nearest value: Float) {
    let rounded = value.rounded(.toNearestOrEven)
    if let exact = Self(exactly: rounded) {
      self = exact
    } else {
      self = value.isNaN ? 0 : value < 0 ? .min : .max
    }
  }
}
