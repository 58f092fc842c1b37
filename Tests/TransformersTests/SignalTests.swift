import Backend
import Foundation
import Synchronization
import Testing
import Transformers

/// Signals that arrive while products are computed change nothing: not the digits, not
/// the heap. oneDNN needs handlers to run on a stack of their own for that, see
/// `pare_use_signal_stack`.
@Suite struct SignalTests {
  /// Ignored by default, so that it harms nobody else.
  private static let number = SIGURG
  private static let wanted = 2000
  private static let handled = Atomic<Int>(0)

  private enum Worker {
    case starting
    case computing(pthread_t)
    case done(wrong: Int?)
  }

  @Test func productsAreTheSameWhileSignalsArrive() {
    var action = sigaction()
    var former = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in
      SignalTests.handled.add(1, ordering: .relaxed)
    }
    action.sa_flags = SA_RESTART | SA_ONSTACK
    unsafe sigaction(Self.number, &action, &former)
    defer { unsafe _ = sigaction(Self.number, &former, nil) }

    let worker = Mutex(Worker.starting)
    Thread {
      Self.unblock()
      worker.withLock { $0 = .computing(pthread_self()) }
      let wrong = try? Self.wrongProducts()
      // Under the lock, so that no signal is sent to a thread that is gone.
      worker.withLock { $0 = .done(wrong: wrong) }
    }.start()
    var found: Int?? = nil
    while found == nil {
      worker.withLock { state in
        switch state {
        case .starting: break
        case .computing(let thread): pthread_kill(thread, Self.number)
        case .done(let wrong): found = .some(wrong)
        }
      }
      usleep(20)
    }
    #expect(found == .some(0))
  }

  /// Threads of tests block signals, which a new thread takes over.
  private static func unblock() {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Multiplies until enough signals came; how often the result was another than the first.
  /// Rows of the result lie apart, as those of a group of a wide layer's outputs do: oneDNN
  /// then takes its older code, in which the heap is at risk.
  private static func wrongProducts() throws -> Int {
    let (m, n, k, stride) = (256, 192, 128, 384)
    let engine = try MatrixEngine()
    let a = (0..<m * k).map { Float($0 * 7919 % 101 - 50) / 50 }
    let b = (0..<n * k).map { Float($0 * 104_729 % 97 - 48) / 48 }
    var c = [Float](repeating: 0, count: m * stride)
    func multiply() {
      unsafe a.withUnsafeBytes { a in
        unsafe b.withUnsafeBytes { b in
          unsafe c.withUnsafeMutableBytes { c in
            unsafe engine.multiply(
              ProductSize(m: m, n: n, k: k),
              Operand(a.baseAddress.unsafelyUnwrapped, stride: k),
              Operand(b.baseAddress.unsafelyUnwrapped, stride: k, isTransposed: true),
              into: Operand(UnsafeRawPointer(c.baseAddress.unsafelyUnwrapped), stride: stride),
              ProductForm(isHalf: false))
          }
        }
      }
    }
    multiply()
    let first = c
    var wrong = 0
    while handled.load(ordering: .relaxed) < wanted {
      multiply()
      if c != first { wrong += 1 }
    }
    try engine.check()
    return wrong
  }
}
