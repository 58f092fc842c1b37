internal import CEmbedded
public import CheckpointIO

/// The checkpoints that are part of the program: a network, what it became when it
/// compressed itself, and the log of that. No file is read.
public enum Embedded {
  static let compressedName = "shakespeare-char-compressed.safetensors"

  /// The network.
  public static func open() throws(CheckpointError) -> Checkpoint {
    unsafe try Checkpoint.open(
      staticBytes: bytes(embedded_checkpoint()), name: "shakespeare-char.safetensors")
  }

  static func openCompressed() throws(CheckpointError) -> Checkpoint {
    unsafe try Checkpoint.open(staticBytes: bytes(embedded_compressed()), name: compressedName)
  }

  static func log() throws -> TrainingLog {
    unsafe try TrainingLog(bytes: Array(bytes(embedded_log())), path: compressedName)
  }

  private static func bytes(_ file: embedded_file) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: file.bytes, count: file.count)
  }
}
