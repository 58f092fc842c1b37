internal import Tensors

/// Reads the values of one dense tensor when they are asked for.
struct TensorReader: Sendable {
  let bytes: Bytes
  let dtype: DType
  /// As stored.
  let shape: Shape
  /// Values between neighbours along each axis; nil when row-major.
  let strides: [Int]?
  /// Whether the logical tensor is the transpose of the stored one.
  let isTransposed: Bool
  /// Whether the highest byte of a number comes first.
  var isBigEndian = false

  /// The values in logical orientation. Aligned row-major f32 is a view of the
  /// mapping; all else is converted into memory of its own.
  func tensor() -> Tensor {
    if let view = borrowed() { return isTransposed ? view.transposed() : view }
    let values = unsafe rowMajor.withUnsafeBytes {
      unsafe Tensor(shape, converting: $0, from: dtype)
    }
    return isTransposed ? values.transposed() : values
  }

  /// The same on up to `threads` threads. Throws `CheckpointError.stopped` soon
  /// after `shouldStop` says so.
  func tensor(
    threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    if let view = borrowed() {
      bytes.expect()
      try bytes.check()
      return isTransposed ? view.transposed(threads: threads) : view
    }
    let values = try bytes.reading { () throws(CheckpointError) in
      unsafe rowMajor.withUnsafeBytes {
        unsafe Tensor(shape, converting: $0, from: dtype, threads: threads, shouldStop: shouldStop)
      }
    }
    guard let values, !shouldStop() else { throw .stopped }
    return isTransposed ? values.transposed(threads: threads) : values
  }

  private func borrowed() -> Tensor? {
    guard dtype == .f32, strides == nil, !isBigEndian, shape.count > 0 else { return nil }
    return unsafe bytes.withUnsafeBytes { raw in
      guard Int(bitPattern: raw.baseAddress) % MemoryLayout<Float>.alignment == 0 else {
        return nil
      }
      return unsafe Tensor(
        shape, borrowing: raw.bindMemory(to: Float.self), owner: BorrowedBytes(bytes))
    }
  }

  /// The stored bytes, gathered when the tensor is a view with strides, and lowest
  /// byte first.
  var rowMajor: Bytes {
    guard shape.count > 0, strides != nil || isBigEndian else { return bytes }
    let size = dtype.byteCount
    let gathered = strides.map {
      Bytes(Gather.rowMajor(bytes, size: size, shape: shape, strides: $0))
    }
    return isBigEndian ? Bytes(Gather.swapped(gathered ?? bytes, size: size)) : gathered ?? bytes
  }
}

/// Bytes that a tensor looks at: their pages are given back with it.
private final class BorrowedBytes {
  private let bytes: Bytes

  init(_ bytes: Bytes) { self.bytes = bytes }

  deinit { bytes.forget() }
}

/// Turns a view with strides into consecutive values.
private enum Gather {
  static func rowMajor(_ bytes: Bytes, size: Int, shape: Shape, strides: [Int]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: shape.count * size) { target, count in
      unsafe bytes.withUnsafeBytes { source in
        var index = [Int](repeating: 0, count: shape.dimensions.count)
        // The last axis in one go.
        let (columns, step) = (shape.dimensions.last ?? 1, (strides.last ?? 0) * size)
        for row in 0..<shape.count / max(columns, 1) {
          var element = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 } * size
          var place = row * columns * size
          for _ in 0..<columns {
            for byte in 0..<size {
              unsafe target[place + byte] = source[element + byte]
            }
            place += size
            element += step
          }
          advance(&index, in: shape)
        }
      }
      count = shape.count * size
    }
  }

  /// Each number's bytes in the opposite order.
  static func swapped(_ bytes: Bytes, size: Int) -> [UInt8] {
    let count = bytes.count / size * size
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { target, written in
      unsafe bytes.withUnsafeBytes { source in
        for start in stride(from: 0, to: count, by: size) {
          for byte in 0..<size {
            unsafe target[start + byte] = source[start + size - 1 - byte]
          }
        }
      }
      written = count
    }
  }

  /// To the next row.
  private static func advance(_ index: inout [Int], in shape: Shape) {
    for axis in index.indices.dropLast().reversed() {
      index[axis] += 1
      if index[axis] < shape.dimensions[axis] { return }
      index[axis] = 0
    }
  }
}
