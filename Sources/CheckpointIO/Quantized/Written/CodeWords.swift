internal import Tensors

/// Words of 32 bits that codes are packed into, lowest bits first.
struct CodeWords {
  private(set) var words: [UInt32]

  init(_ words: [UInt32]) { self.words = words }

  /// Streams of `length` codes each. Word w of stream s is number w × `step` + s × `stride`; codes
  /// may go from one word into the next.
  init(
    streams: Int, length: Int, bits: Int, step: Int, stride: Int, code: (Int, Int) -> UInt32
  ) {
    words = [UInt32](repeating: 0, count: streams * Parallel.chunks(length * bits, of: 32))
    for stream in 0..<streams {
      var place = stream * stride
      var (window, filled): (UInt64, Int) = (0, 0)
      for index in 0..<length {
        window |= UInt64(code(stream, index)) << UInt64(filled)
        filled += bits
        if filled >= 32 {
          words[place] = UInt32(truncatingIfNeeded: window)
          place += step
          window >>= 32
          filled -= 32
        }
      }
      if filled > 0 { words[place] = UInt32(truncatingIfNeeded: window) }
    }
  }

  /// Little-endian.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * 4)
    for word in words {
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
  }
}
