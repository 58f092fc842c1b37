import Tensors
import TestSupport
import Testing

@Suite struct MaskTests {
  @Test(arguments: Weights.sizes)
  func thresholdKeepsWhatIsLarger(size: Int) throws {
    let values = Weights.wild(size, seed: 1)
    for threshold: Float in [-1, 0, 0.5, .infinity] {
      let mask = try #require(Mask(keepingAbove: threshold, of: Weights.tensor(values)))
      for (index, value) in values.enumerated() {
        #expect(mask[index] == (value.isNaN || abs(value) > threshold))
      }
      #expect(mask.keptCount == values.count { $0.isNaN || abs($0) > threshold })
    }
  }

  @Test(arguments: Weights.sizes)
  func applyingKeepsBits(size: Int) throws {
    let tensor = Weights.tensor(Weights.wild(size, seed: 2))
    let mask = try #require(Select.mask(pruning: size / 2, of: tensor))
    let applied = try #require(mask.applying(to: tensor)).array
    for (index, value) in tensor.array.enumerated() {
      #expect(applied[index].bitPattern == (mask[index] ? value.bitPattern : 0))
    }
    let all = try #require(Mask(keepingAll: tensor.shape).applying(to: tensor))
    #expect(Weights.bits(all.array) == Weights.bits(tensor.array))
    #expect(Mask(keepingAll: tensor.shape).keptCount == size)
  }

  @Test func zerosRoundTrip() throws {
    let tensor = Weights.tensor(Weights.gaussian(10_000, seed: 3))
    let mask = try #require(Select.mask(pruning: 4_000, of: tensor))
    #expect(Mask(nonzerosOf: try #require(mask.applying(to: tensor))) == mask)
    #expect(mask.sparsity == 0.4)
  }

  @Test func combinationsCountLikeSets() throws {
    let shape: Shape = [13, 77]
    let a = try #require(
      Mask(keepingAbove: 0.01, of: Tensor(shape, Weights.gaussian(1001, seed: 1))))
    let b = try #require(
      Mask(keepingAbove: 0.01, of: Tensor(shape, Weights.gaussian(1001, seed: 2))))
    let (both, either) = (a.intersection(b).keptCount, a.union(b).keptCount)
    #expect(both + either == a.keptCount + b.keptCount)
    #expect(a.differenceCount(b) == either - both)
    #expect(a.keptCountPerRow.reduce(0, +) == a.keptCount)
  }

  @Test func countsAnyRange() throws {
    let tensor = Weights.tensor(Weights.gaussian(300, seed: 1))
    let mask = try #require(Mask(keepingAbove: 0.01, of: tensor))
    for start in 0...300 {
      for end in start...300 {
        let expected = (start..<end).count { mask[$0] }
        #expect(mask.keptCount(in: start..<end) == expected)
      }
    }
  }

  @Test(arguments: [(1, 1), (5, 7), (37, 53), (60, 100)])
  func densityIsTheShareOfEachCell(cellRows: Int, cellColumns: Int) throws {
    let tensor = Tensor([37, 53], Weights.gaussian(37 * 53, seed: 4))
    let mask = try #require(Mask(keepingAbove: 0.02, of: tensor))
    let density = mask.density(rows: 0..<37, columns: 0..<53, cells: (cellRows, cellColumns))
    #expect(density.count == cellRows * cellColumns)
    #expect(density.allSatisfy { $0 >= 0 && $0 <= 1 })
    if (cellRows, cellColumns) == (1, 1) {
      #expect(density[0] == Float(mask.keptCount) / Float(37 * 53))
    }
    if (cellRows, cellColumns) == (37, 53) {
      #expect(density == (0..<37 * 53).map { mask[$0] ? 1 : 0 })
    }
    #expect(mask.density(rows: 90..<99, columns: 0..<9, cells: (2, 2)) == [0, 0, 0, 0])
  }

  @Test func cellsAreMeansAndMaxima() throws {
    let tensor = Tensor([40, 33], Weights.gaussian(40 * 33, seed: 5))
    let cells = try #require(MatrixCells(of: tensor, rows: 4..<24, columns: 3..<33, cells: (4, 6)))
    for row in 0..<4 {
      for column in 0..<6 {
        let values = (0..<25).map {
          abs(tensor[4 + row * 5 + $0 / 5, 3 + column * 5 + $0 % 5])
        }
        let mean = values.reduce(0.0) { $0 + Double($1) } / 25
        #expect(abs(Double(cells.mean[row * 6 + column]) - mean) < 1e-8)
        #expect(cells.maximum[row * 6 + column] == values.max())
      }
    }
    #expect(MatrixCells(of: tensor, cells: (0, 5))?.mean == [])
    #expect(MatrixCells(of: tensor, cells: (80, 70))?.maximum.count == 5600)
  }
}
