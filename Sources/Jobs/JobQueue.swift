public import Dispatch
internal import Synchronization

/// Names a job for as long as the program runs.
public struct JobID: Sendable, Hashable, Comparable {
  /// Rises with each job of a queue.
  public let number: Int

  /// Numbers of jobs are given by whoever shows them.
  public init(number: Int) { self.number = number }

  /// Whether `a` was submitted first.
  public static func < (a: JobID, b: JobID) -> Bool { a.number < b.number }
}

/// A job that was handed to a queue; lets the owner pause and cancel it.
public struct JobHandle: Sendable {
  /// Names the job.
  public let id: JobID
  /// Stops it.
  public let cancellation: Cancellation
  /// Pauses it.
  public let gate: PauseGate
}

/// How a job ended.
public enum JobOutcome<Value: Sendable>: Sendable {
  case finished(Value)
  case cancelled
  case failed(any Error)
}

/// Runs jobs one after another on a background Dispatch queue.
///
/// Jobs are pausable and cancellable from outside, before and while they run.
/// `submitLatest` keeps at most one waiting job of its kind: a running preview
/// is cancelled, a waiting one is replaced, so that dragging never queues up.
public final class JobQueue: Sendable {
  private struct State {
    var next = 1
    var alive = 0
    var latest: Cancellation?
  }

  private let queue: DispatchQueue
  private let state = Mutex(State())
  /// Threads each job may use.
  public let threads: Int
  private let onSettled: @Sendable () -> Void

  /// `onSettled` is called on the job's thread after each job, once `isIdle` no
  /// longer counts it; a loop that waits for idleness rings its mailbox there.
  public init(
    label: String, threads: Int, qos: DispatchQoS = .userInitiated,
    onSettled: @escaping @Sendable () -> Void = {}
  ) {
    queue = DispatchQueue(label: label, qos: qos)
    self.threads = threads
    self.onSettled = onSettled
  }

  /// Whether no job runs or waits. A job counts from before it is dispatched
  /// until after its completion has returned.
  public var isIdle: Bool { state.withLock { $0.alive == 0 } }

  /// Queues a job. `progress` and `completion` are called on the job's thread.
  @discardableResult
  public func submit<Value: Sendable>(
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    _ body: @escaping @Sendable (borrowing JobContext) throws -> Value,
    completion: @escaping @Sendable (JobOutcome<Value>) -> Void
  ) -> JobHandle {
    let id = state.withLock { state in
      defer { state.next += 1 }
      state.alive += 1
      return JobID(number: state.next)
    }
    let handle = JobHandle(id: id, cancellation: Cancellation(), gate: PauseGate())
    queue.async { [self] in
      completion(run(body, handle, progress))
      state.withLock { $0.alive -= 1 }
      onSettled()
    }
    return handle
  }

  /// Queues a job and cancels the one queued before it by this call.
  @discardableResult
  public func submitLatest<Value: Sendable>(
    _ body: @escaping @Sendable (borrowing JobContext) throws -> Value,
    completion: @escaping @Sendable (JobOutcome<Value>) -> Void
  ) -> JobHandle {
    let handle = submit(body, completion: completion)
    let former = state.withLock { state in
      defer { state.latest = handle.cancellation }
      return state.latest
    }
    former?.cancel()
    return handle
  }

  private func run<Value: Sendable>(
    _ body: (borrowing JobContext) throws -> Value, _ handle: JobHandle,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) -> JobOutcome<Value> {
    let context = JobContext(
      cancellation: handle.cancellation, gate: handle.gate, threads: threads, report: progress)
    do {
      try context.checkpoint()
      return .finished(try body(context))
    } catch is Cancelled {
      return .cancelled
    } catch {
      return .failed(error)
    }
  }
}
