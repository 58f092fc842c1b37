internal import Backend
internal import Models

/// Keys and values of the positions that several streams of text have seen, turned already.
///
///     block → stream → position → [ keys (keyWidth) │ values (valueWidth) ]
@safe
package final class KeyValueMemory {
  /// Positions there is room for in a stream.
  let capacity: Int
  private let streams: Int
  private let widths: [Int]
  /// Where each block begins.
  private let starts: [Int]
  private let buffer: AlignedBuffer

  /// Throws `NetworkError.outOfMemory`.
  init(_ config: ModelConfig, streams: Int, capacity: Int) throws {
    self.capacity = capacity
    self.streams = streams
    widths = (0..<config.blocks).map { block in
      let shape = config.shape(of: block)
      return shape.keyWidth + shape.valueWidth
    }
    try WorkingMemory.require(
      [[streams, capacity, widths.reduce(0, +)]], for: "what \(capacity) tokens leave behind")
    var (starts, end): ([Int], Int) = ([], 0)
    for width in widths {
      starts.append(end)
      end += streams * capacity * width
    }
    self.starts = starts
    buffer = AlignedBuffer(end)
  }

  /// Values from one position to the next.
  func stride(block: Int) -> Int { widths[block] }

  /// A stream's first position.
  func rows(block: Int, stream: Int) -> UnsafeMutablePointer<Float> {
    unsafe buffer.floats + starts[block] + stream * capacity * widths[block]
  }
}
