internal import CZlib

/// Deflated bytes of zip archives (RFC 1951), by zlib.
enum Inflate {
  /// A byte of a stream makes no more than this many: a copy of 258 in two bits.
  static let largestRatio = 1032

  /// The bytes in `range` of the inflated `source`; `what` names it in errors. Throws
  /// `CheckpointError.invalidDeflate` if it has fewer bytes, and `.stopped` soon after
  /// `shouldStop` says so.
  static func bytes(
    _ source: Bytes, in range: Range<Int>, of what: String,
    shouldStop: @Sendable () -> Bool = { false }
  ) throws(CheckpointError) -> Bytes {
    try check(source, count: range.upperBound, of: what)
    var ending = Int32(PARE_INFLATED)
    var used = 0
    let result = unsafe Bytes(
      Mapping(count: range.count) { target in
        unsafe source.withUnsafeBytes { source in
          withoutActuallyEscaping(shouldStop) { shouldStop in
            unsafe withUnsafePointer(to: shouldStop) { context in
              ending = unsafe pare_inflate(
                source.baseAddress, source.count, range.lowerBound, target.baseAddress,
                range.count,
                {
                  unsafe $0?.assumingMemoryBound(to: (@Sendable () -> Bool).self).pointee() == true
                    ? 1 : 0
                }, context, &used)
            }
          }
        }
      })
    switch Int(ending) {
    case PARE_INFLATED: return result
    case PARE_STOPPED: throw .stopped
    case PARE_ENDS_EARLY:
      throw .invalidDeflate(
        name: what, offset: used, reason: "it ends before \(range.upperBound) bytes came of it")
    default: throw .invalidDeflate(name: what, offset: used, reason: "it is no deflate")
    }
  }

  /// Throws if the compressed bytes are too few to inflate to `count` bytes.
  static func check(
    _ source: Bytes, count: Int, of what: String
  ) throws(CheckpointError) {
    guard count / largestRatio <= source.count else {
      throw .invalidDeflate(
        name: what, offset: 0, reason: "\(source.count) bytes cannot stand for \(count)")
    }
  }
}
