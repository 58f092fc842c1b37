import TestSupport
import Tensors
import Testing

@Suite struct SingularValuesTests {
  @Test func diagonalMatrix() throws {
    let tensor = Tensor([3, 2], [0, -3, 2, 0, 0, 0])
    #expect(try SingularValues.of(tensor) == [3, 2])
  }

  /// Σ σ² = ‖W‖², and W and its transpose have the same values.
  @Test(arguments: [(1, 1), (5, 9), (40, 17), (64, 64)])
  func energyAndTranspose(rows: Int, columns: Int) throws {
    var random = SplitMix64(seed: 7)
    let tensor = Tensor(
      [rows, columns], (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &random) })
    let values = try SingularValues.of(tensor)
    #expect(values.count == min(rows, columns))
    #expect(values == values.sorted(by: >))
    let energy = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    let norm = tensor.array.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(energy - norm) <= 1e-5 * norm)
    let across = try SingularValues.of(tensor.transposed())
    #expect(zip(values, across).allSatisfy { abs($0 - $1) <= 1e-5 * values[0] })
  }

  @Test func nothingToDecompose() throws {
    #expect(try SingularValues.of(Tensor([0, 4], [])) == [])
    #expect(throws: SingularValues.Failure.self) {
      try SingularValues.of(Tensor([1, 2], [1, .nan]))
    }
  }
}
