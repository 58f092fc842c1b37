import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory for the values of tensors.
///
/// What is given back is kept for the next that wants about as much: the system fills
/// new pages with zeros, which takes as long as working through the weights in them. Who
/// wants what is not there gets new memory, and all that was kept goes, so that memory is
/// never more than was in use at once. The system may take kept pages back when it needs
/// them.
package enum WeightMemory {
  /// From this size on memory comes in large pages: touching a hundred million
  /// weights for the first time is then ten times quicker. Less is not kept.
  private static let hugePage = 1 << 21
  private static let least = 2 * hugePage

  /// Bytes that are kept at most.
  private static let limit = 512 << 20
  /// A kept block is reused for a request if it is at most this many times as large.
  private static let slack = 4

  private struct Block: Sendable {
    let address: UInt
    let byteCount: Int
  }

  private static let idle = Mutex<[Block]>([])

  /// Uninitialised memory of at least `byteCount` bytes on a 64-byte boundary; `release` gives
  /// it back.
  package static func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if byteCount >= least, let block = take(byteCount),
      let memory = unsafe UnsafeMutableRawPointer(bitPattern: block.address)
    {
      return unsafe UnsafeMutableRawBufferPointer(start: memory, count: block.byteCount)
    }
    let isLarge = byteCount >= least
    var found: UnsafeMutableRawPointer?
    let status = unsafe posix_memalign(&found, isLarge ? hugePage : 64, max(byteCount, 1))
    guard let memory = unsafe found, status == 0 else { end(wanting: byteCount) }
    #if canImport(Glibc)
      // Only advice: where it is refused, small pages do as well.
      if isLarge { unsafe _ = madvise(memory, byteCount, MADV_HUGEPAGE) }
    #endif
    return unsafe UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
  }

  package static func release(_ memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { return }
    let block = Block(address: UInt(bitPattern: start), byteCount: memory.count)
    let isKept =
      memory.count >= least
      && idle.withLock { blocks in
        guard blocks.reduce(memory.count, { $0 + $1.byteCount }) <= limit else { return false }
        #if canImport(Glibc)
          // Whole pages only: the system would clear all of the last one, and what lies
          // behind the block in it is somebody else's.
          let page = Int(getpagesize())
          unsafe _ = madvise(start, memory.count / page * page, MADV_FREE)
        #endif
        blocks.append(block)
        return true
      }
    if !isKept { unsafe free(start) }
  }

  /// Ends the process: nothing that is half done can go on without its weights, and the
  /// runtime's own way is a trap without a sentence.
  private static func end(wanting byteCount: Int) -> Never {
    let text = Array("pare: there is no memory for \(byteCount) bytes of weights\n".utf8)
    unsafe _ = write(STDERR_FILENO, text, text.count)
    _exit(1)
  }

  /// The smallest kept block that is large enough and not too large; without one, frees all kept
  /// blocks and returns nil.
  private static func take(_ byteCount: Int) -> Block? {
    var (taken, dropped): (Block?, [Block]) = (nil, [])
    idle.withLock { blocks in
      let fitting = blocks.indices.filter {
        blocks[$0].byteCount >= byteCount && blocks[$0].byteCount / slack <= byteCount
      }
      if let best = fitting.min(by: { blocks[$0].byteCount < blocks[$1].byteCount }) {
        taken = blocks.remove(at: best)
      } else {
        swap(&dropped, &blocks)
      }
    }
    for block in dropped {
      unsafe free(UnsafeMutableRawPointer(bitPattern: block.address))
    }
    return taken
  }
}
