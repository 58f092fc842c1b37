/// What one thread of a crew works with.
package final class Hand {
  package let engine: MatrixEngine
  private var weights = AlignedBuffer(0)
  private var room = 0
  private var sums = AlignedBuffer(0)
  private var sumRoom = 0
  private var panels: [PanelKey: Panels] = [:]

  private struct PanelKey: Hashable {
    let numbers: Numbers
    let isShort: Bool
    let slot: Int
  }

  package init() throws { engine = try MatrixEngine() }

  /// Room for so many values; their content is undefined.
  package func scratch(_ count: Int) -> UnsafeMutablePointer<Float> {
    if count > room {
      weights = AlignedBuffer(count)
      room = count
    }
    return unsafe weights.floats
  }

  /// Room for sums of products.
  package func sums(_ count: Int) -> UnsafeMutablePointer<Float> {
    if count > sumRoom {
      sums = AlignedBuffer(count)
      sumRoom = count
    }
    return unsafe sums.floats
  }

  /// Room for some rows of weights, whose content is undefined; `slot` tells apart what is needed
  /// at once.
  package func panels(
    _ count: Int, columns: Int, _ numbers: Numbers, isShort: Bool, slot: Int
  ) -> Panels {
    let key = PanelKey(numbers: numbers, isShort: isShort, slot: slot)
    let known = panels[key] ?? Panels(count, columns: columns, numbers, isShort: isShort)
    panels[key] = known
    known.resize(count, columns: columns)
    return known
  }
}
