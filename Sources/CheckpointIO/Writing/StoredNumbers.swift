internal import Glibc
internal import Synchronization
package import Tensors

/// f32 values as the bytes of any data type, and whether that loses nothing.
package enum StoredNumbers {
  /// The bytes a file stores for the values, to nearest, ties to even.
  static func stored(_ tensor: Tensor, _ dtype: DType) -> Bytes {
    guard dtype.isFloatingPoint else { return Bytes(bytes(of: tensor, dtype)) }
    let size = tensor.shape.count * dtype.byteCount
    return unsafe Bytes(Mapping(count: size) { unsafe tensor.store(as: dtype, into: $0) })
  }

  /// The same as an array.
  static func bytes(of tensor: Tensor, _ dtype: DType) -> [UInt8] {
    if dtype.isFloatingPoint { return tensor.bytes(as: dtype) }
    return unsafe tensor.withUnsafeValues { values in
      switch dtype {
      case .i64: unsafe integers(values) { Int64(nearest: $0) }
      case .i32: unsafe integers(values) { Int32(nearest: $0) }
      case .i16: unsafe integers(values) { Int16(nearest: $0) }
      case .i8: unsafe integers(values) { Int8(nearest: $0) }
      case .u8: unsafe integers(values) { UInt8(nearest: $0) }
      case .bool: unsafe integers(values) { UInt8($0 == 0 ? 0 : 1) }
      case .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2: []
      }
    }
  }

  /// Whether `dtype` gives back every value bit for bit.
  package static func isExact(_ tensor: Tensor, _ dtype: DType) -> Bool {
    if dtype == .f32 { return true }
    return unsafe tensor.withUnsafeValues { values in
      // Most tensors that do not fit show it early.
      let values = unsafe Shared(values)
      let isInexact = Atomic(false)
      @Sendable func look(at range: Range<Int>) {
        let run = unsafe UnsafeBufferPointer(rebasing: values.pointer[range])
        if unsafe !isExact(run, dtype) { isInexact.store(true, ordering: .relaxed) }
      }
      look(at: 0..<min(4096, tensor.shape.count))
      Parallel.forEach(
        count: Parallel.chunks(tensor.shape.count),
        shouldStop: { isInexact.load(ordering: .relaxed) }
      ) { look(at: Parallel.range($0, of: tensor.shape.count)) }
      return !isInexact.load(ordering: .relaxed)
    }
  }

  /// Whether two tensors have the same shape and bits.
  static func areSame(_ one: Tensor, _ other: Tensor) -> Bool {
    guard one.shape == other.shape else { return false }
    return unsafe one.withUnsafeValues { one in
      unsafe other.withUnsafeValues { other in
        guard let first = one.baseAddress, let second = other.baseAddress else { return true }
        return unsafe memcmp(first, second, one.count * MemoryLayout<Float>.stride) == 0
      }
    }
  }

  private static func isExact(_ values: UnsafeBufferPointer<Float>, _ dtype: DType) -> Bool {
    let run = unsafe Tensor([values.count]) { _ = unsafe $0.initialize(fromContentsOf: values) }
    let stored = bytes(of: run, dtype)
    let again = unsafe stored.withUnsafeBytes {
      unsafe Tensor(run.shape, converting: $0, from: dtype)
    }
    return unsafe again.withUnsafeValues { again in
      var difference: UInt32 = 0
      for index in 0..<values.count {
        difference |= unsafe again[index].bitPattern ^ values[index].bitPattern
      }
      return difference == 0
    }
  }

  private static func integers<T: FixedWidthInteger>(
    _ values: UnsafeBufferPointer<Float>, _ number: (Float) -> T
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * MemoryLayout<T>.size)
    for index in 0..<values.count {
      let bits = unsafe number(values[index])
      for byte in 0..<MemoryLayout<T>.size {
        bytes.append(UInt8(truncatingIfNeeded: bits >> T(8 * byte)))
      }
    }
    return bytes
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
