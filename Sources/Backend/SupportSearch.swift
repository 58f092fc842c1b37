package import Tensors

/// A search for the weights that stay and for their values, so that a layer's outputs change least:
/// min tr (W − W′) (H + λI) (W − W′)ᵀ with W′ in some set of masks, by ADMM (Meng et al., ALPS, 2024).
///
/// With columns scaled so that A = H + λI has a diagonal of 1, B for W and D for W′:
///
///     B = (W A + ρ (D − U)) (A + ρI)⁻¹,   D = B + U where the mask keeps it,   U = B + U − D
///
/// while ρ grows. What stays at the end gets the values of least squares by conjugate gradients.
@safe
package final class SupportSearch {
  /// Values of ρ, the first, and the factor from one to the next.
  private static let penalties = (count: 12, first: 0.1, growth: 1.6)
  /// Steps with each ρ.
  private static let steps = 5
  /// Steps of conjugate gradients.
  private static let refits = 12
  /// The most rows that a thread works on at once.
  private static let mostRows = 192
  /// Factors of more columns are made anew for each layer, as twelve of them take too much memory.
  private static let mostKeptColumns = 2048

  /// A, n × n.
  private let products: AlignedBuffer
  /// √ of the diagonal of H + λI.
  private let norms: [Float]
  /// Of A + ρI, by the number of ρ.
  private var factors: [Int: WalkFactor] = [:]
  private let crew: Crew
  private let hands: [Hand]

  /// Searches with a layer's inputs; λ is `damping` times the mean of H's diagonal.
  package init(_ products: InputProducts, damping: Double, crew: Crew, hands: [Hand]) {
    let n = products.columns
    let (squares, mean) = products.filledSquares
    let norms = squares.map { ($0 + damping * mean).squareRoot() }
    let scaled = AlignedBuffer(n * n)
    for a in 0..<n {
      for b in 0..<n {
        unsafe scaled.floats[a * n + b] =
          a == b ? 1 : Float(Double(products.product(a, b)) / norms[a] / norms[b])
      }
    }
    (self.products, self.norms) = (scaled, norms.map { Float($0) })
    (self.crew, self.hands) = (crew, hands)
  }

  private static func penalty(_ number: Int) -> Double {
    (0..<number).reduce(penalties.first) { rho, _ in rho * penalties.growth }
  }

  /// nil when stopped.
  private func factor(_ number: Int, _ shouldStop: @Sendable () -> Bool) -> WalkFactor? {
    if let known = factors[number] { return known }
    let (n, products) = (norms.count, products)
    let factor = WalkFactor(
      order: Array(0..<n), damping: Self.penalty(number), unit: 1, crew: crew,
      shouldStop: shouldStop, value: { unsafe Double(products.floats[$0 * n + $1]) })
    if n <= Self.mostKeptColumns { factors[number] = factor }
    return factor
  }

  /// The weights that stay, with new values, and their mask. `choose` gets a score for each weight, 0
  /// where `mask` has pruned it, and answers which weights stay. nil when stopped.
  package func run(
    _ weights: Tensor, mask: Mask?, shouldStop: @Sendable () -> Bool,
    choose: (Tensor) throws -> Mask
  ) throws -> (values: Tensor, mask: Mask)? {
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    let state = State(m * n)
    forEachTile(of: m) { rows, hand in
      unsafe weights.withUnsafeValues { values in
        for row in rows {
          for column in 0..<n {
            let index = row * n + column
            // W starts in D; the mask comes with the first choice.
            unsafe state.kept.floats[index] = values[index] * norms[column]
            unsafe state.rest.floats[index] = 0
          }
        }
      }
      multiply(rows, state.kept, into: state.target, hand)
    }
    func chosen(of values: AlignedBuffer) throws -> Mask {
      let chosen = try choose(scores(of: values, mask, weights.shape))
      return mask.map(chosen.intersection) ?? chosen
    }
    var stays = try chosen(of: state.kept)
    if shouldStop() { return nil }
    forEachTile(of: m) { rows, _ in keep(stays, rows, n, of: state.kept) }
    for number in 0..<Self.penalties.count {
      guard let factor = factor(number, shouldStop) else { return nil }
      let rho = Float(Self.penalty(number))
      let before = Float(Self.penalty(max(number - 1, 0)))
      for step in 0..<Self.steps {
        let shrink = step == 0 ? before / rho : 1
        forEachTile(of: m) { rows, hand in
          if shouldStop() { return }
          let count = rows.count * n
          let place = rows.lowerBound * n
          let (target, kept) = unsafe (state.target.floats + place, state.kept.floats + place)
          let (rest, best) = unsafe (state.rest.floats + place, state.best.floats + place)
          for index in 0..<count {
            unsafe rest[index] *= shrink
            unsafe best[index] = target[index] + rho * (kept[index] - rest[index])
          }
          factor.solve(rows, state.best, hand)
          for index in 0..<count { unsafe best[index] += rest[index] }
        }
        if shouldStop() { return nil }
        stays = try chosen(of: state.best)
        if shouldStop() { return nil }
        forEachTile(of: m) { rows, _ in
          let place = rows.lowerBound * n
          let (best, kept) = unsafe (state.best.floats, state.kept.floats)
          let rest = unsafe state.rest.floats
          for index in place..<place + rows.count * n {
            let value = unsafe best[index]
            let left = stays[index] ? value : 0
            unsafe kept[index] = left
            unsafe rest[index] = value - left
          }
        }
      }
    }
    forEachTile(of: m) { rows, hand in
      if shouldStop() { return }
      refit(rows, stays, state, hand)
    }
    if shouldStop() || hands.contains(where: \.engine.hasFailed) { return nil }
    let values = unsafe Tensor(weights.shape) { out in
      for row in 0..<m {
        for column in 0..<n {
          let index = row * n + column
          unsafe out[index] = stays[index] ? state.kept.floats[index] / norms[column] : 0
        }
      }
    }
    return (values, stays)
  }

  private func forEachTile(of rows: Int, _ body: (Range<Int>, Hand) -> Void) {
    // Four tiles, or a multiple of that, share out evenly; sums do not depend on the number of threads.
    let tiles = (rows + 4 * Self.mostRows - 1) / (4 * Self.mostRows) * 4
    let size = max((rows + tiles - 1) / tiles, 1)
    crew.forEachRows(of: rows, atOnce: size) { worker, rows in body(rows, hands[worker]) }
  }

  /// Some rows of X A.
  private func multiply(
    _ rows: Range<Int>, _ values: AlignedBuffer, into result: AlignedBuffer, _ hand: Hand
  ) {
    let n = norms.count
    let place = rows.lowerBound * n
    unsafe hand.engine.multiply(
      ProductSize(m: rows.count, n: n, k: n), Operand(values.floats + place, stride: n),
      Operand(products.floats, stride: n), into: Operand(result.floats + place, stride: n),
      ProductForm(isHalf: false))
  }

  private func scores(of values: AlignedBuffer, _ mask: Mask?, _ shape: Shape) -> Tensor {
    unsafe Tensor(shape) { out in
      let out = unsafe Shared(out)
      forEachTile(of: shape.rows) { rows, _ in
        for index in rows.lowerBound * shape.columns..<rows.upperBound * shape.columns {
          let isLeft = mask?[index] ?? true
          unsafe out.pointer[index] =
            isLeft ? max(abs(values.floats[index]), .leastNonzeroMagnitude) : 0
        }
      }
    }
  }

  private func keep(_ mask: Mask, _ rows: Range<Int>, _ n: Int, of values: AlignedBuffer) {
    for index in rows.lowerBound * n..<rows.upperBound * n where !mask[index] {
      unsafe values.floats[index] = 0
    }
  }

  /// Conjugate gradients for each of some rows, over the weights that stay.
  private func refit(_ rows: Range<Int>, _ mask: Mask, _ state: State, _ hand: Hand) {
    let n = norms.count
    let places = rows.map { $0 * n }
    // What is left of W A, then the directions and their products.
    let (left, way, product) = (state.target, state.best, state.rest)
    multiply(rows, state.kept, into: product, hand)
    var sizes: [Float] = []
    for place in places {
      var size: Float = 0
      for index in place..<place + n {
        let value = unsafe mask[index] ? left.floats[index] - product.floats[index] : 0
        unsafe left.floats[index] = value
        unsafe way.floats[index] = value
        size += value * value
      }
      sizes.append(size)
    }
    for _ in 0..<Self.refits {
      multiply(rows, way, into: product, hand)
      for (row, place) in places.enumerated() where sizes[row] > 0 {
        var length: Float = 0
        for index in place..<place + n {
          unsafe length += way.floats[index] * product.floats[index]
        }
        guard length > 0 else { continue }
        let step = sizes[row] / length
        var size: Float = 0
        for index in place..<place + n {
          unsafe state.kept.floats[index] += step * way.floats[index]
          let value = unsafe mask[index] ? left.floats[index] - step * product.floats[index] : 0
          unsafe left.floats[index] = value
          size += value * value
        }
        let turn = size / sizes[row]
        sizes[row] = size
        for index in place..<place + n {
          unsafe way.floats[index] = left.floats[index] + turn * way.floats[index]
        }
      }
    }
  }

  /// What a search works on, m × n each.
  private final class State {
    /// W A.
    let target: AlignedBuffer
    /// D.
    let kept: AlignedBuffer
    /// U.
    let rest: AlignedBuffer
    /// B, then B + U.
    let best: AlignedBuffer

    init(_ count: Int) {
      target = AlignedBuffer(count)
      kept = AlignedBuffer(count)
      rest = AlignedBuffer(count)
      best = AlignedBuffer(count)
    }
  }
}
