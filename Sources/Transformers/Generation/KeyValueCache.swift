/// Keys and values of the positions a network has seen, for several streams of
/// text side by side.
///
///     block → stream → position → [ keys (width) │ values (width) ]
@safe
final class KeyValueCache {
  let streams: Int
  /// Positions there is room for in a stream.
  let capacity: Int
  private let width: Int
  private let buffer: AlignedBuffer

  init(_ configuration: Configuration, streams: Int, capacity: Int) {
    self.streams = streams
    self.capacity = capacity
    width = configuration.width
    buffer = AlignedBuffer(configuration.blocks * streams * capacity * 2 * width)
  }

  /// Values from one position to the next.
  var stride: Int { 2 * width }

  /// Keys of a stream's first position; its values are `width` further on.
  func rows(block: Int, stream: Int) -> UnsafeMutablePointer<Float> {
    unsafe buffer.floats + (block * streams + stream) * capacity * stride
  }

  /// Keeps the first `count` positions of the first stream; rows of `qkv` hold
  /// queries, keys and values.
  func store(block: Int, qkv: UnsafePointer<Float>, count: Int) {
    let target = unsafe rows(block: block, stream: 0)
    for row in 0..<count {
      unsafe (target + row * stride).update(from: qkv + row * 3 * width + width, count: stride)
    }
  }
}
