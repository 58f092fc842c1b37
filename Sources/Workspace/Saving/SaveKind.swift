public import CheckpointIO
public import Tensors

/// What kind of file a revision is saved as.
public enum SaveKind: Sendable, Hashable {
  case safetensors(SaveForm)
  /// The state dictionary, dense, each tensor of its own type.
  case pytorch
  /// Under llama.cpp's names where it knows the model.
  case gguf(GGUFStorage)

  /// What a file's name and the options of a save ask for, as `pare convert` decides:
  /// blocks mean GGUF, else the name decides; safetensors is packed unless `isDense`.
  ///
  /// Throws `SavingError` for options that exclude each other.
  public init(named path: String, isDense: Bool, blocks: BlockFormat?) throws(SavingError) {
    if let blocks {
      if isDense { throw SavingError("--type writes GGUF; --dense goes without it") }
      self = .gguf(.blocks(blocks))
      return
    }
    switch FileFormat(named: path) {
    case .safetensors: self = .safetensors(isDense ? .dense(nil) : .packed)
    case .pytorch: self = .pytorch
    case .gguf: self = .gguf(.own)
    }
  }
}

/// What a save has written.
public struct SavedFile: Sendable, Hashable {
  public let path: String
  public let byteCount: Int
  public let tensorCount: Int
  /// Tensors that were there from a save that stopped.
  public let resumed: Int
  /// What the file does not hold as the checkpoint had it.
  public let losses: [SaveLoss]
}
