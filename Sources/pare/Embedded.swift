internal import CEmbedded
internal import CheckpointIO

/// The checkpoint that is part of the program.
enum Embedded {
  static let name = "shakespeare-char.safetensors"

  /// Opens it; no file is read.
  static func open() throws -> Checkpoint {
    let bytes = unsafe UnsafeRawBufferPointer(
      start: embedded_checkpoint_bytes(), count: embedded_checkpoint_byte_count())
    return unsafe try Checkpoint.open(staticBytes: bytes, name: name)
  }
}
