internal import Tensors

/// A matrix cut into tiles that stay or go as one; those at the right and lower
/// edge may be smaller. Single weights, channels and inputs are tiles too.
struct Units: Sendable, Hashable {
  let rows: Int
  let columns: Int
  /// Rows and columns of a whole tile.
  let height: Int
  let width: Int

  /// Tiles one below the other, and side by side.
  var down: Int { (rows + height - 1) / height }
  var across: Int { (columns + width - 1) / width }
  var count: Int { down * across }
  var areSingleWeights: Bool { height == 1 && width == 1 }

  init(_ shape: Shape, height: Int, width: Int) {
    rows = shape.rows
    columns = shape.columns
    self.height = max(height, 1)
    self.width = max(width, 1)
  }

  /// Rows of the matrix that tiles of row `index` span.
  func rowRange(_ index: Int) -> Range<Int> {
    index * height..<min((index + 1) * height, rows)
  }

  /// Columns of the matrix that tiles of column `index` span.
  func columnRange(_ index: Int) -> Range<Int> {
    index * width..<min((index + 1) * width, columns)
  }
}

extension Prune {
  /// What goes as one in a layer of that shape.
  func units(of shape: Shape) -> Units {
    switch structure {
    case .none, .nOfM: Units(shape, height: 1, width: 1)
    case .tile: Units(shape, height: tileRows, width: tileColumns)
    case .channel: Units(shape, height: 1, width: shape.columns)
    case .input: Units(shape, height: shape.rows, width: 1)
    }
  }

  /// Weights that stay of a group of `length` consecutive inputs.
  func keepCount(ofGroup length: Int) -> Int { (n * length + m - 1) / m }
}

extension Units {
  /// The weights of the units that a mask over units keeps.
  func weights(of kept: Mask, in shape: Shape) -> Mask {
    if areSingleWeights { return kept }
    var words = [UInt64](repeating: 0, count: (shape.count + 63) / 64)
    for tileRow in 0..<down {
      for tile in 0..<across where kept[tileRow * across + tile] {
        let columns = columnRange(tile)
        for row in rowRange(tileRow) {
          let start = row * self.columns
          Self.set(start + columns.lowerBound..<start + columns.upperBound, in: &words)
        }
      }
    }
    return Mask(shape: shape, words: words)
  }

  /// Sets consecutive bits. Precondition: `range` is not empty.
  private static func set(_ range: Range<Int>, in words: inout [UInt64]) {
    let (first, last) = (range.lowerBound >> 6, (range.upperBound - 1) >> 6)
    let head = UInt64.max << UInt64(range.lowerBound & 63)
    let tail = UInt64.max >> UInt64(63 - (range.upperBound - 1) & 63)
    if first == last {
      words[first] |= head & tail
      return
    }
    words[first] |= head
    for word in first + 1..<last { words[word] = .max }
    words[last] |= tail
  }
}
