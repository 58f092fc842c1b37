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

  /// Of many weights those near the cut are found by a sample; the masks are the same.
  @Test(arguments: ["bell", "steps", "zeros", "hidden", "wild"])
  func aSampleChangesNoMask(_ kind: String) {
    let count = 1_300_000
    var values = Weights.gaussian(count, seed: 8)
    switch kind {
    case "steps": values = values.map { ($0 * 16).rounded() / 16 }
    case "zeros": for index in values.indices where index % 5 < 3 { values[index] = 0 }
    // What a sample at even distances sees is larger than all else.
    case "hidden": for index in stride(from: 0, to: count, by: 79) { values[index] = 1e9 }
    case "wild": values = Weights.wild(count, seed: 8)
    default: break
    }
    let tensors = [0..<1_000_001, 1_000_001..<count].map {
      Weights.tensor(Array(values[$0]))
    }
    for pruned in [1, 1000, count / 2, count - 1000, count] {
      var cut = Select.magnitudeCut(pruning: pruned, of: tensors)
      let plain = tensors.map { cut?.mask(of: $0) }
      #expect(Select.masks(pruning: pruned, of: tensors) == plain)
    }
  }

  @Test func aDistributionCountsAsSortingDoes() throws {
    let values = Weights.gaussian(100_000, seed: 5) + [0, -0.0, Float(bitPattern: 77)]
    var counts = MagnitudeCounts()
    let finished = counts.add(Weights.tensor(values))
    #expect(finished)
    let sorted = values.map(\.magnitude).sorted()
    let distribution = counts.distribution(isWhole: false)
    #expect(distribution.total == values.count)
    for rank in [0, 1, 2, 3, 1000, 50_000, values.count - 1] {
      let bucket = Int(sorted[rank].bitPattern >> 16)
      #expect(distribution.bucket(of: rank) == bucket)
      #expect(MagnitudeDistribution.bucket(of: rank, in: [distribution]) == bucket)
      #expect(distribution.count(below: bucket) <= rank)
      #expect(distribution.count(below: bucket + 1) > rank)
      let squares = sorted[...rank].reduce(0.0) { $0 + Double($1) * Double($1) }
      // Zeros and denormal numbers are of one bucket.
      let distance = abs(distribution.squares(ofSmallest: rank + 1) - squares)
      #expect(distance <= 0.01 * squares + 1e-75)
      let upTo = distribution.count(upTo: sorted[rank].bitPattern)
      #expect(abs(upTo.count - rank - 1) <= distribution.count(in: bucket))
    }
    #expect(MagnitudeDistribution.bucket(of: values.count, in: [distribution]) == nil)
    #expect(distribution.count(upTo: Float(1e30).bitPattern) == (values.count, true))
  }

  @Test func aDistributionOfWholeMagnitudesIsExact() {
    let values = Weights.gaussian(10_000, seed: 6).map {
      Float(bitPattern: $0.bitPattern & 0xffff_0000)
    }
    var counts = MagnitudeCounts()
    let finished = counts.add(Weights.tensor(values))
    #expect(finished)
    let distribution = counts.distribution(isWhole: true)
    let threshold = values[17].magnitude
    let smaller = values.map(\.magnitude).filter { $0 <= threshold }
    #expect(distribution.count(upTo: threshold.bitPattern) == (smaller.count, true))
    let squares = smaller.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(distribution.squares(ofSmallest: smaller.count) - squares) <= 1e-9 * squares)
  }

  @Test func findsTheLargestOfEachBlock() {
    let values = Weights.gaussian(1000, seed: 7)
    let largest = Weights.tensor(values).largestMagnitudes(ofBlocks: 32, threads: 2)
    #expect(largest.shape.count == 32)
    #expect(largest.array[3] == values[96..<128].map(\.magnitude).max())
    #expect(largest.array[31] == values[992...].map(\.magnitude).max())
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
