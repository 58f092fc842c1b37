internal import Models

/// Keys and values of the positions that several streams of text have seen, turned already.
@safe
final class KeyValueMemory {
  /// Positions there is room for in a stream.
  let capacity: Int
  let streams: Int
  private let width: Int
  private let keys: AlignedBuffer
  private let values: AlignedBuffer

  init(_ config: ModelConfig, streams: Int, capacity: Int) {
    self.capacity = capacity
    self.streams = streams
    width = config.keyWidth
    let count = config.blocks * streams * capacity * width
    keys = AlignedBuffer(count)
    values = AlignedBuffer(count)
  }

  /// The first position of a stream.
  func keys(block: Int, stream: Int) -> UnsafeMutablePointer<Float> {
    unsafe keys.floats + (block * streams + stream) * capacity * width
  }

  func values(block: Int, stream: Int) -> UnsafeMutablePointer<Float> {
    unsafe values.floats + (block * streams + stream) * capacity * width
  }
}
