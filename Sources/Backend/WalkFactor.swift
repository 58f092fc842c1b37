internal import CKernels
package import Tensors

/// H + λI = L Lᵀ of a layer's inputs, in the order in which a walk goes over its columns: row a of L
/// belongs to the column `order[a]`, and the walk goes from the last to the first (`walk.h`).
@safe
package final class WalkFactor {
  /// The layer's column of each row of L.
  package let order: [Int]
  /// λ, as a share of the mean of H's diagonal: what was asked for, or more where that was not enough.
  package let damping: Double
  /// L in f32, 0 above its diagonal.
  let factor: AlignedBuffer

  package var count: Int { order.count }

  /// Columns that are walked over, or factorised, at once.
  private static let panel = 64
  private static let band = 32
  /// Rows of weights that a thread works on at once.
  private static let rowTile = 64
  private static let mostDamping = 10.0

  /// The order of columns in a walk.
  package enum Order: Sendable {
    /// As they are.
    case given
    /// Those with the largest inputs first (GPTQ's act-order).
    case largestFirst
  }

  /// nil when stopped. Where H + λI has no factor, λ becomes ten times as much, until it has one.
  package convenience init?(
    _ products: InputProducts, order: Order, damping: Double, crew: Crew,
    shouldStop: @Sendable () -> Bool
  ) {
    let squares = products.filledSquares
    let walk =
      switch order {
      case .given: Array(squares.values.indices)
      case .largestFirst:
        squares.values.indices.sorted {
          (Double(products.product($0, $0)), $1) > (Double(products.product($1, $1)), $0)
        }
      }
    self.init(
      order: walk.reversed(), damping: damping, unit: squares.mean, crew: crew,
      shouldStop: shouldStop
    ) { $0 == $1 ? squares.values[$0] : Double(products.product($0, $1)) }
  }

  /// The same of any symmetric matrix, by its values; λ is `damping × unit`.
  init?(
    order: [Int], damping: Double, unit: Double, crew: Crew, shouldStop: @Sendable () -> Bool,
    value: (_ row: Int, _ column: Int) -> Double
  ) {
    let n = order.count
    self.order = order
    factor = AlignedBuffer(n * n)
    let wide = AlignedBuffer(2 * n * n)
    var share = damping
    while true {
      for a in 0..<n {
        for b in 0...a { unsafe wide.doubles[a * n + b] = value(order[a], order[b]) }
        unsafe wide.doubles[a * n + a] += share * unit
      }
      guard let isDone = Self.factorise(wide, n, crew, shouldStop) else { return nil }
      if isDone || share > Self.mostDamping { break }
      share = max(share * 10, 1e-8)
    }
    self.damping = share
    for a in 0..<n {
      for b in 0..<n {
        unsafe factor.floats[a * n + b] = b <= a ? Float(wide.doubles[a * n + b]) : 0
      }
    }
  }

  /// Puts L in the place of the lower half of a matrix. nil when stopped, false where it is not
  /// positive definite.
  private static func factorise(
    _ matrix: AlignedBuffer, _ n: Int, _ crew: Crew, _ shouldStop: @Sendable () -> Bool
  ) -> Bool? {
    let rows = unsafe matrix.doubles
    for first in stride(from: 0, to: n, by: panel) {
      if shouldStop() { return nil }
      let width = min(panel, n - first)
      let bands = (n - first + band - 1) / band
      crew.run(bands) { _, index in
        let row = first + index * band
        let count = min(band, n - row)
        unsafe pare_subtract_rows(
          KernelLevel.best, count, min(width, row + count - first), first, rows + row * n, n,
          rows + first * n, n, rows + row * n + first, n)
      }
      for j in first..<first + width {
        let own = unsafe rows + j * n
        for i in first..<j {
          let other = unsafe rows + i * n
          var sum = unsafe own[i]
          for k in first..<i { unsafe sum -= own[k] * other[k] }
          unsafe own[i] = sum / other[i]
        }
        var sum = unsafe own[j]
        for k in first..<j { unsafe sum -= own[k] * own[k] }
        guard sum > 0, sum.isFinite else { return false }
        unsafe own[j] = sum.squareRoot()
      }
      let rest = n - first - width
      crew.run((rest + band - 1) / band) { _, index in
        let start = first + width + index * band
        for row in start..<min(start + band, n) {
          let own = unsafe rows + row * n
          for i in first..<first + width {
            let other = unsafe rows + i * n
            var sum = unsafe own[i]
            for k in first..<i { unsafe sum -= own[k] * other[k] }
            unsafe own[i] = sum / other[i]
          }
        }
      }
    }
    return true
  }
}

extension WalkFactor {
  /// W + share · W E (H + λI)⁻¹: with a share of 1 the weights that give, with the inputs x̂ that there
  /// are, what W gave with the inputs x that there were, as nearly as they can. W is `weights` in the
  /// layer's own order of columns, E the products' drift. nil when stopped.
  package func corrected(
    _ weights: Tensor, for products: InputProducts, share: Float = 1, crew: Crew, hands: [Hand],
    shouldStop: @Sendable () -> Bool
  ) -> Tensor? {
    guard let drift = unsafe products.drift else { return weights }
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    let (plain, walk) = (AlignedBuffer(m * n), AlignedBuffer(m * n))
    crew.forEachRows(of: m, atOnce: Self.rowTile) { worker, rows in
      if shouldStop() { return }
      let hand = hands[worker]
      unsafe weights.withUnsafeValues { values in
        guard let values = values.baseAddress else { return }
        unsafe hand.engine.multiply(
          ProductSize(m: rows.count, n: n, k: n),
          Operand(values + rows.lowerBound * n, stride: n), Operand(drift, stride: n),
          into: Operand(plain.floats + rows.lowerBound * n, stride: n), ProductForm(isHalf: false))
      }
      for row in rows {
        for a in 0..<n { unsafe walk.floats[row * n + a] = plain.floats[row * n + order[a]] }
      }
      solve(rows, walk, hand)
    }
    if shouldStop() { return nil }
    return unsafe weights.withUnsafeValues { values in
      unsafe Tensor(weights.shape) { out in
        for row in 0..<m {
          for a in 0..<n {
            let index = row * n + order[a]
            unsafe out[index] = values[index] + share * walk.floats[row * n + a]
          }
        }
      }
    }
  }

  /// tr D (H + λI) Dᵀ = ‖D L‖² with D = W − W′, in the layer's own order of columns: the squared error of
  /// what the layer gives. nil when stopped.
  package func loss(
    from weights: Tensor, to others: Tensor, crew: Crew, hands: [Hand],
    shouldStop: @Sendable () -> Bool
  ) -> Double? {
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    let turned = AlignedBuffer(m * n)
    var sums = [Double](repeating: 0, count: (m + Self.rowTile - 1) / Self.rowTile)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      let sums = unsafe Shared(sums)
      crew.forEachRows(of: m, atOnce: Self.rowTile) { worker, rows in
        if shouldStop() { return }
        unsafe weights.withUnsafeValues { weights in
          unsafe others.withUnsafeValues { others in
            for row in rows {
              for a in 0..<n {
                let index = row * n + order[a]
                unsafe turned.floats[row * n + a] = weights[index] - others[index]
              }
            }
          }
        }
        let hand = hands[worker]
        let room = unsafe hand.scratch(rows.count * n)
        unsafe hand.engine.multiply(
          ProductSize(m: rows.count, n: n, k: n),
          Operand(turned.floats + rows.lowerBound * n, stride: n),
          Operand(factor.floats, stride: n), into: Operand(room, stride: n),
          ProductForm(isHalf: false))
        var sum = 0.0
        for i in 0..<rows.count * n { unsafe sum += Double(room[i]) * Double(room[i]) }
        unsafe sums.pointer[rows.lowerBound / Self.rowTile] = sum
      }
    }
    return shouldStop() ? nil : sums.reduce(0, +)
  }

  /// X L Lᵀ = B in place, for some rows.
  func solve(_ rows: Range<Int>, _ values: AlignedBuffer, _ hand: Hand) {
    let n = count
    let width = Int(PARE_WALK_COLUMNS)
    let blocks = stride(from: 0, to: n, by: width).map { $0..<min($0 + width, n) }
    let start = unsafe values.floats + rows.lowerBound * n
    for isBack in [false, true] {
      for columns in isBack ? blocks.reversed() : blocks {
        let others = isBack ? columns.upperBound..<n : 0..<columns.lowerBound
        if !others.isEmpty {
          // Forward with the rows of L, back with its columns.
          let place = isBack ? others.lowerBound * n + columns.lowerBound : columns.lowerBound * n
          let part = unsafe Operand(factor.floats + place, stride: n, isTransposed: !isBack)
          let room = unsafe hand.scratch(rows.count * columns.count)
          unsafe hand.engine.multiply(
            ProductSize(m: rows.count, n: columns.count, k: others.count),
            Operand(start + others.lowerBound, stride: n), part,
            into: Operand(room, stride: columns.count), ProductForm(isHalf: false))
          for row in 0..<rows.count {
            let target = unsafe start + row * n + columns.lowerBound
            for a in 0..<columns.count { unsafe target[a] -= room[row * columns.count + a] }
          }
        }
        var block = unsafe block(columns)
        let most = Int(PARE_WALK_ROWS)
        for row in stride(from: 0, to: rows.count, by: most) {
          unsafe pare_solve_rows(
            KernelLevel.best, &block, isBack ? 1 : 0, min(most, rows.count - row),
            start + row * n + columns.lowerBound, n)
        }
      }
    }
  }

  /// The part of L for some columns.
  func block(_ columns: Range<Int>) -> pare_walk_block {
    let (n, first) = (count, columns.lowerBound)
    return unsafe pare_walk_block(
      factor: factor.floats + first * n + first, stride: n, columns: columns.count)
  }
}

extension WalkFactor {
  /// A number of L.
  package subscript(row: Int, column: Int) -> Float {
    precondition(row < count && column < count)
    return unsafe factor.floats[row * count + column]
  }
}
