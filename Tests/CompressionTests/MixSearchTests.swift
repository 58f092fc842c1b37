import Compression
import Jobs
import Models
import TestSupport
import Tensors
import Testing

@Suite struct MixSearchTests {
  private let parameters: Parameters

  init() {
    var random = SplitMix64(seed: 11)
    parameters = Parameters(
      (0..<6).map { block in
        let scale = Float(block + 1) / 20
        let tensor = Tensor(
          [24, 48], (0..<24 * 48).map { _ in Float.random(in: -scale...scale, using: &random) })
        return Parameter(
          name: "layers.\(block).weight", shape: tensor.shape, dtype: .f32,
          place: Place(block: block, layer: "fc", role: .linear), load: { tensor })
      })
  }

  /// Codes of the grid, and a scale for each group.
  private static func byteCount(_ layer: Parameter, _ weights: Weights) -> Int {
    guard let grid = weights.grid else { return layer.shape.count * 4 }
    return (layer.shape.count * grid.bits + 7) / 8 + 4 * grid.scales.count
  }

  /// A scale a channel, of least error.
  private static let base: Quantize = {
    var pass = Quantize()
    (pass.scheme, pass.granularity, pass.scale) = (.symmetric, .channel, .mse)
    return pass
  }()

  private func outcome(_ budget: Int) throws -> (bytes: Int, error: Double) {
    let job = JobContext()
    let search = try MixSearch(
      ModelState(parameters, configuration: [:]), by: Self.base, levels: .bits, in: job,
      byteCount: Self.byteCount)
    let found = try search.pass(budget: budget)
    let after = try found?.pass.apply(to: parameters, layers: .all, in: job) ?? parameters
    let total = try Comparison(of: parameters, with: after, in: job).total
    let bytes = try after.reduce(0) { $0 + Self.byteCount($1, try $1.loaded()) }
    if let found {
      #expect(found.bytes == bytes)
      #expect(abs(found.damage - total.squaredError) <= 1e-6 * (1 + total.squaredError))
    }
    return (bytes, total.squaredError)
  }

  @Test func keepsTheBudgetAndMoreRoomNeverHurts() throws {
    var former = Double.infinity
    for budget in [1_600, 2_400, 3_500, 5_000, 8_000, 30_000] {
      let (bytes, error) = try outcome(budget)
      #expect(bytes <= budget)
      #expect(error <= former)
      former = error
    }
    #expect(former == 0)
  }

  /// No layer's quantizer alone, given to all layers, is better at its size.
  @Test(arguments: 2...8)
  func beatsOneDepthForAll(bits: Int) throws {
    var pass = Self.base
    pass.bits = bits
    let job = JobContext()
    let uniform = try pass.apply(to: parameters, layers: .all, in: job)
    let bytes = try uniform.reduce(0) { $0 + Self.byteCount($1, try $1.loaded()) }
    let error = try Comparison(of: parameters, with: uniform, in: job).total.squaredError
    #expect(try outcome(bytes).error <= error * 1.0001)
  }

  @Test func tellsTheSmallestMix() throws {
    #expect(throws: MixSearch.Unreachable.self) { try outcome(100) }
  }
}
