/// What one thread of a crew works with.
package final class Hand {
  package let engine: MatrixEngine
  /// Weights of some channels, as f32.
  private var weights = AlignedBuffer(0)
  private var room = 0

  package init() throws { engine = try MatrixEngine() }

  /// Room for so many values; their content is undefined.
  package func scratch(_ count: Int) -> UnsafeMutablePointer<Float> {
    if count > room {
      weights = AlignedBuffer(count)
      room = count
    }
    return unsafe weights.floats
  }
}
