internal import CKernels
internal import Tensors

/// Numbers of `bits` bits one after the other, least significant bit first,
/// without padding between them; code `i` begins at bit `i × bits`.
enum BitPacking {
  /// Counts of tensors fit in 58 bits (`Shape.init(checking:)`), so no overflow.
  static func byteCount(_ count: Int, bits: Int) -> Int {
    let total = count * bits
    return total / 8 + (total % 8 == 0 ? 0 : 1)
  }

  static func pack(_ codes: [UInt8], bits: Int) -> Bytes {
    unsafe Bytes(
      Mapping(count: byteCount(codes.count, bits: bits)) { packed in
        unsafe codes.withUnsafeBufferPointer { codes in
          let (source, target) = unsafe (Shared(codes.baseAddress), Shared(packed.baseAddress))
          forEachChunk(codes.count) { range in
            guard let source = unsafe source.pointer, let target = unsafe target.pointer
            else { return }
            unsafe pare_pack_codes(
              KernelLevel.best, source + range.lowerBound, range.count, Int32(bits),
              target.assumingMemoryBound(to: UInt8.self) + range.lowerBound / 8 * bits)
          }
        }
      })
  }

  /// The first `count` codes; the bytes must hold that many.
  static func unpack(_ packed: Bytes, bits: Int, count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      unsafe packed.withUnsafeBytes { packed in
        let (source, target) = unsafe (Shared(packed.baseAddress), Shared(target.baseAddress))
        forEachChunk(count) { range in
          guard let source = unsafe source.pointer, let target = unsafe target.pointer
          else { return }
          unsafe pare_unpack_codes(
            KernelLevel.best,
            source.assumingMemoryBound(to: UInt8.self) + range.lowerBound / 8 * bits,
            range.count, Int32(bits), target + range.lowerBound)
        }
      }
      initialized = count
    }
  }

  /// Chunks begin at whole bytes.
  private static func forEachChunk(_ count: Int, _ body: @Sendable (Range<Int>) -> Void) {
    Parallel.forEach(count: Parallel.chunks(count)) { body(Parallel.range($0, of: count)) }
  }
}
