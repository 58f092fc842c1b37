import Tensors
import TestSupport
import Testing

/// Memory that is given back serves the next that wants about as much.
@Suite struct WeightMemoryTests {
  /// Tensors of several sizes come and go on all threads; what one has written stays
  /// until it goes, whoever had the memory before.
  @Test func noTwoTensorsShareMemory() {
    Parallel.forEach(count: 4, threads: 4) { thread in
      var random = SplitMix64(seed: UInt64(thread))
      var kept: [Tensor] = []
      for round in 0..<24 {
        let mark = Float(thread * 1000 + round)
        let count = Int.random(in: 1...3, using: &random) << 20
        let tensor = unsafe Tensor([count]) { values in
          unsafe values.initialize(repeating: 0)
          for index in stride(from: 0, to: count, by: 1024) { unsafe values[index] = mark }
        }
        kept.append(tensor)
        if kept.count > 2 { kept.remove(at: Int.random(in: 0..<2, using: &random)) }
        for tensor in kept {
          unsafe tensor.withUnsafeValues { values in
            let mark = unsafe values[0]
            let isWhole = stride(from: 0, to: values.count, by: 1024).allSatisfy {
              unsafe values[$0] == mark && values[$0 + 1] == 0
            }
            #expect(isWhole, "seed \(thread), round \(round)")
          }
        }
      }
    }
  }

  /// The memory may be longer than what was asked for, never shorter.
  @Test func thereIsAsMuchAsWasAskedFor() {
    for byteCount in [0, 1, 4 << 20, 5 << 20, 4 << 20, 1 << 20] {
      let memory = unsafe WeightMemory.allocate(byteCount: byteCount)
      #expect(memory.count >= byteCount)
      #expect(UInt(bitPattern: memory.baseAddress) % 64 == 0)
      unsafe WeightMemory.release(memory)
    }
  }
}
