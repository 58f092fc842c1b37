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

  /// Text by the same author that neither was trained on.
  static let validationName = "shakespeare-validation.txt"

  static func validationText() -> String {
    unsafe String(decoding: bytes(embedded_validation()), as: UTF8.self)
  }

  /// Whether a checkpoint is one of the two, here or in a file.
  static func isPart(_ checkpoint: Checkpoint) -> Bool {
    unsafe checkpoint.isWhole(bytes(embedded_checkpoint()))
      || checkpoint.isWhole(bytes(embedded_compressed()))
  }

  private static func bytes(_ file: embedded_file) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: file.bytes, count: file.count)
  }
}
