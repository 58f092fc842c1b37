internal import Tensors

/// One bit a weight, row-major without padding, least significant bit first:
/// weight `i` is bit `i % 8` of byte `i / 8`.
enum Bitmap {
  static func byteCount(_ count: Int) -> Int { count / 8 + (count % 8 == 0 ? 0 : 1) }

  /// Which values must be stored: those that are not +0. Where the mask keeps
  /// some that are +0 and prunes none that is not, the mask itself, so that it
  /// comes back unchanged.
  static func kept(of tensor: Tensor, mask: Mask?) -> Mask {
    let words = unsafe tensor.withUnsafeValues { values in
      (0..<(values.count + 63) / 64).map { word -> UInt64 in
        var bits: UInt64 = 0
        for index in word * 64..<min(word * 64 + 64, values.count)
        where unsafe values[index].bitPattern != 0 {
          bits |= 1 << UInt64(index & 63)
        }
        return bits
      }
    }
    if let mask, mask.shape.count == tensor.shape.count,
      zip(words, mask.words).allSatisfy({ $0 & ~$1 == 0 })
    {
      return mask
    }
    return Mask(shape: tensor.shape, words: words)
  }

  static func bytes(_ mask: Mask) -> [UInt8] {
    (0..<byteCount(mask.shape.count)).map { byte in
      UInt8(truncatingIfNeeded: mask.words[byte / 8] >> UInt64(byte % 8 * 8))
    }
  }

  /// The mask in a stored bitmap of `shape.count` bits; bits after the last
  /// must be 0.
  static func mask(_ stored: PackedTensor) throws(CheckpointError) -> Mask {
    let shape = stored.record.shape
    let bytes = try stored.part("bitmap", of: [.u8], count: byteCount(shape.count)).bytes
    var words = [UInt64](repeating: 0, count: (shape.count + 63) / 64)
    for index in 0..<bytes.count {
      words[index / 8] |= UInt64(bytes[index]) << UInt64(index % 8 * 8)
    }
    if let last = words.last, shape.count % 64 != 0, last >> UInt64(shape.count % 64) != 0 {
      throw stored.damaged("its bitmap has bits after the last weight")
    }
    return Mask(shape: shape, words: words)
  }

  /// Spreads values over the places a mask keeps; the others become +0.
  static func scatter(_ values: Tensor, to mask: Mask) -> Tensor {
    unsafe Tensor(mask.shape) { target in
      unsafe target.initialize(repeating: 0)
      unsafe values.withUnsafeValues { source in
        var next = 0
        forEachKept(mask) { index in
          unsafe target[index] = source[next]
          next += 1
        }
      }
    }
  }

  /// The kept values one after the other.
  static func gather(_ tensor: Tensor, _ mask: Mask, count: Int) -> Tensor {
    unsafe Tensor([count]) { target in
      unsafe tensor.withUnsafeValues { source in
        var next = 0
        forEachKept(mask) { index in
          unsafe target.initializeElement(at: next, to: source[index])
          next += 1
        }
      }
    }
  }

  @inline(__always)
  static func forEachKept(_ mask: Mask, _ body: (Int) -> Void) {
    for (position, word) in mask.words.enumerated() {
      var rest = word
      while rest != 0 {
        body(position * 64 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }
}
