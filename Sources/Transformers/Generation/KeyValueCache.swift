/// Keys and values of the positions a network has seen, for several streams of
/// text side by side.
///
///     block → stream → position → [ keys (keyWidth) │ values (valueWidth) ]
@safe
final class KeyValueCache {
  let streams: Int
  /// Positions there is room for in a stream.
  let capacity: Int
  private let shapes: [BlockShape]
  /// Where each block begins.
  private let starts: [Int]
  private let buffer: AlignedBuffer

  init(_ shapes: [BlockShape], streams: Int, capacity: Int) {
    self.streams = streams
    self.capacity = capacity
    self.shapes = shapes
    var (starts, end): ([Int], Int) = ([], 0)
    for shape in shapes {
      starts.append(end)
      end += streams * capacity * KeyValueCache.width(shape)
    }
    self.starts = starts
    buffer = AlignedBuffer(end)
  }

  /// Values that a block leaves behind for one position.
  static func width(_ shape: BlockShape) -> Int { shape.keyWidth + shape.valueWidth }

  /// Values from one position to the next.
  func stride(block: Int) -> Int { KeyValueCache.width(shapes[block]) }

  /// Keys of a stream's first position; its values are `keyWidth` further on.
  func rows(block: Int, stream: Int) -> UnsafeMutablePointer<Float> {
    unsafe buffer.floats + starts[block] + stream * capacity * stride(block: block)
  }

  /// Keeps the first `count` positions of the first stream; rows of `qkv` hold
  /// queries, keys and values.
  func store(block: Int, qkv: UnsafePointer<Float>, count: Int) {
    let (shape, stride) = (shapes[block], stride(block: block))
    let target = unsafe rows(block: block, stream: 0)
    for row in 0..<count {
      unsafe (target + row * stride).update(
        from: qkv + row * shape.qkvWidth + shape.keyWidth, count: stride)
    }
  }
}
