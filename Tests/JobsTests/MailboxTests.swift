import Dispatch
import Glibc
import Jobs
import Testing

@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
  @Test func messagesComeInTheOrderTheyWerePosted() {
    let mailbox = Mailbox<Int>()
    for number in 0..<1000 { mailbox.post(number) }
    #expect(mailbox.drain() == Array(0..<1000))
    #expect(mailbox.drain().isEmpty)
  }

  @Test func theDescriptorIsReadableWhileMessagesWait() {
    let mailbox = Mailbox<Int>()
    #expect(!isReadable(mailbox))
    mailbox.post(1)
    mailbox.post(2)
    #expect(isReadable(mailbox))
    _ = mailbox.drain()
    #expect(!isReadable(mailbox))
    mailbox.post(3)
    #expect(isReadable(mailbox))
    #expect(mailbox.drain() == [3])
  }

  @Test func nothingIsLostBetweenThreads() {
    let mailbox = Mailbox<Int>()
    let perThread = 2000
    let done = DispatchGroup()
    for thread in 0..<4 {
      DispatchQueue.global().async(group: done) {
        for number in 0..<perThread { mailbox.post(thread * perThread + number) }
      }
    }
    var seen: [Int] = []
    while seen.count < 4 * perThread {
      mailbox.wait()
      seen += mailbox.drain()
    }
    done.wait()
    #expect(seen.sorted() == Array(0..<4 * perThread))
    for thread in 0..<4 {
      let own = seen.filter { $0 / perThread == thread }
      #expect(own == own.sorted())
    }
  }

  @Test func waitingEndsWhenNothingComes() {
    Mailbox<Int>().wait(milliseconds: 0)
  }

  @Test func aRingWakesWithoutAMessage() {
    let mailbox = Mailbox<Int>()
    mailbox.ring()
    #expect(isReadable(mailbox))
    #expect(mailbox.drain().isEmpty)
    #expect(!isReadable(mailbox))
  }

  private func isReadable(_ mailbox: Mailbox<Int>) -> Bool {
    var descriptor = pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&descriptor, 1, 0) == 1
  }
}
