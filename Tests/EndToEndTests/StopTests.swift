import Foundation
import TestSupport
import Testing

/// A run of self-compression that is stopped again and again, at any moment and by any
/// signal, ends each time in order, and in the end with the bytes of a run that was not.
@Suite struct StopTests {
  /// `PARE_STOPS=500` for the figure of the quality goals.
  static let count = ProcessInfo.processInfo.environment["PARE_STOPS"].flatMap { Int($0) } ?? 20

  @Test func stoppedAtAnyMomentItEndsWithTheSameBytes() throws {
    let scratch = try Scratch()
    try Data(CommandLineCompression.words.utf8).write(
      to: scratch.url.appendingPathComponent("text"))
    let begin = [
      "train", "text", "-o", "begin", "--preset", "tiny", "--blocks", "2", "--heads", "4",
      "--width", "128", "--context", "64", "--batch", "4", "--steps", "10", "--threads", "1",
    ]
    #expect(try Program.run(begin, in: scratch).status == 0)
    let common = ["compress", "begin", "--text", "text", "--threads", "1"]
    let settings = [
      "--target", "1", "--batch", "4", "--context", "64", "--validate-every", "1",
      "--steps", String(2 * Self.count),
    ]
    #expect(try Program.run(common + settings + ["-o", "whole"], in: scratch).status == 0)

    var random = SplitMix64(seed: 10)
    let signals = [SIGINT, SIGTERM, SIGHUP]
    var statuses: [Int32: Int] = [:]
    var isBegun = false
    for _ in 0..<Self.count {
      let more = isBegun ? ["--resume"] : settings + ["--force"]
      let running = try Program.start(common + ["-o", "out"] + more, in: scratch)
      Self.waitForTheLog(of: running.process)
      // The moment is what is tested, so this test waits; nothing depends on how long.
      usleep(UInt32.random(in: 0...300_000, using: &random))
      let number = signals.randomElement(using: &random) ?? SIGINT
      _ = kill(running.process.processIdentifier, number)
      running.process.waitUntilExit()
      // Before it listens, a signal ends it at once; a run that was done is so.
      let isKilled = running.process.terminationReason == .uncaughtSignal
      let status = running.process.terminationStatus
      statuses[isKilled ? -status : status, default: 0] += 1
      let error = try running.outcome().error
      #expect(isKilled ? status == number : [0, 130].contains(status), "\(status): \(error)")
      isBegun = scratch.names.contains("out.state")
      if status == 0 && !isKilled { break }
    }
    print("stopped \(Self.count) times: \(statuses)")
    if isBegun {
      #expect(try Program.run(common + ["-o", "out", "--resume"], in: scratch).status == 0)
    }
    #expect(try scratch.bytes("out") == scratch.bytes("whole"))
  }

  /// Training begins soon after its log is open.
  private static func waitForTheLog(of process: Process) {
    let folder = "/proc/\(process.processIdentifier)/fd/"
    let files = FileManager.default
    func isOpen() -> Bool {
      let names = (try? files.contentsOfDirectory(atPath: folder)) ?? []
      return names.contains {
        (try? files.destinationOfSymbolicLink(atPath: folder + $0))?.hasSuffix("log.jsonl") == true
      }
    }
    while process.isRunning, !isOpen() { usleep(1000) }
  }
}
