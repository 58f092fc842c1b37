import Foundation
import Testing

/// What a long run needs, it needs after its first part.
@Suite struct MemoryTests {
  /// Channels are removed all along, so that there are ever new shapes of products, each
  /// with code of its own in the matrix library.
  @Test func memoryOfSelfCompressionDoesNotGrow() throws {
    let scratch = try Scratch()
    try Data(CommandLineCompression.words.utf8).write(
      to: scratch.url.appendingPathComponent("text"))
    let begin = [
      "train", "text", "-o", "begin", "--preset", "tiny", "--blocks", "4", "--heads", "4",
      "--width", "64", "--context", "16", "--batch", "4", "--steps", "20", "--threads", "1",
    ]
    #expect(try Program.run(begin, in: scratch).status == 0)
    let steps = 900
    let running = try Program.start(
      [
        "compress", "begin", "--text", "text", "-o", "out", "--target", "0.5", "--batch", "1",
        "--context", "16", "--validate-every", "25", "--threads", "1", "--steps", String(steps),
      ], in: scratch)
    var first: Int?
    var last = 0
    while running.process.isRunning {
      usleep(20_000)
      guard let peak = Self.peak(of: running.process) else { continue }
      last = peak
      let log = (try? scratch.bytes("out.log.jsonl")) ?? Data()
      if first == nil, log.count(where: { $0 == 0x0A }) > steps / 3 { first = peak }
    }
    let outcome = try running.outcome()
    #expect(outcome.status == 0, "\(outcome.error)")
    let early = try #require(first)
    #expect(last - early < 12 << 10, "\(early) kB, then \(last) kB")
  }

  /// The most memory that a process has had, in kB.
  private static func peak(of process: Process) -> Int? {
    let path = "/proc/\(process.processIdentifier)/status"
    guard let status = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
}
