internal import Backend
internal import Models
package import Tensors

/// How quickly matrices multiply one input, as writing does for each token, from what their files
/// have of them.
package enum LayerSpeed {
  /// Rounds of both, and the least time they take together, in seconds.
  private static let rounds = 5
  private static let leastTime = 0.05

  /// How many times as fast as `former` the matrices `layers` are: both in turn, the best round of
  /// each. nil where a file does not give rows of all of them. Throws what reading throws, and
  /// `NetworkError.stopped` once `shouldStop` says so.
  package static func ratio(
    of layers: [Parameter], to former: [Parameter], threads: Int, shouldStop: () -> Bool
  ) throws -> Double? {
    let crew = try Crew(threads: threads)
    guard let stacks = try Stacks(former, layers, crew) else { return nil }
    var best = [Double](repeating: .infinity, count: 2)
    var (round, time) = (0, 0.0)
    while round < rounds || time < leastTime {
      if shouldStop() { throw NetworkError.stopped }
      for (index, layers) in [stacks.former, stacks.layers].enumerated() {
        let seconds = ContinuousClock().measure { stacks.run(layers) } / .seconds(1)
        best[index] = min(best[index], seconds)
        time += seconds
      }
      round += 1
    }
    return best[0] / max(best[1], 1e-9)
  }

  /// Layers that take inputs from memory one after the other.
  private struct Stacks {
    let former: [RowLinear]
    let layers: [RowLinear]
    private let crew: Crew
    private let hands: [Hand]
    private let row = RowInput()
    private let input: AlignedBuffer
    private let output: AlignedBuffer

    init?(_ former: [Parameter], _ layers: [Parameter], _ crew: Crew) throws {
      func linear(_ parameters: [Parameter]) throws -> [RowLinear]? {
        let layers = try parameters.compactMap {
          try RowLinear(Model.Part(parameter: $0, rows: nil), nil, .f32)
        }
        return layers.count == parameters.count ? layers : nil
      }
      guard let old = try linear(former), let new = try linear(layers) else { return nil }
      (self.former, self.layers, self.crew) = (old, new, crew)
      hands = try (0..<crew.threads).map { _ in try Hand() }
      func widest(_ width: (RowLinear) -> Int) -> Int { (old + new).map(width).max() ?? 0 }
      let columns = widest(\.columns)
      input = AlignedBuffer(columns)
      output = AlignedBuffer(widest(\.rows))
      for column in 0..<columns { unsafe input.floats[column] = Float(column % 7) - 3 }
    }

    func run(_ layers: [RowLinear]) {
      for layer in layers {
        unsafe row.prepare(layer.columns, input.floats)
        let product = unsafe LayerProduct(
          1, input.floats, output.floats, stride: layer.rows, ready: .row(row))
        let runs = crew.runs(of: layer.rows)
        crew.run(runs.count) { worker, index in
          layer.multiply(rows: runs[index], by: row, product, with: hands[worker])
        }
      }
    }
  }
}
