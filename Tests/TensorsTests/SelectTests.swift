import Tensors
import TestSupport
import Testing

@Suite struct SelectTests {
  /// Which weights stay when the `count` smallest by (|w| bits, index) go.
  private func sorted(_ values: [Float], pruning count: Int) -> [Bool] {
    let order = values.indices.sorted {
      (values[$0].magnitude.bitPattern, $0) < (values[$1].magnitude.bitPattern, $1)
    }
    var kept = [Bool](repeating: true, count: values.count)
    for index in order.prefix(count) { kept[index] = false }
    return kept
  }

  private func kept(_ mask: Mask) -> [Bool] { (0..<mask.shape.count).map { mask[$0] } }

  @Test(arguments: Weights.sizes)
  func prunesExactlyLikeASort(size: Int) throws {
    for values in [Weights.gaussian(size, seed: 1), Weights.wild(size, seed: 2)] {
      let tensor = Weights.tensor(values)
      for count in Set([0, 1, size / 3, size / 2, size * 9 / 10, size - 1, size])
      where count >= 0 && count <= size {
        let mask = try #require(Select.mask(pruning: count, of: tensor))
        #expect(mask.keptCount == size - count)
        #expect(kept(mask) == sorted(values, pruning: count))
      }
    }
  }

  @Test func breaksTiesByTensorAndIndex() throws {
    let tensors = [70_000, 5, 0, 130_000].map { size in
      Weights.tensor((0..<size).map { Float($0 % 3) - 1 })
    }
    let all = tensors.flatMap(\.array)
    for count in [10, 66_000, 66_670, 100_000, 150_001, all.count] {
      let masks = try #require(Select.masks(pruning: count, of: tensors))
      #expect(masks.flatMap(kept) == sorted(all, pruning: count))
    }
  }

  @Test(arguments: [(70, 1), (3, 130), (65, 63), (130, 65), (2, 5_000)])
  func prunesEachRowLikeASort(rows: Int, columns: Int) throws {
    let values = Weights.wild(rows * columns, seed: 3)
    let tensor = Tensor([rows, columns], values)
    for count in [0, 1, columns / 2, columns] {
      let mask = try #require(Select.mask(pruningPerRow: count, of: tensor))
      let expected = (0..<rows).flatMap { row in
        sorted(Array(values[row * columns..<(row + 1) * columns]), pruning: count)
      }
      #expect(kept(mask) == expected)
    }
  }

  @Test(arguments: 1...5)
  func isTheSameForAnyThreads(threads: Int) {
    let tensors = [Weights.tensor(Weights.wild(300_000, seed: 4))]
    #expect(
      Select.masks(pruning: 123_457, of: tensors, threads: threads)
        == Select.masks(pruning: 123_457, of: tensors, threads: 1))
  }

  @Test func keepsOrReadsTensorsTwice() throws {
    let tensors = (0..<3).map { Weights.tensor(Weights.gaussian(1000, seed: $0)) }
    var reads = 0
    let cut = Select.magnitudeCut(pruning: 1500, ofTensors: 3) { index in
      reads += 1
      return tensors[index]
    }
    #expect(reads == 6)
    #expect(cut == Select.magnitudeCut(pruning: 1500, of: tensors))
  }

  @Test func sketchIsWithinOnePercent() {
    let values = Weights.gaussian(100_000, seed: 5)
    var counts = MagnitudeCounts()
    let finished = counts.add(Weights.tensor(values))
    #expect(finished)
    for share in [0.1, 0.5, 0.9] {
      let count = Int(share * 100_000)
      let threshold = counts.approximateThreshold(pruning: count)
      let pruned = values.count { abs($0) <= threshold }
      #expect(pruned >= count && Double(pruned) < Double(count) * 1.02)
      #expect(abs(counts.approximateCount(upTo: threshold) - pruned) <= 1)
    }
  }

  @Test func ordersScores() {
    #expect(Select.smallest(3, of: [2, .nan, 1, 2, -1, .nan]) == [0, 2, 4])
    #expect(Select.smallest(5, of: [2, .nan, 1, 2, -1, .nan]) == [0, 1, 2, 3, 4])
    #expect(Select.smallest(9, of: [1]) == [0])
    #expect(Select.smallest(-1, of: [1]).isEmpty)
  }

  @Test func stops() {
    let tensor = Weights.tensor(Weights.gaussian(100_000, seed: 1))
    #expect(Select.mask(pruning: 5, of: tensor, shouldStop: { true }) == nil)
    #expect(Select.mask(pruningPerRow: 5, of: tensor, shouldStop: { true }) == nil)
  }
}
