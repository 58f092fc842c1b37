internal import CKernels
internal import Tensors

/// Sums over the inputs of a linear layer, `columns` numbers each: their squares; H = Σ x̂ x̂ᵀ; and
/// E = Σ (x − x̂) x̂ᵀ, where x are the inputs of the model as it was. They are raw, so those of several
/// texts may be added.
@safe
package final class InputProducts {
  /// What is summed; each of them with those before.
  package enum Kind: Int, Sendable, Comparable {
    case squares, products, drift
    package static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
  }

  package let columns: Int
  package let kind: Kind
  /// Inputs that were added.
  package private(set) var count = 0
  private var squares: [Double]
  /// H on and above its diagonal tiles, `columns × columns`.
  private let products: AlignedBuffer
  private let drifts: AlignedBuffer?
  private let isHalf: Bool

  /// Rows and columns of the sums that a thread adds to at once.
  private static let tile = 192
  /// Inputs that are added at once.
  private static let some = 4096

  /// Sums of nothing. Inputs are rounded to bf16 where that is quicker, sums are f32.
  package init(columns: Int, _ kind: Kind, isHalf: Bool = MatrixEngine.hasFastBF16) {
    (self.columns, self.kind, self.isHalf) = (columns, kind, isHalf)
    squares = [Double](repeating: 0, count: columns)
    products = Self.zeros(kind >= .products ? columns * columns : 0)
    drifts = kind == .drift ? Self.zeros(columns * columns) : nil
  }

  private static func zeros(_ count: Int) -> AlignedBuffer {
    let buffer = AlignedBuffer(count)
    unsafe buffer.floats.update(repeating: 0, count: count)
    return buffer
  }

  /// Adds `count` inputs, neighbours in memory; `before` are those of the model as it was. The
  /// digits do not depend on the number of threads.
  package func add(
    _ count: Int, _ inputs: UnsafePointer<Float>, before: UnsafePointer<Float>? = nil,
    crew: Crew, hands: [Hand], shouldStop: @Sendable () -> Bool
  ) throws {
    if kind == .squares { return unsafe addSquares(count, inputs, crew, shouldStop) }
    let room = Inputs(Self.some, columns, isHalf: isHalf)
    let difference = drifts == nil ? nil : Inputs(Self.some, columns, isHalf: isHalf)
    let tiles = Tiles(columns, size: Self.tile)
    for first in stride(from: 0, to: count, by: Self.some) {
      let some = min(Self.some, count - first)
      let x = unsafe inputs + first * columns
      forEachRows(of: some, crew) { rows in
        let start = rows.lowerBound * columns
        unsafe room.put(rows.count * columns, x + start, at: start)
        if let difference, let before = unsafe before {
          unsafe difference.put(
            rows.count * columns, before + first * columns + start, minus: x + start, at: start)
        }
      }
      let pairs = tiles.pairs(isWhole: false)
      let all = drifts == nil ? [] : tiles.pairs(isWhole: true)
      crew.run(pairs.count + all.count) { worker, index in
        if shouldStop() { return }
        if index < pairs.count {
          multiply(some, room, room, pairs[index], into: products, hands[worker])
        } else if let difference, let drifts {
          multiply(some, difference, room, all[index - pairs.count], into: drifts, hands[worker])
        }
      }
      for hand in hands { try hand.engine.check() }
    }
    self.count += count
  }

  private func addSquares(
    _ count: Int, _ inputs: UnsafePointer<Float>, _ crew: Crew, _ shouldStop: @Sendable () -> Bool
  ) {
    let size = 64
    unsafe squares.withUnsafeMutableBufferPointer { squares in
      crew.run((columns + size - 1) / size) { _, index in
        if shouldStop() { return }
        let some = index * size..<min((index + 1) * size, columns)
        for row in 0..<count {
          let x = unsafe inputs + row * columns
          for column in some { unsafe squares[column] += Double(x[column]) * Double(x[column]) }
        }
      }
    }
    self.count += count
  }

  private func forEachRows(of count: Int, _ crew: Crew, _ body: (Range<Int>) -> Void) {
    crew.forEachRows(of: count, atOnce: 64) { _, rows in body(rows) }
  }

  /// Adds aᵀ · b of some inputs to a tile of sums.
  private func multiply(
    _ count: Int, _ a: Inputs, _ b: Inputs, _ tile: (rows: Range<Int>, columns: Range<Int>),
    into sums: AlignedBuffer, _ hand: Hand
  ) {
    unsafe hand.engine.multiply(
      ProductSize(m: tile.rows.count, n: tile.columns.count, k: count),
      Operand(a.place(tile.rows.lowerBound), stride: columns, isTransposed: true),
      Operand(b.place(tile.columns.lowerBound), stride: columns),
      into: Operand(
        sums.floats + tile.rows.lowerBound * columns + tile.columns.lowerBound, stride: columns),
      ProductForm(isHalf: isHalf, adds: true))
  }

  /// The sum of products of two inputs.
  @inline(__always)
  package func product(_ first: Int, _ second: Int) -> Float {
    let (low, high) = first < second ? (first, second) : (second, first)
    return unsafe products.floats[low * columns + high]
  }

  /// Σ (x − x̂)ᵢ x̂ⱼ, row by row; nil where it was not summed.
  package var drift: UnsafePointer<Float>? { unsafe drifts.map { unsafe UnsafePointer($0.floats) } }

  /// The mean square of each input.
  package var meanSquares: [Float] {
    (0..<columns).map { Float(square($0) / Double(max(count, 1))) }
  }

  /// The diagonal of H, with its mean in place of zeros: H must have a factor, and an input that is
  /// always 0 does not matter.
  var filledSquares: (values: [Double], mean: Double) {
    let squares = (0..<columns).map(square)
    let mean = squares.reduce(0, +) / Double(max(columns, 1))
    let filling = mean > 0 ? mean : 1
    return (squares.map { $0 > 0 ? $0 : filling }, filling)
  }

  private func square(_ index: Int) -> Double {
    kind == .squares ? squares[index] : Double(product(index, index))
  }

  /// The first input whose square is no finite number.
  package var notFinite: Int? { (0..<columns).first { !square($0).isFinite } }

  /// Some inputs, as they are multiplied.
  private final class Inputs {
    private let memory: AlignedBuffer
    private let isHalf: Bool

    init(_ rows: Int, _ columns: Int, isHalf: Bool) {
      memory = AlignedBuffer(isHalf ? (rows * columns + 1) / 2 : rows * columns)
      self.isHalf = isHalf
    }

    func place(_ index: Int) -> UnsafeMutableRawPointer {
      unsafe UnsafeMutableRawPointer(memory.floats) + index * (isHalf ? 2 : 4)
    }

    func put(_ count: Int, _ values: UnsafePointer<Float>, at index: Int) {
      if isHalf {
        unsafe pare_to_bf16(count, values, memory.halves + index)
      } else {
        unsafe (memory.floats + index).update(from: values, count: count)
      }
    }

    func put(
      _ count: Int, _ values: UnsafePointer<Float>, minus others: UnsafePointer<Float>,
      at index: Int
    ) {
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { room in
        for i in 0..<count { unsafe room[i] = unsafe values[i] - others[i] }
        guard let start = room.baseAddress else { return }
        unsafe put(count, start, at: index)
      }
    }
  }

  /// A square matrix cut into tiles.
  private struct Tiles {
    let ranges: [Range<Int>]

    init(_ columns: Int, size: Int) {
      ranges = stride(from: 0, to: columns, by: size).map { $0..<min($0 + size, columns) }
    }

    /// All tiles, or those on and above the diagonal.
    func pairs(isWhole: Bool) -> [(rows: Range<Int>, columns: Range<Int>)] {
      ranges.indices.flatMap { row in
        ranges.indices.compactMap { column in
          isWhole || column >= row ? (ranges[row], ranges[column]) : nil
        }
      }
    }
  }
}
