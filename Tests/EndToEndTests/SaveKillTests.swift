import Foundation
import TestSupport
import Testing

/// A save is whole or did not happen, whenever the process is killed.
@Suite struct SaveKillTests {
  /// `PARE_KILLS=200` for the figure of the quality goals.
  static let count = ProcessInfo.processInfo.environment["PARE_KILLS"].flatMap { Int($0) } ?? 40

  @Test func killedAtAnyMomentLeavesTheOldFileOrTheNew() throws {
    let scratch = try Scratch()
    let model = Fixtures.checkpoint("shakespeare-char.safetensors")
    let save = ["convert", model, "-o", scratch.path("out.safetensors"), "--force"]
    let old = try Data(contentsOf: URL(fileURLWithPath: Fixtures.checkpoint("tiny.safetensors")))
    let start = ContinuousClock.now
    #expect(try Program.run(save, in: scratch).status == 0)
    let duration = ContinuousClock.now - start
    let new = try scratch.bytes("out.safetensors")
    #expect(new != old)
    var random = SplitMix64(seed: 9)
    var (oldCount, newCount) = (0, 0)
    for _ in 0..<Self.count {
      try old.write(to: URL(fileURLWithPath: scratch.path("out.safetensors")))
      let running = try Program.start(save, in: scratch)
      // The moment is what is tested, so this test waits; nothing depends on how long.
      let moment = Double.random(in: 0...1.1, using: &random) * (duration / .seconds(1))
      usleep(UInt32(moment * 1e6))
      kill(running.process.processIdentifier, SIGKILL)
      running.process.waitUntilExit()
      let left = try scratch.bytes("out.safetensors")
      if left == old { oldCount += 1 }
      if left == new { newCount += 1 }
    }
    #expect(oldCount + newCount == Self.count)
    print("killed \(Self.count) times in \(duration): old \(oldCount), new \(newCount)")
    // What was left beside it is used again by the next save.
    #expect(try Program.run(save, in: scratch).status == 0)
    #expect(scratch.names == ["out.safetensors"])
  }
}
