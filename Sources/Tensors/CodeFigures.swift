/// What the codes of a matrix are like, and the scales they are multiples of.
public struct CodeFigures: Sendable, Hashable {
  /// A value that codes can have, and how many weights have it.
  public struct Code: Sendable, Hashable {
    public let value: Int
    public let count: Int
  }

  /// Every value that a code can have, ascending.
  public let codes: [Code]
  /// Of all groups, times their blocks' where those have scales.
  public let scales: ValueSpread?
  /// Of blocks whose groups have scales of their own.
  public let blockScales: ValueSpread?
  /// What is added to code × scale; nil where nothing is.
  public let minima: ValueSpread?
  /// Weights that share a scale.
  public let groupSize: Int

  /// How many weights there are.
  public var count: Int { codes.reduce(0) { $0 + $1.count } }

  /// The share of the weights that have a code, 0…1.
  public func share(of code: Code) -> Double {
    let count = count
    return count == 0 ? 0 : Double(code.count) / Double(count)
  }
}

extension CodeFigures {
  /// Reads a matrix of blocks at any address, part by part; nil when stopped. With a mask
  /// only kept weights count, and scales that have any.
  /// Precondition: as `Tensor.init(_:dequantizing:from:)`.
  public init?(
    _ shape: Shape, _ bytes: UnsafeRawBufferPointer, of format: BlockFormat,
    keeping kept: Mask? = nil, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    let blocks = shape.count / format.weightCount
    // A chunk is a whole number of every format's blocks.
    let size = Parallel.chunk / format.weightCount
    let range = BlockLayout(format).range
    let counts = CodeCounts(range)
    let source = unsafe Shared(bytes)
    let isFinished = Parallel.forEach(
      count: Parallel.chunks(blocks, of: size), threads: threads, shouldStop: shouldStop
    ) { index in
      let part = Parallel.range(index, of: blocks, size: size)
      let codes = unsafe BlockCodes(
        [part.count, format.weightCount],
        UnsafeRawBufferPointer(
          rebasing: source.pointer[
            part.lowerBound * format.byteCount..<part.upperBound * format.byteCount]),
        of: format, threads: 1)
      if let codes { counts.add(codes, at: part.lowerBound * format.weightCount, keeping: kept) }
    }
    guard isFinished, !shouldStop() else { return nil }
    self = counts.figures(values: format.codeValues, groupSize: format.groupWeightCount)
  }

  /// Of weights that lie on a grid; nil when stopped, and if the grid does not belong to the
  /// weights.
  public init?(
    of tensor: Tensor, on grid: QuantizationGrid, threads: Int = Parallel.defaultThreads,
    shouldStop: @Sendable () -> Bool = { false }
  ) {
    let shape = tensor.shape
    guard grid.covers(shape) else { return nil }
    let counts = CodeCounts(grid.codes)
    let size = max(1, Parallel.chunk / max(shape.columns, 1))
    let isFinished = Parallel.forEach(
      count: Parallel.chunks(shape.rows, of: size), threads: threads, shouldStop: shouldStop
    ) { index in
      var table = [Int](repeating: 0, count: grid.codes.count)
      for row in Parallel.range(index, of: shape.rows, size: size) {
        for column in 0..<shape.columns {
          let code = grid.code(of: tensor[row, column], row: row, column: column, in: shape)
          table[code - grid.codes.lowerBound] += 1
        }
      }
      counts.add(table)
    }
    guard isFinished, !shouldStop() else { return nil }
    self.init(
      codes: counts.codes(Array(grid.codes)), scales: ValueSpread(grid.scales), blockScales: nil,
      minima: nil, groupSize: min(grid.groupSize, shape.count))
  }
}

/// Least, middle and greatest of some numbers.
public struct ValueSpread: Sendable, Hashable {
  public let minimum: Float
  /// Of an even number the lower one of the two in the middle.
  public let median: Float
  public let maximum: Float
  /// How many there are that are finite.
  public let count: Int

  /// nil if no value is finite. O(n).
  public init?(_ values: [Float]) {
    let keys = values.lazy.filter(\.isFinite).map { Self.key($0) }
    guard let least = keys.min(), let greatest = keys.max() else { return nil }
    count = keys.reduce(0) { sum, _ in sum + 1 }
    minimum = Self.value(least)
    maximum = Self.value(greatest)
    // A radix search in two rounds: the high half of the keys, then the low half.
    let rank = (count - 1) / 2
    var table = [Int](repeating: 0, count: 1 << 16)
    for key in keys { table[Int(key >> 16)] += 1 }
    let (high, before) = Self.bucket(of: rank, in: table)
    table = [Int](repeating: 0, count: 1 << 16)
    for key in keys where key >> 16 == high { table[Int(key & 0xffff)] += 1 }
    let (low, _) = Self.bucket(of: rank - before, in: table)
    median = Self.value(UInt32(high) << 16 | UInt32(low))
  }

  private static func bucket(of rank: Int, in table: [Int]) -> (index: Int, before: Int) {
    var before = 0
    for (index, count) in table.enumerated() {
      if before + count > rank { return (index, before) }
      before += count
    }
    return (table.count - 1, before)
  }

  /// Bits that are ordered as the numbers are.
  private static func key(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits >> 31 == 0 ? bits | 1 << 31 : ~bits
  }

  private static func value(_ key: UInt32) -> Float {
    Float(bitPattern: key >> 31 == 1 ? key & ~(1 << 31) : ~key)
  }
}
