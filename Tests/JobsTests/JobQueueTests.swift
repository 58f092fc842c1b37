import Dispatch
import Jobs
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct JobQueueTests {
  private let queue = JobQueue(label: "test", threads: 1)

  @Test func jobsRunInTheOrderTheyCame() {
    let log = Log()
    let ids = (0..<20).map { number in
      queue.submit { _ in
        number
      } completion: {
        log.append($0)
      }.id
    }
    log.await(20)
    #expect(log.all == (0..<20).map { "finished \($0)" })
    #expect(ids == ids.sorted() && Set(ids).count == 20)
  }

  @Test func aFailureIsToldAndTheNextJobRuns() {
    struct Failure: Error {}
    let log = Log()
    queue.submit { _ -> Int in
      throw Failure()
    } completion: {
      log.append($0)
    }
    queue.submit { _ in
      2
    } completion: {
      log.append($0)
    }
    log.await(2)
    #expect(log.all == ["failed Failure()", "finished 2"])
  }

  @Test func aJobCancelledBeforeItsTurnNeverRuns() {
    let log = Log()
    let hold = Hold()
    queue.submit { _ in
      hold.wait()
    } completion: { _ in
    }
    let second = queue.submit { _ in
      log.note("ran")
    } completion: {
      log.append($0)
    }
    second.cancellation.cancel()
    hold.release()
    log.await(1)
    #expect(log.all == ["cancelled"])
  }

  @Test func aRunningJobStopsAtItsNextCheckpoint() {
    let log = Log()
    let started = Hold()
    let job = queue.submit { job in
      started.release()
      while true { try job.checkpoint() }
    } completion: { (outcome: JobOutcome<Int>) in
      log.append(outcome)
    }
    started.wait()
    job.cancellation.cancel()
    log.await(1)
    #expect(log.all == ["cancelled"])
  }

  @Test func theLatestReplacesWhatWaitsAndWhatRuns() {
    let log = Log()
    let started = Hold()
    queue.submitLatest { job in
      started.release()
      while true { try job.checkpoint() }
    } completion: { (outcome: JobOutcome<Int>) in
      log.append(outcome)
    }
    started.wait()
    for number in 1...5 {
      queue.submitLatest { _ in
        number
      } completion: {
        log.append($0)
      }
    }
    log.await(6)
    #expect(log.all.first == "cancelled" && log.all.last == "finished 5")
  }

  @Test func whatWaitedIsReplacedBeforeItRuns() {
    let log = Log()
    let hold = Hold()
    queue.submit { _ in
      hold.wait()
    } completion: { _ in
    }
    for number in 1...5 {
      queue.submitLatest { _ in
        number
      } completion: {
        log.append($0)
      }
    }
    hold.release()
    log.await(5)
    #expect(log.all == Array(repeating: "cancelled", count: 4) + ["finished 5"])
  }

  @Test func theLatestLeavesOtherJobsAlone() {
    let log = Log()
    let hold = Hold()
    queue.submit { _ in
      hold.wait()
    } completion: {
      log.append($0)
    }
    queue.submitLatest { _ in
      1
    } completion: {
      log.append($0)
    }
    queue.submit { _ in
      2
    } completion: {
      log.append($0)
    }
    queue.submitLatest { _ in
      3
    } completion: {
      log.append($0)
    }
    hold.release()
    log.await(4)
    #expect(log.all == ["finished ()", "cancelled", "finished 2", "finished 3"])
  }

  @Test func aPausedJobGoesOnWhenResumed() {
    let log = Log()
    let started = Hold()
    let mayAsk = Hold()
    let job = queue.submit { job in
      started.release()
      mayAsk.wait()
      try job.checkpoint()
      log.note("resumed")
    } completion: {
      log.append($0)
    }
    started.wait()
    job.gate.setPaused(true)
    job.gate.setPaused(true)
    #expect(job.gate.isPaused)
    mayAsk.release()
    log.note("paused")
    job.gate.setPaused(false)
    log.await(3)
    #expect(log.all == ["paused", "resumed", "finished ()"])
  }

  @Test func aPausedJobCanBeCancelled() {
    let log = Log()
    let hold = Hold()
    let job = queue.submit { job in
      hold.wait()
      try job.checkpoint()
    } completion: {
      log.append($0)
    }
    job.gate.setPaused(true)
    hold.release()
    job.cancellation.cancel()
    log.await(1)
    #expect(log.all == ["cancelled"])
  }

  @Test func aPausedGateMayBeForgotten() {
    for _ in 0..<10 { PauseGate().setPaused(true) }
  }

  @Test func theQueueIsBusyFromSubmissionOn() {
    let hold = Hold()
    let settled = Hold()
    let queue = JobQueue(label: "test", threads: 1, onSettled: { settled.release() })
    #expect(queue.isIdle)
    queue.submit { _ in
      hold.wait()
    } completion: { [queue] _ in
      #expect(!queue.isIdle)
    }
    #expect(!queue.isIdle)
    hold.release()
    settled.wait()
    #expect(queue.isIdle)
  }

  @Test func progressArrivesOnTheWay() {
    let log = Log()
    queue.submit {
      log.note("\($0.fraction) \($0.detail)")
    } _: { job in
      job.progress(0.25, "layer")
    } completion: {
      log.append($0)
    }
    log.await(2)
    #expect(log.all == ["0.25 layer", "finished ()"])
  }
}

/// A gate that opens once, for tests that must not sleep.
struct Hold: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  func release() { semaphore.signal() }
  func wait() { semaphore.wait() }
}

/// What happened, in order.
private final class Log: Sendable {
  private let lines = Mutex<[String]>([])
  private let written = DispatchSemaphore(value: 0)

  func note(_ line: String) {
    lines.withLock { $0.append(line) }
    written.signal()
  }

  func append<Value>(_ outcome: JobOutcome<Value>) {
    switch outcome {
    case .finished(let value): note("finished \(value)")
    case .cancelled: note("cancelled")
    case .failed(let error): note("failed \(error)")
    }
  }

  /// Returns once `count` more lines were written.
  func await(_ count: Int) { for _ in 0..<count { written.wait() } }

  var all: [String] { lines.withLock { $0 } }
}
