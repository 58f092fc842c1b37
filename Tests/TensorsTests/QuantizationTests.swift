import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct QuantizationTests {
  private static let levels: [Quantization.Levels] =
    [.ternary, .binary] + (2...8).map { .symmetric(bits: $0) } + (1...8).map { .affine(bits: $0) }

  /// The definition, one weight at a time.
  private func plain(_ tensor: Tensor, _ grid: QuantizationGrid) -> [Float] {
    let perRow = (tensor.shape.columns + grid.groupSize - 1) / grid.groupSize
    return tensor.array.enumerated().map { index, value in
      let (row, column) = (index / tensor.shape.columns, index % tensor.shape.columns)
      let group =
        grid.groupSize == tensor.shape.count ? 0 : row * perRow + column / grid.groupSize
      let scale = grid.scales[group]
      if grid.isBinary { return value < 0 ? -scale : scale }
      let zero = grid.zeros.isEmpty ? 0 : Float(grid.zeros[group])
      let code = (value / scale).rounded(.toNearestOrEven) + zero
      let held = min(max(code, Float(grid.codes.lowerBound)), Float(grid.codes.upperBound))
      return scale * (held - zero)
    }
  }

  @Test(arguments: levels, [nil, 1, 32, 100, 150])
  func followsItsDefinition(levels: Quantization.Levels, groupSize: Int?) throws {
    let tensor = Tensor([30, 100], Weights.gaussian(3000, seed: 1))
    for rule in [Quantization.ScaleRule.largestMagnitude, .leastSquares] {
      let grid = try #require(
        Quantization.grid(for: tensor, levels: levels, groupSize: groupSize, rule: rule))
      let result = try #require(Quantization.apply(grid, to: tensor))
      let expected = plain(tensor, grid)
      #expect(result.tensor.array == expected)
      var error = 0.0
      for (value, rounded) in zip(tensor.array, expected) {
        let difference = Double(value) - Double(rounded)
        error += difference * difference
      }
      #expect(abs(result.squaredError - error) <= 1e-9 * error)
    }
  }

  /// A search reads each weight a hundred times: a question after each 4096 of
  /// them comes soon enough on any machine.
  @Test(arguments: [1, 64, 4096]) func aSearchAsksOftenWhetherToStop(groupSize: Int) {
    let tensor = Tensor([64, 4096], Weights.gaussian(1 << 18, seed: 3))
    let asked = Atomic(0)
    _ = Quantization.grid(
      for: tensor, levels: .symmetric(bits: 4), groupSize: groupSize, rule: .leastSquares,
      threads: 1,
      shouldStop: {
        asked.wrappingAdd(1, ordering: .relaxed)
        return false
      })
    #expect(asked.load(ordering: .relaxed) >= (1 << 18) / 4096)
  }

  /// Rounding what lies on the grid changes nothing, and codes come back as
  /// `QuantizationGrid` promises.
  @Test(arguments: levels)
  func isIdempotentAndGivesCodesBack(levels: Quantization.Levels) throws {
    let tensor = Tensor([20, 64], Weights.gaussian(1280, seed: 2))
    let grid = try #require(
      Quantization.grid(for: tensor, levels: levels, groupSize: 32, rule: .leastSquares))
    let once = try #require(Quantization.apply(grid, to: tensor)).tensor
    let twice = try #require(Quantization.apply(grid, to: once))
    #expect(twice.tensor.array == once.array)
    #expect(twice.squaredError == 0)
    guard !grid.isBinary else { return }
    for (index, value) in once.array.enumerated() {
      let zero = grid.zeros.isEmpty ? 0 : Int(grid.zeros[index / 32])
      let code = Int((value / grid.scales[index / 32]).rounded(.toNearestOrEven)) + zero
      #expect(grid.codes.contains(code))
      #expect(grid.scales[index / 32] * Float(code - zero) == value)
    }
  }

  @Test(arguments: levels, [nil, 64, 200])
  func leastSquaresIsNeverWorse(levels: Quantization.Levels, groupSize: Int?) throws {
    let tensor = Tensor([16, 200], Weights.gaussian(3200, seed: 3))
    func error(_ rule: Quantization.ScaleRule) throws -> Double {
      let grid = try #require(
        Quantization.grid(for: tensor, levels: levels, groupSize: groupSize, rule: rule))
      return try #require(Quantization.apply(grid, to: tensor)).squaredError
    }
    #expect(try error(.leastSquares) <= error(.largestMagnitude) * (1 + 1e-6))
  }

  /// The search comes within 2 % of the best of ten thousand scales.
  @Test(arguments: 2...4)
  func leastSquaresIsNearTheBest(bits: Int) throws {
    let tensor = Weights.tensor(Weights.gaussian(4000, seed: 4))
    let grid = try #require(
      Quantization.grid(
        for: tensor, levels: .symmetric(bits: bits), groupSize: nil, rule: .leastSquares))
    let found = try #require(Quantization.apply(grid, to: tensor)).squaredError
    var best = Double.infinity
    for step in 1...1000 {
      let scale = grid.scales[0] * Float(step) / 250
      let trial = QuantizationGrid(
        bits: bits, codes: grid.codes, groupSize: 4000, scales: [scale])
      best = min(best, try #require(Quantization.apply(trial, to: tensor)).squaredError)
    }
    #expect(found <= best * 1.02)
  }

  @Test(arguments: levels, [nil, 16])
  func toleratesOddWeights(levels: Quantization.Levels, groupSize: Int?) throws {
    let odd: [[Float]] = [
      Weights.wild(256, seed: 5), [Float](repeating: 0, count: 256),
      [Float](repeating: .leastNonzeroMagnitude, count: 256), [Float](repeating: .nan, count: 256),
      [Float](repeating: -.infinity, count: 256), [Float](repeating: 3e38, count: 256), [],
    ]
    for values in odd {
      let tensor = Tensor([values.count / 16, 16], values)
      for rule in [Quantization.ScaleRule.largestMagnitude, .leastSquares] {
        let grid = try #require(
          Quantization.grid(for: tensor, levels: levels, groupSize: groupSize, rule: rule))
        #expect(grid.scales.allSatisfy { $0.isFinite && ($0 > 0 || levels == .binary) })
        let result = try #require(Quantization.apply(grid, to: tensor)).tensor.array
        if levels != .binary {
          for (value, rounded) in zip(values, result) {
            #expect(value != 0 || rounded == 0)
            #expect(value.isNaN == rounded.isNaN)
          }
        }
      }
    }
  }

  @Test(arguments: 1...4)
  func isTheSameForAnyThreads(threads: Int) throws {
    let tensor = Tensor([3, 70_000], Weights.gaussian(210_000, seed: 6))
    for groupSize in [nil, 128, 70_000] {
      for levels in [Quantization.Levels.affine(bits: 3), .ternary] {
        let grid = Quantization.grid(
          for: tensor, levels: levels, groupSize: groupSize, rule: .leastSquares, threads: threads)
        #expect(
          grid
            == Quantization.grid(
              for: tensor, levels: levels, groupSize: groupSize, rule: .leastSquares, threads: 1))
        let found = try #require(grid)
        let many = try #require(Quantization.apply(found, to: tensor, threads: threads))
        let one = try #require(Quantization.apply(found, to: tensor, threads: 1))
        #expect(many.squaredError == one.squaredError)
        #expect(many.tensor.array == one.tensor.array)
      }
    }
  }

  @Test func differencesFollowTheirDefinition() throws {
    let (a, b) = (Weights.gaussian(70_003, seed: 7), Weights.gaussian(70_003, seed: 8))
    let difference = try #require(
      TensorDifference(from: Weights.tensor(a), to: Weights.tensor(b)))
    var (squares, first, second, product) = (0.0, 0.0, 0.0, 0.0)
    for (x, y) in zip(a.map(Double.init), b.map(Double.init)) {
      squares += (x - y) * (x - y)
      first += x * x
      second += y * y
      product += x * y
    }
    #expect(abs(difference.relativeError - (squares / first).squareRoot()) < 1e-12)
    #expect(abs(difference.cosine - product / (first * second).squareRoot()) < 1e-12)
    #expect(difference.maximumError == zip(a, b).map { abs($0 - $1) }.max())
    #expect(difference.differentCount == zip(a, b).count { $0 != $1 })
    let same = try #require(
      TensorDifference(from: Weights.tensor(a + [.nan]), to: Weights.tensor(a + [1])))
    #expect(same.relativeError.isNaN && same.cosine.isNaN && same.differentCount == 1)
    let zero = Weights.tensor([0, 0])
    #expect(TensorDifference(from: zero, to: zero)?.relativeError == 0)
    #expect(TensorDifference(from: zero, to: Weights.tensor([1, 0]))?.relativeError == .infinity)
  }
}
