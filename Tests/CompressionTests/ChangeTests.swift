import Compression
import Jobs
import Synchronization
import Tensors
import Testing

/// Changes that are made each time a layer is read.
@Suite struct ChangeTests {
  /// Reading gets the reader's threads, and ends when the reader is to stop, also
  /// through several changes.
  @Test func lazyChangesStopWithTheirReader() throws {
    let layer = try #require(SmallModel.normal([8, 8]).first)
    let threadsSeen = Mutex<[Int]>([])
    let change: Change = { weights, threads, shouldStop in
      threadsSeen.withLock { $0.append(threads) }
      if shouldStop() { throw Cancelled() }
      return weights
    }
    let once = try layer.changed(lazily: true, threads: 1, shouldStop: { false }, by: change)
    let twice = try once.changed(lazily: true, threads: 1, shouldStop: { false }, by: change)
    #expect(threadsSeen.withLock { $0.isEmpty })
    #expect(try twice.tensor(threads: 3).array == layer.tensor().array)
    #expect(threadsSeen.withLock { $0 } == [3, 3])
    #expect(throws: Cancelled.self) { try twice.tensor(threads: 5, shouldStop: { true }) }
    #expect(threadsSeen.withLock { $0 } == [3, 3, 5])
  }

  /// What stops while a layer is read is a job that was cancelled.
  @Test func readingIsCancelledWithTheJob() throws {
    let layer = try #require(SmallModel.normal([8, 8]).first)
    struct Stopped: Error {}
    let slow = Parameter(
      name: layer.name, shape: layer.shape, dtype: layer.dtype, place: layer.place,
      reading: { _, shouldStop in
        if shouldStop() { throw Stopped() }
        return try layer.tensor()
      })
    let cancellation = Cancellation()
    let job = JobContext(cancellation: cancellation)
    #expect(try slow.weights(in: job).array == layer.tensor().array)
    cancellation.cancel()
    #expect(throws: Cancelled.self) { try slow.weights(in: job) }
  }
}
