import CKernels

extension Mask {
  /// Keeps every weight.
  public init(keepingAll shape: Shape) {
    let count = shape.count
    var words = [UInt64](repeating: .max, count: (count + 63) / 64)
    if count % 64 != 0 { words[words.count - 1] = 1 << UInt64(count % 64) - 1 }
    self.init(shape: shape, words: words)
  }

  /// Keeps the weights with |w| > `threshold`, and NaNs. nil when stopped.
  public init?(
    keepingAbove threshold: Float, of tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    let bits = threshold >= 0 ? Int32(bitPattern: threshold.bitPattern) : -1
    var counts = [Int](repeating: 0, count: Parallel.chunks(tensor.shape.count))
    guard
      let words = MaskWords.compare(
        tensor, threshold: bits, ties: -1, counts: &counts, threads: threads,
        shouldStop: shouldStop)
    else { return nil }
    self.init(shape: tensor.shape, words: words)
  }

  /// Keeps the weights that are not 0 or −0. nil when stopped.
  public init?(
    nonzerosOf tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    self.init(keepingAbove: 0, of: tensor, threads: threads, shouldStop: shouldStop)
  }

  /// The tensor with 0 where a weight is pruned; what is kept keeps its bits.
  /// nil when stopped. Precondition: equal shapes.
  public func applying(
    to tensor: Tensor, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) -> Tensor? {
    precondition(shape == tensor.shape, "a mask has the shape of its tensor")
    let count = shape.count
    let unit = Parallel.chunk(filling: count)
    // What does not stay in a cache is written past it, from a boundary of its lines on.
    let isLarge = count * MemoryLayout<Float>.stride > 24 << 20
    var finished = true
    let masked = unsafe Tensor(shape) { out in
      guard let out = out.baseAddress else { return }
      let isStreamed = isLarge && UInt(bitPattern: out) % 64 == 0
      let target = unsafe Shared(out)
      finished = unsafe tensor.withUnsafeValues { values in
        unsafe words.withUnsafeBufferPointer { words in
          guard let start = values.baseAddress, let bits = words.baseAddress else { return true }
          let (source, mask) = unsafe (Shared(start), Shared(bits))
          return Parallel.forEach(
            count: Parallel.chunks(count, of: unit), threads: threads, shouldStop: shouldStop
          ) { chunk in
            let range = Parallel.range(chunk, of: count, size: unit)
            unsafe pare_apply_mask(
              KernelLevel.best, source.pointer + range.lowerBound, range.count, mask.pointer,
              range.lowerBound, target.pointer + range.lowerBound, isStreamed ? 1 : 0)
          }
        }
      }
    }
    return finished ? masked : nil
  }

  /// Share of weights that are pruned, 0…1; 0 for no weights.
  public var sparsity: Double {
    shape.count == 0 ? 0 : 1 - Double(keptCount) / Double(shape.count)
  }

  /// Keeps what both keep. Precondition: equal shapes.
  public func intersection(_ other: Mask) -> Mask { combined(other, &) }

  /// Keeps what either keeps. Precondition: equal shapes.
  public func union(_ other: Mask) -> Mask { combined(other, |) }

  /// How many weights one keeps and the other prunes. Precondition: equal shapes.
  public func differenceCount(_ other: Mask) -> Int { combined(other, ^).keptCount }

  /// How many weights of each row are kept.
  public var keptCountPerRow: [Int] {
    let columns = shape.columns
    return (0..<shape.rows).map { keptCount(in: $0 * columns..<($0 + 1) * columns) }
  }

  /// How many of some consecutive weights (row-major) are kept.
  public func keptCount(in range: Range<Int>) -> Int {
    guard !range.isEmpty else { return 0 }
    let (first, last) = (range.lowerBound / 64, (range.upperBound - 1) / 64)
    let head = UInt64.max << UInt64(range.lowerBound % 64)
    let tail = UInt64.max >> UInt64(63 - (range.upperBound - 1) % 64)
    guard first < last else { return (words[first] & head & tail).nonzeroBitCount }
    var kept = (words[first] & head).nonzeroBitCount + (words[last] & tail).nonzeroBitCount
    for word in first + 1..<last { kept += words[word].nonzeroBitCount }
    return kept
  }

  /// The kept share, 0…1, of each cell of a picture of a region.
  ///
  /// - Returns: `cells.rows × cells.columns` shares, row by row. Cells divide the
  ///   region evenly; with more cells than rows or columns, some show the same.
  public func density(
    rows: Range<Int>, columns: Range<Int>, cells: (rows: Int, columns: Int)
  ) -> [Float] {
    let down = CellRanges(rows.clamped(to: 0..<shape.rows), count: cells.rows)
    let across = CellRanges(columns.clamped(to: 0..<shape.columns), count: cells.columns)
    var shares = [Float](repeating: 0, count: down.count * across.count)
    guard !down.isEmpty, !across.isEmpty else { return shares }
    for cellRow in 0..<down.count {
      for cellColumn in 0..<across.count {
        let (lines, places) = (down[cellRow], across[cellColumn])
        var kept = 0
        for row in lines {
          let start = row * shape.columns
          kept += keptCount(in: start + places.lowerBound..<start + places.upperBound)
        }
        shares[cellRow * across.count + cellColumn] =
          Float(kept) / Float(lines.count * places.count)
      }
    }
    return shares
  }

  private func combined(_ other: Mask, _ join: (UInt64, UInt64) -> UInt64) -> Mask {
    precondition(shape == other.shape, "masks of one shape are combined")
    return Mask(shape: shape, words: zip(words, other.words).map(join))
  }
}

/// How the rows or columns of a region share out among a picture's cells.
struct CellRanges {
  private let region: Range<Int>
  /// Number of cells, never negative.
  let count: Int

  init(_ region: Range<Int>, count: Int) {
    self.region = region
    self.count = max(count, 0)
  }

  /// Whether there is nothing to show.
  var isEmpty: Bool { region.isEmpty || count == 0 }

  /// What a cell covers: at least one row or column.
  subscript(cell: Int) -> Range<Int> {
    let start = region.lowerBound + cell * region.count / count
    let end = region.lowerBound + (cell + 1) * region.count / count
    return start..<max(end, start + 1)
  }
}
