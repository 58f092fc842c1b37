internal import CKernels
package import Tensors

/// One bit a weight, row-major without padding, least significant bit first:
/// weight `i` is bit `i % 8` of byte `i / 8`.
package enum Bitmap {
  static func byteCount(_ count: Int) -> Int { count / 8 + (count % 8 == 0 ? 0 : 1) }

  /// Which values must be stored: those that are not +0. Where the mask keeps
  /// some that are +0 and prunes none that is not, the mask itself, so that it
  /// comes back unchanged.
  package static func kept(of tensor: Tensor, mask: Mask?) -> Mask {
    let words = unsafe tensor.withUnsafeValues { values in
      let values = unsafe Shared(values)
      return filled(tensor.shape.count) { word in
        let buffer = unsafe values.pointer
        var bits: UInt64 = 0
        for index in word * 64..<min(word * 64 + 64, buffer.count) {
          bits |= unsafe (buffer[index].bitPattern != 0 ? 1 : 0) << UInt64(index & 63)
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
    let count = byteCount(mask.shape.count)
    return unsafe mask.words.map(\.littleEndian).withUnsafeBytes { unsafe Array($0.prefix(count)) }
  }

  /// The mask in a stored bitmap of `shape.count` bits; bits after the last
  /// must be 0.
  static func mask(_ stored: PackedTensor) throws(CheckpointError) -> Mask {
    let shape = stored.record.shape
    let bytes = try stored.part("bitmap", of: [.u8], count: byteCount(shape.count)).bytes
    var words = [UInt64](repeating: 0, count: (shape.count + 63) / 64)
    unsafe words.withUnsafeMutableBytes { words in
      unsafe bytes.withUnsafeBytes { unsafe words.copyMemory(from: $0) }
    }
    for index in words.indices { words[index] = UInt64(littleEndian: words[index]) }
    if let last = words.last, shape.count % 64 != 0, last >> UInt64(shape.count % 64) != 0 {
      throw stored.damaged("its bitmap has bits after the last weight")
    }
    return Mask(shape: shape, words: words)
  }

  /// Spreads values over the places a mask keeps; the others become +0.
  package static func scatter(_ values: Tensor, to mask: Mask) -> Tensor {
    unsafe Tensor(mask.shape) { target in
      let target = unsafe Shared(target.baseAddress)
      unsafe forEachRun(of: mask, values) { run, first, words, values in
        guard let target = unsafe target.pointer else { return }
        unsafe pare_scatter(
          KernelLevel.best, values + first, run.count, words, target + run.lowerBound)
      }
    }
  }

  /// The kept values one after the other.
  package static func gather(_ tensor: Tensor, _ mask: Mask, count: Int) -> Tensor {
    unsafe Tensor([count]) { target in
      let target = unsafe Shared(target.baseAddress)
      unsafe forEachRun(of: mask, tensor) { run, first, words, values in
        guard let target = unsafe target.pointer else { return }
        unsafe pare_gather(
          KernelLevel.best, values + run.lowerBound, run.count, words, target + first)
      }
    }
  }

  /// Words of a mask that are worked on at a time.
  private static let run = 1 << 12

  /// Calls `body` for runs of weights, on all threads, with how many are kept before
  /// them, the mask's words for them, and the tensor's values.
  private static func forEachRun(
    of mask: Mask, _ tensor: Tensor,
    _ body:
      @Sendable (
        _ run: Range<Int>, _ first: Int, UnsafePointer<UInt64>, UnsafePointer<Float>
      ) -> Void
  ) {
    var firsts: [Int] = []
    var kept = 0
    for index in 0..<Parallel.chunks(mask.words.count, of: run) {
      firsts.append(kept)
      for word in Parallel.range(index, of: mask.words.count, size: run) {
        kept += mask.words[word].nonzeroBitCount
      }
    }
    let starts = firsts
    unsafe tensor.withUnsafeValues { values in
      unsafe mask.words.withUnsafeBufferPointer { words in
        let (values, words) = unsafe (Shared(values.baseAddress), Shared(words.baseAddress))
        Parallel.forEach(count: starts.count) { index in
          guard let values = unsafe values.pointer, let words = unsafe words.pointer else { return }
          let range = Parallel.range(index, of: mask.shape.count, size: run * 64)
          unsafe body(range, starts[index], words + range.lowerBound / 64, values)
        }
      }
    }
  }

  /// One word for every 64 of so many weights, made on all threads.
  private static func filled(_ count: Int, _ word: @Sendable (Int) -> UInt64) -> [UInt64] {
    let size = (count + 63) / 64
    return unsafe [UInt64](unsafeUninitializedCapacity: size) { words, initialized in
      let words = unsafe Shared(words)
      Parallel.forEach(count: Parallel.chunks(size, of: run)) { index in
        for position in Parallel.range(index, of: size, size: run) {
          unsafe words.pointer.initializeElement(at: position, to: word(position))
        }
      }
      initialized = size
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
