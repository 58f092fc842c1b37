import Backend
import Tensors
import TestSupport
import Testing

/// The walk over columns against the formulas of OBS in f64, with an inverse made plainly.
@Suite struct ColumnWalkTests {
  /// A layer and what goes into it.
  struct Case: Sendable {
    let rows: Int
    let columns: Int
    let inputs: Int
  }

  static let cases = [
    Case(rows: 3, columns: 5, inputs: 40), Case(rows: 20, columns: 37, inputs: 90),
    Case(rows: 70, columns: 200, inputs: 500),
  ]

  static let damping = 0.01

  @Test(arguments: cases)
  func theFactorsProductIsWhatWasSummed(_ c: Case) throws {
    let layer = try Layer(c)
    let h = layer.plainProducts()
    for order in [WalkFactor.Order.given, .largestFirst] {
      let factor = try layer.factor(order)
      #expect(Set(factor.order) == Set(0..<c.columns))
      let squares = factor.order.map { h[$0][$0] }
      if order == .largestFirst { #expect(squares == squares.sorted()) }
      for a in 0..<c.columns {
        for b in 0...a {
          var sum = 0.0
          for k in 0...b { sum += Double(factor[a, k]) * Double(factor[b, k]) }
          let meant = h[factor.order[a]][factor.order[b]]
          #expect(abs(sum - meant) <= 1e-4 * (h[0][0] + abs(meant)))
        }
      }
    }
  }

  /// Each column's error is made up for by all columns behind it: w ← w − e H⁻¹ⱼ,ₖ / H⁻¹ⱼⱼ, and the
  /// inverse of what is left follows.
  @Test(arguments: cases)
  func roundingMakesUpAsGPTQDoes(_ c: Case) throws {
    let layer = try Layer(c)
    let grid = try #require(
      Quantization.grid(
        for: layer.weights, levels: .affine(bits: 3), groupSize: 8, rule: .largestMagnitude))
    for order in [WalkFactor.Order.given, .largestFirst] {
      let walk = ColumnWalk(try layer.factor(order), crew: layer.crew, hands: layer.hands)
      let found = try #require(layer.run(walk, onto: grid)).values
      let meant = layer.plainWalk(order) { row, column, value in
        layer.rounded(value, row, column, grid)
      }
      // A weight between two levels may go either way, and those behind it follow.
      let same = zip(found.array, meant).count { abs(Double($0) - $1) < 1e-4 }
      #expect(same > found.shape.count * 98 / 100)
      let (error, plain) = (layer.loss(found.array.map(Double.init)), layer.loss(meant))
      #expect(abs(error - plain) <= 0.02 * plain)
      let nearest = try #require(Quantization.apply(grid, to: layer.weights)).tensor
      #expect(error <= layer.loss(nearest.array.map(Double.init)))
    }
  }

  /// Half of the weights go, exactly; what is lost is less than by leaving the others alone.
  @Test(arguments: cases)
  func exactlyTheQuotaGoes(_ c: Case) throws {
    let layer = try Layer(c)
    let walk = ColumnWalk(try layer.factor(.given), crew: layer.crew, hands: layer.hands)
    let (values, mask) = try #require(layer.run(walk, .layer { $0 / 2 }))
    let kept = try #require(mask)
    let count = layer.weights.shape.count
    #expect(kept.keptCount == count - count / 2)
    for index in 0..<count where !kept[index] { #expect(values.array[index].bitPattern == 0) }
    let alone = try #require(kept.applying(to: layer.weights))
    #expect(layer.loss(values.array.map(Double.init)) < layer.loss(alone.array.map(Double.init)))
  }

  /// The same of each row by itself.
  @Test(arguments: cases)
  func exactlyTheQuotaOfEachRowGoes(_ c: Case) throws {
    let layer = try Layer(c)
    let walk = ColumnWalk(try layer.factor(.given), crew: layer.crew, hands: layer.hands)
    let (_, mask) = try #require(layer.run(walk, .rows { $0 / 2 }))
    let kept = try #require(mask)
    for row in 0..<c.rows {
      let stays = (0..<c.columns).count { kept[row * c.columns + $0] }
      #expect(stays == c.columns - c.columns / 2)
    }
  }

  /// What a layer's outputs lose, by the factor and by the products.
  @Test(arguments: cases)
  func lossIsThatOfTheProducts(_ c: Case) throws {
    let layer = try Layer(c)
    let half = layer.weights.array.enumerated().map { $0.offset % 3 == 0 ? 0 : $0.element * 1.01 }
    for order in [WalkFactor.Order.given, .largestFirst] {
      let found = try layer.factor(order).loss(
        from: layer.weights, to: Tensor(layer.weights.shape, half), crew: layer.crew,
        hands: layer.hands, shouldStop: { false })
      let meant = layer.loss(half.map(Double.init))
      #expect(abs(try #require(found) - meant) <= 1e-4 * meant)
    }
  }

  // MARK: Search for what stays

  private static func search(_ layer: Layer, mask: Mask? = nil, pruning gone: Int) throws -> (
    values: Tensor, mask: Mask
  ) {
    let search = SupportSearch(
      layer.products, damping: damping, crew: layer.crew, hands: layer.hands)
    let found = try search.run(layer.weights, mask: mask, shouldStop: { false }) {
      try #require(Select.mask(pruning: gone, of: $0))
    }
    return try #require(found)
  }

  /// Of all that stays, the values are those of least squares: what is left of the error has no share
  /// in them.
  @Test(arguments: cases)
  func whatStaysIsOfLeastSquares(_ c: Case) throws {
    let layer = try Layer(c)
    let count = layer.weights.shape.count
    let (values, mask) = try Self.search(layer, pruning: count / 2)
    #expect(mask.keptCount == count - count / 2)
    let h = layer.plainProducts()
    let scale = h.indices.map { h[$0][$0] }.max() ?? 1
    for row in 0..<c.rows {
      let d = (0..<c.columns).map { Double(layer.weights[row, $0] - values[row, $0]) }
      for column in 0..<c.columns {
        if mask[row * c.columns + column] {
          let slope = (0..<c.columns).reduce(0) { $0 + d[$1] * h[$1][column] }
          #expect(abs(slope) <= 2e-3 * scale)
        } else {
          #expect(values[row, column].bitPattern == 0)
        }
      }
    }
  }

  /// It loses less than a walk that chooses column by column.
  @Test(arguments: cases)
  func searchLosesLessThanAWalk(_ c: Case) throws {
    let layer = try Layer(c)
    let walk = ColumnWalk(try layer.factor(.given), crew: layer.crew, hands: layer.hands)
    let walked = try #require(layer.run(walk, .layer { $0 / 2 })).values
    let found = try Self.search(layer, pruning: layer.weights.shape.count / 2).values
    let (search, plain) = (
      layer.loss(found.array.map(Double.init)), layer.loss(walked.array.map(Double.init))
    )
    #expect(search < plain)
  }

  /// What is gone already stays so, and is counted.
  @Test func searchKeepsMasks() throws {
    let layer = try Layer(Self.cases[1])
    let count = layer.weights.shape.count
    let before = try #require(Select.mask(pruning: count / 4, of: layer.weights))
    let (values, mask) = try Self.search(layer, mask: before, pruning: count / 2)
    #expect(mask.keptCount == count - count / 2)
    #expect(mask.intersection(before) == mask)
    #expect(values.array.indices.allSatisfy { mask[$0] || values.array[$0] == 0 })
  }

  @Test(arguments: cases, [(1, 2), (2, 4), (4, 8), (3, 7)])
  func nOfEachMStay(_ c: Case, _ pattern: (n: Int, m: Int)) throws {
    let layer = try Layer(c)
    let walk = ColumnWalk(try layer.factor(.given), crew: layer.crew, hands: layer.hands)
    let (values, mask) = try #require(layer.run(walk, .nOfM(n: pattern.n, m: pattern.m)))
    let kept = try #require(mask)
    for row in 0..<c.rows {
      for start in stride(from: 0, to: c.columns, by: pattern.m) {
        let group = start..<min(start + pattern.m, c.columns)
        let stays = group.count { kept[row * c.columns + $0] }
        #expect(stays == (pattern.n * group.count + pattern.m - 1) / pattern.m)
      }
    }
    let alone = try #require(kept.applying(to: layer.weights))
    #expect(layer.loss(values.array.map(Double.init)) < layer.loss(alone.array.map(Double.init)))
  }

  /// Weights for inputs that have drifted are those of least squares.
  @Test(arguments: cases)
  func driftIsCorrectedAsLeastSquaresSay(_ c: Case) throws {
    let layer = try Layer(c, drift: 0.3)
    let factor = try layer.factor(.largestFirst)
    let found = factor.corrected(
      layer.weights, for: layer.products, crew: layer.crew, hands: layer.hands,
      shouldStop: { false })
    let corrected = try #require(found)
    // W E = (W′ − W) (H + λI).
    let (h, e) = (layer.plainProducts(), layer.plainDrift())
    let change = zip(corrected.array, layer.weights.array).map { Double($0) - Double($1) }
    for row in 0..<c.rows {
      for column in 0..<c.columns {
        var (left, right) = (0.0, 0.0)
        for k in 0..<c.columns {
          left += Double(layer.weights[row, k]) * e[k][column]
          right += change[row * c.columns + k] * h[k][column]
        }
        #expect(abs(left - right) <= 2e-3 * h[0][0])
      }
    }
  }

  /// Threads share out what does not depend on them.
  @Test func threadsDoNotMatter() throws {
    let c = Self.cases[2]
    let one = try Layer(c, threads: 1)
    let meant = try one.halved()
    let searched = try Self.search(one, pruning: c.rows * c.columns / 2).values.array
    for threads in [2, 5] {
      let many = try Layer(c, threads: threads)
      #expect(try many.halved() == meant)
      #expect(try Self.search(many, pruning: c.rows * c.columns / 2).values.array == searched)
    }
  }

  /// Inputs that are always 0 have a factor all the same; all of them together too.
  @Test func idleInputsAreWalkedOver() throws {
    for idle in [Set([0, 3]), Set(0..<5)] {
      let layer = try Layer(Self.cases[0], idle: idle)
      let factor = try layer.factor(.largestFirst)
      let walk = ColumnWalk(factor, crew: layer.crew, hands: layer.hands)
      let values = try #require(layer.run(walk, .layer { $0 / 2 })).values
      #expect(values.array.allSatisfy { $0.isFinite })
    }
  }
}

/// A layer of random weights, and sums of random inputs that hang together.
private struct Layer {
  let weights: Tensor
  let products: InputProducts
  let crew: Crew
  let hands: [Hand]
  private let inputs: [Double]
  private let before: [Double]

  init(
    _ c: ColumnWalkTests.Case, drift: Float = 0, idle: Set<Int> = [], threads: Int = 2
  ) throws {
    var random = SplitMix64(seed: 7)
    func number() -> Float { Float.random(in: -1...1, using: &random) }
    let all = (0..<c.rows * c.columns).map { _ in number() }
    weights = Tensor([c.rows, c.columns], all)
    var (x, y) = ([Float](), [Float]())
    for _ in 0..<c.inputs {
      let common = number()
      for column in 0..<c.columns {
        let value = idle.contains(column) ? 0 : common + number() * Float(1 + column % 3)
        x.append(value)
        y.append(value + drift * number())
      }
    }
    crew = try Crew(threads: threads)
    hands = try (0..<threads).map { _ in try Hand() }
    products = InputProducts(
      columns: c.columns, drift == 0 ? .products : .drift, isHalf: false)
    let (products, crew, hands) = (products, crew, hands)
    (inputs, before) = (x.map(Double.init), y.map(Double.init))
    // In two parts, as sums may be.
    let first = c.inputs / 3
    for part in [0..<first, first..<c.inputs] {
      try unsafe x.withUnsafeBufferPointer { x in
        try unsafe y.withUnsafeBufferPointer { y in
          let start = part.lowerBound * c.columns
          try unsafe products.add(
            part.count, x.baseAddress! + start,
            before: drift == 0 ? nil : y.baseAddress! + start, crew: crew, hands: hands,
            shouldStop: { false })
        }
      }
    }
  }

  func factor(_ order: WalkFactor.Order) throws -> WalkFactor {
    let factor = WalkFactor(
      products, order: order, damping: ColumnWalkTests.damping, crew: crew, shouldStop: { false })
    return try #require(factor)
  }

  func halved() throws -> [UInt32] {
    let walk = ColumnWalk(try factor(.given), crew: crew, hands: hands)
    return try #require(run(walk, .layer { $0 / 2 })).values.array.map(\.bitPattern)
  }

  func run(
    _ walk: ColumnWalk, _ choice: ColumnWalk.Choice = .none, onto grid: QuantizationGrid? = nil
  ) -> (values: Tensor, mask: Mask?)? {
    walk.run(
      weights, mask: nil, zeroing: choice,
      onto: grid.map { WalkGrid($0, shape: weights.shape) }, shouldStop: { false })
  }

  /// H + λI.
  func plainProducts() -> [[Double]] {
    let n = weights.shape.columns
    var h = sums(inputs, inputs)
    let mean = (0..<n).reduce(0) { $0 + h[$1][$1] } / Double(n)
    for k in 0..<n { h[k][k] += ColumnWalkTests.damping * mean }
    return h
  }

  /// Σ (x − x̂) x̂ᵀ.
  func plainDrift() -> [[Double]] { sums(zip(before, inputs).map { $0 - $1 }, inputs) }

  private func sums(_ a: [Double], _ b: [Double]) -> [[Double]] {
    let n = weights.shape.columns
    var h = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for row in 0..<a.count / n {
      for i in 0..<n {
        for j in 0..<n { h[i][j] += a[row * n + i] * b[row * n + j] }
      }
    }
    return h
  }

  /// Σ over rows of D (H + λI) Dᵀ.
  func loss(_ values: [Double]) -> Double {
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    let h = plainProducts()
    var loss = 0.0
    for row in 0..<m {
      let d = (0..<n).map { Double(weights[row, $0]) - values[row * n + $0] }
      for i in 0..<n {
        for j in 0..<n { loss += d[i] * h[i][j] * d[j] }
      }
    }
    return loss
  }

  func rounded(
    _ value: Double, _ row: Int, _ column: Int, _ grid: QuantizationGrid
  ) -> Double {
    let group = row * ((weights.shape.columns + 7) / 8) + column / 8
    let (scale, zero) = (Double(grid.scales[group]), Double(grid.zeros[group]))
    let code = (value / scale + zero).rounded(.toNearestOrEven)
    return scale * (min(max(code, 0), 7) - zero)
  }

  /// The walk as the papers have it, with an inverse that loses a row and a column each time.
  func plainWalk(
    _ order: WalkFactor.Order, _ change: (Int, Int, Double) -> Double
  ) -> [Double] {
    let (m, n) = (weights.shape.rows, weights.shape.columns)
    let h = plainProducts()
    let columns =
      order == .given
      ? Array(0..<n) : (0..<n).sorted { (h[$0][$0], $1) > (h[$1][$1], $0) }
    var inverse = Self.inverse(h)
    var values = weights.array.map(Double.init)
    for (place, j) in columns.enumerated() {
      let own = inverse[j][j]
      for row in 0..<m {
        let before = values[row * n + j]
        let after = change(row, j, before)
        values[row * n + j] = after
        for k in columns[(place + 1)...] {
          values[row * n + k] -= (before - after) / own * inverse[j][k]
        }
      }
      let line = inverse[j]
      for a in columns[place...] {
        let share = inverse[a][j] / own
        for b in columns[place...] { inverse[a][b] -= share * line[b] }
      }
    }
    return values
  }

  /// By elimination.
  private static func inverse(_ matrix: [[Double]]) -> [[Double]] {
    let n = matrix.count
    var (a, b) = (matrix, matrix)
    for i in 0..<n { b[i] = (0..<n).map { $0 == i ? 1 : 0 } }
    for i in 0..<n {
      let own = a[i][i]
      for k in 0..<n {
        a[i][k] /= own
        b[i][k] /= own
      }
      for row in 0..<n where row != i {
        let share = a[row][i]
        guard share != 0 else { continue }
        for k in 0..<n {
          a[row][k] -= share * a[i][k]
          b[row][k] -= share * b[i][k]
        }
      }
    }
    return b
  }
}
