import Jobs
import Synchronization
import Testing

@Suite struct ProgressTests {
  @Test func aPartCountsAsItsRange() {
    let seen = Mutex<[Progress]>([])
    let job = JobContext { progress in seen.withLock { $0.append(progress) } }
    let half = job.part(0.5...1)
    half.progress(0, "first")
    half.part(0.5...1).progress(0.5, "second")
    half.progress(1)
    #expect(
      seen.withLock { $0 } == [
        Progress(fraction: 0.5, detail: "first"), Progress(fraction: 0.875, detail: "second"),
        Progress(fraction: 1),
      ])
  }

  @Test func aPartStopsWithTheWhole() {
    let cancellation = Cancellation()
    let job = JobContext(cancellation: cancellation)
    let part = job.part(0...0.5)
    #expect(throws: Never.self) { try part.checkpoint() }
    cancellation.cancel()
    #expect(throws: Cancelled.self) { try part.checkpoint() }
    let shouldStop = part.shouldStop()
    #expect(shouldStop)
  }
}
