internal import Backend
internal import Models

/// Keys and values of the positions that several streams of text have seen, turned already.
///
///     block → stream → position → [ keys (keyWidth) │ values (valueWidth) ]
@safe
package final class KeyValueMemory {
  /// Positions there is room for in a stream.
  let capacity: Int
  private let widths: [Int]
  /// Where each block begins.
  private let starts: [Int]
  private let buffer: AlignedBuffer
  private let isHalf: Bool

  /// Keys and values are f32, or rounded to bf16 where `isHalf`. Throws
  /// `NetworkError.outOfMemory`.
  init(_ config: ModelConfig, streams: Int, capacity: Int, isHalf: Bool) throws {
    (self.capacity, self.isHalf) = (capacity, isHalf)
    widths = (0..<config.blocks).map { block in
      let shape = config.shape(of: block)
      return shape.keyWidth + shape.valueWidth
    }
    let width = widths.reduce(0, +)
    try WorkingMemory.require(
      [[streams, capacity, isHalf ? (width + 1) / 2 : width]],
      for: "what \(capacity) tokens leave behind")
    var (starts, end): ([Int], Int) = ([], 0)
    for width in widths {
      starts.append(end)
      end += streams * capacity * width
    }
    self.starts = starts
    buffer = AlignedBuffer(isHalf ? (end + 1) / 2 : end)
  }

  /// A stream's positions, a row each.
  func rows(block: Int, stream: Int) -> Values {
    Values(
      buffer, offset: starts[block] + stream * capacity * widths[block], stride: widths[block],
      isHalf: isHalf)
  }
}
