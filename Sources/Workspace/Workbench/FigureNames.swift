internal import Synchronization

/// The layers that a job has still to measure, each once. What somebody looks
/// at meanwhile is moved to the front.
package final class FigureNames: Sendable {
  private struct Queue {
    var urgent: [String] = []
    var rest: ArraySlice<String>
    var given: Set<String> = []
    var isOver = false
  }

  private let queue: Mutex<Queue>

  package init(_ names: [String]) { queue = Mutex(Queue(rest: names[...])) }

  /// Puts names first, in their order; those given already stay so. False when
  /// all were given and nobody asks for more.
  package func hurry(_ names: [String]) -> Bool {
    queue.withLock {
      $0.urgent = names.reversed()
      return !$0.isOver
    }
  }

  /// The next name; nil when all were given.
  package func next() -> String? {
    queue.withLock { queue in
      while let name = queue.urgent.popLast() ?? queue.rest.popFirst() {
        if queue.given.insert(name).inserted { return name }
      }
      queue.isOver = true
      return nil
    }
  }
}
