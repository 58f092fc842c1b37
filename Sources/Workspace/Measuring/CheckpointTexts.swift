internal import CheckpointIO
internal import Models
internal import Synchronization
internal import Tensors
internal import Transformers

/// Texts to calibrate on, as a checkpoint's tokens. What the original writes is written once.
final class CheckpointTexts: CalibrationTexts {
  private let checkpoint: Checkpoint
  private let written = Mutex<[Int]>([])

  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  func tokens(
    of path: String, count: Int, threads: Int, shouldStop: @escaping @Sendable () -> Bool
  ) throws -> [Int] {
    guard path.isEmpty else {
      let file = try TextFile(path: path, part: .whole)
      return Array(try file.read { try TextCoder(of: checkpoint) }.tokens.prefix(count))
    }
    let known = written.withLock { $0 }
    if known.count >= count { return Array(known.prefix(count)) }
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let text = try ReferenceText.write(
      by: network, count: count, threads: threads, shouldStop: shouldStop)
    written.withLock { $0 = text }
    return text
  }

  func mark(of path: String) throws -> String {
    guard !path.isEmpty else { return "" }
    let text = try TextFile(path: path, part: .whole).contents()
    let mark = String(Fingerprint(of: text.utf8).value, radix: 16)
    return String(repeating: "0", count: 16 - mark.count) + mark
  }
}
