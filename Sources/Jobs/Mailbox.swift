internal import Glibc
internal import Synchronization

/// Messages from background threads to the one that owns the screen.
///
/// Posting wakes a `poll(2)` on `wakeDescriptor` (a pipe's reading end). Any
/// thread may post; one thread drains.
public final class Mailbox<Message: Sendable>: Sendable {
  /// Readable while messages wait.
  public let wakeDescriptor: Int32
  private let ringDescriptor: Int32
  private let waiting = Mutex<[Message]>([])

  /// An empty mailbox. Takes two file descriptors.
  public init() {
    var ends: [Int32] = [-1, -1]
    let status = unsafe pipe(&ends)
    precondition(status == 0, "no file descriptor is left for a pipe")
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    wakeDescriptor = ends[0]
    ringDescriptor = ends[1]
  }

  deinit {
    close(wakeDescriptor)
    close(ringDescriptor)
  }

  /// Adds a message and wakes the reader.
  public func post(_ message: Message) {
    let isFirst = waiting.withLock { messages in
      messages.append(message)
      return messages.count == 1
    }
    if isFirst { ring() }
  }

  /// Wakes the reader without a message, so that it looks around.
  public func ring() {
    var bell: UInt8 = 1
    unsafe _ = write(ringDescriptor, &bell, 1)
  }

  /// Takes all that waits, in the order it was posted.
  public func drain() -> [Message] {
    var bells: [UInt8] = Array(repeating: 0, count: 64)
    while unsafe read(wakeDescriptor, &bells, bells.count) == bells.count {}
    return waiting.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }

  /// Blocks until a message waits or `milliseconds` have passed (nil: for ever).
  public func wait(milliseconds: Int32? = nil) {
    var descriptor = pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)
    unsafe _ = poll(&descriptor, 1, milliseconds ?? -1)
  }
}
