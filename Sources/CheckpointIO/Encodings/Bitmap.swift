internal import CKernels
package import Tensors

/// One bit a weight, row-major without padding, least significant bit first:
/// weight `i` is bit `i % 8` of byte `i / 8`.
package enum Bitmap {
  static func byteCount(_ count: Int) -> Int { count / 8 + (count % 8 == 0 ? 0 : 1) }

  /// Which values must be stored: those other than +0. If the mask keeps these and some
  /// values of +0 too, it is the mask itself, so that the mask comes back unchanged.
  package static func kept(of tensor: Tensor, mask: Mask?) -> Mask {
    let count = tensor.shape.count
    let words = unsafe [UInt64](unsafeUninitializedCapacity: (count + 63) / 64) { words, size in
      let words = unsafe Shared(words.baseAddress)
      unsafe tensor.withUnsafeValues { values in
        let values = unsafe Shared(values.baseAddress)
        Parallel.forEach(count: Parallel.chunks(count, of: run * 64)) { index in
          let range = Parallel.range(index, of: count, size: run * 64)
          guard let values = unsafe values.pointer, let words = unsafe words.pointer else { return }
          unsafe pare_stored(
            KernelLevel.best, values + range.lowerBound, range.count,
            words + range.lowerBound / 64)
        }
      }
      size = (count + 63) / 64
    }
    if let mask, mask.shape.count == tensor.shape.count,
      zip(words, mask.words).allSatisfy({ $0 & ~$1 == 0 })
    {
      return mask
    }
    return Mask(shape: tensor.shape, words: words)
  }

  static func bytes(_ mask: Mask) -> Bytes {
    // The words lie in memory as in the file, as mapped numbers do.
    unsafe Bytes(
      Mapping(count: byteCount(mask.shape.count)) { target in
        unsafe mask.words.withUnsafeBytes {
          unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<target.count]))
        }
      })
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
    unsafe tensor.withUnsafeValues { values in
      unsafe mask.words.withUnsafeBufferPointer { words in
        let (values, words) = unsafe (Shared(values.baseAddress), Shared(words.baseAddress))
        forEachRun(of: mask) { range, first in
          guard let values = unsafe values.pointer, let words = unsafe words.pointer else { return }
          unsafe body(range, first, words + range.lowerBound / 64, values)
        }
      }
    }
  }

  /// The same without the pointers.
  private static func forEachRun(
    of mask: Mask, _ body: @Sendable (_ run: Range<Int>, _ first: Int) -> Void
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
    Parallel.forEach(count: starts.count) { index in
      body(Parallel.range(index, of: mask.shape.count, size: run * 64), starts[index])
    }
  }

  /// Spreads codes, one a byte, over the places a mask keeps; the others become 0.
  static func scatter(_ codes: [UInt8], to mask: Mask) -> [UInt8] {
    let count = mask.shape.count
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      let target = unsafe Shared(target)
      unsafe codes.withUnsafeBufferPointer { codes in
        let codes = unsafe Shared(codes)
        forEachRun(of: mask) { run, first in
          var next = first
          for index in run {
            let isKept = mask[index]
            unsafe target.pointer.initializeElement(
              at: index, to: isKept ? codes.pointer[next] : 0)
            next += isKept ? 1 : 0
          }
        }
      }
      initialized = count
    }
  }

  static func gather(_ codes: [UInt8], _ mask: Mask, count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      let target = unsafe Shared(target)
      unsafe codes.withUnsafeBufferPointer { codes in
        let codes = unsafe Shared(codes)
        forEachRun(of: mask) { run, first in
          var next = first
          for index in run where mask[index] {
            unsafe target.pointer.initializeElement(at: next, to: codes.pointer[index])
            next += 1
          }
        }
      }
      initialized = count
    }
  }
}
