import Synchronization
import Tensors
import Testing

@Suite struct ParallelTests {
  @Test(arguments: [0, 1, 2, 5, 1000], 1...4)
  func visitsEachIndexOnce(count: Int, threads: Int) {
    let visits = Mutex([Int](repeating: 0, count: count))
    let finished = Parallel.forEach(count: count, threads: threads) { index in
      visits.withLock { $0[index] += 1 }
    }
    #expect(finished)
    #expect(visits.withLock { $0 } == [Int](repeating: 1, count: count))
  }

  @Test func stopsBetweenCalls() {
    let calls = Atomic(0)
    let finished = Parallel.forEach(
      count: 1000, threads: 2, shouldStop: { calls.load(ordering: .relaxed) >= 10 }
    ) { _ in calls.wrappingAdd(1, ordering: .relaxed) }
    #expect(!finished)
    #expect(calls.load(ordering: .relaxed) < 20)
  }
}
