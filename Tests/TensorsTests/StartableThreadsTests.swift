import Tensors
import Testing

@Suite struct StartableThreadsTests {
  @Test(arguments: [0, 1, 5]) func noMoreThanAskedFor(count: Int) {
    #expect(StartableThreads.count(upTo: count) == count)
  }
}
