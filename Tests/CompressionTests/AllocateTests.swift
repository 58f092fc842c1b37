import Compression
import Jobs
import Tensors
import TestSupport
import Testing

/// Bits given to channels after training.
@Suite struct AllocateTests {
  private static func pass(_ bits: Double) -> Allocate {
    var pass = Allocate()
    pass.bits = bits
    return pass
  }

  private func squaredError(_ a: Parameters, _ b: Parameters) throws -> Double {
    try Comparison(of: a, with: b, in: JobContext()).total.squaredError
  }

  private func meanDepth(_ parameters: Parameters) -> Double {
    var (bits, weights) = (0.0, 0)
    for parameter in parameters {
      guard let grid = parameter.grid else { continue }
      bits += grid.depths.reduce(0) { $0 + Double($1) } * Double(parameter.shape.columns)
      weights += parameter.shape.count
    }
    return weights == 0 ? 0 : bits / Double(weights)
  }

  /// One row more or less is what is left over.
  @Test(arguments: [0.25, 0.5, 1, 1.7, 2, 3, 4, 6, 7.9])
  func spendsWhatItIsGiven(bits: Double) throws {
    let model = Parameters(
      Array(SmallModel.normal([200, 64], seed: 1)) + Array(SmallModel.parameters()))
    let after = try Self.pass(bits).run(on: model)
    let depth = meanDepth(after)
    #expect(depth <= bits)
    #expect(depth > bits - 0.05)
  }

  @Test func moreBitsLoseLess() throws {
    let model = SmallModel.normal([100, 96], seed: 2)
    let errors = try stride(from: 0.25, through: 8, by: 0.25).map {
      try squaredError(model, Self.pass($0).run(on: model))
    }
    #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 > $1 })
  }

  /// Rows of all scales: the same bits for every row lose more.
  @Test(arguments: [2, 3, 4, 5])
  func losesLessThanTheSameBitsForAll(bits: Int) throws {
    var random = SplitMix64(seed: 3)
    let normal = try SmallModel.normal([120, 128], seed: 3).values()
    let scales = (0..<120).map { _ in Float.random(in: 0.2...2, using: &random) }
    let model = SmallModel.layer(
      [120, 128], normal.enumerated().map { $0.element * scales[$0.offset / 128] })
    var quantize = Quantize()
    quantize.bits = bits
    quantize.scale = .mse
    let uniform = try squaredError(model, quantize.run(on: model))
    let allocated = try squaredError(model, Self.pass(Double(bits)).run(on: model))
    #expect(allocated < 0.9 * uniform)
  }

  /// No other depth of a row is better at the price that all rows pay.
  @Test func onePriceHoldsForAllRows() throws {
    let model = SmallModel.normal([60, 80], seed: 4)
    let tensor = try #require(try model.first?.tensor())
    let rows = try #require(DepthChoices.all(of: tensor))
    let grid = try #require(try Self.pass(1.5).run(on: model).first?.grid)
    var (least, most) = (0.0, Double.infinity)
    for (row, choices) in rows.enumerated() {
      let list = choices.choices
      let place = try #require(list.firstIndex { $0.depth == grid.depths[row] })
      func saving(_ upper: Int) -> Double {
        (list[upper - 1].squaredError - list[upper].squaredError)
          / Double(list[upper].depth - list[upper - 1].depth)
      }
      if place > 0 { most = min(most, saving(place)) }
      if place + 1 < list.count { least = max(least, saving(place + 1)) }
    }
    #expect(least <= most)
  }

  /// What the search says a choice loses is what rounding loses.
  @Test(arguments: [1, 15, 64, 1500], [false, true])
  func errorsAreThoseOfRounding(columns: Int, isWeighed: Bool) throws {
    let tensor = try #require(try SmallModel.normal([8, columns], seed: 5).first?.tensor())
    var random = SplitMix64(seed: 6)
    let importance = (0..<columns).map { _ in
      isWeighed ? Float.random(in: 0.1...3, using: &random) : 1
    }
    let rows = try #require(
      DepthChoices.all(of: tensor, importance: isWeighed ? importance : nil))
    for (row, choices) in rows.enumerated() {
      let list = choices.choices
      #expect(list[0].depth == 0)
      #expect(zip(list, list.dropFirst()).allSatisfy { $0.depth < $1.depth })
      for choice in list {
        let grid = QuantizationGrid(
          depths: [Float](repeating: choice.depth, count: 8),
          exponents: [Float](repeating: choice.exponent, count: 8), columns: columns)
        let rounded = try #require(Quantization.apply(grid, to: tensor)).tensor
        var error = 0.0
        for column in 0..<columns {
          let difference = Double(tensor[row, column]) - Double(rounded[row, column])
          error += difference * difference * Double(importance[column])
        }
        #expect(abs(choice.squaredError - error) <= 1e-4 * error + 1e-12)
      }
    }
  }

  /// An input that is always 0 costs nothing, one that is large costs much.
  @Test func inputsDecideWhatAnErrorWeighs() throws {
    let model = SmallModel.normal([50, 40], seed: 7)
    let heavy = Array(0..<40).map { $0 < 20 ? Float(100) : 0 }
    let known = Parameters(model.map { $0.knowing { _, _ in heavy } })
    func error(_ after: Parameters) throws -> (first: Double, second: Double) {
      let (a, b) = (try model.values(), try after.values())
      var sums = [0.0, 0.0]
      for index in a.indices {
        let difference = Double(a[index] - b[index])
        sums[index % 40 / 20] += difference * difference
      }
      return (sums[0], sums[1])
    }
    let plain = try error(Self.pass(2).run(on: model))
    let weighed = try error(Self.pass(2).run(on: known))
    #expect(weighed.first < plain.first && weighed.second > plain.second)
    var blind = Self.pass(2)
    blind.weighing = .none
    #expect(try blind.run(on: known).bits() == Self.pass(2).run(on: model).bits())
    #expect(try Self.pass(2).run(on: known).first?.inputSquares(threads: 1) { false } == heavy)
  }

  @Test func oddLayersAreServed() throws {
    for values in [[Float](repeating: 0, count: 12), [0, 1e-30, 3e30, -1, 0, 0, 0, 0, 0, 0, 0, 5]] {
      for shape in [[3, 4], [12, 1], [1, 12]] as [Shape] {
        let model = SmallModel.layer(shape, values)
        let after = try Self.pass(4).run(on: model)
        #expect(try after.values().allSatisfy(\.isFinite))
        #expect(after.first?.grid?.hasDepths == true)
      }
    }
    #expect(throws: PassError.self) {
      try Self.pass(2).run(on: SmallModel.layer([1, 2], [.nan, 1]))
    }
  }
}
