/// The kinds of files that are written.
public enum FileFormat: String, Sendable, CaseIterable {
  case safetensors, pytorch, gguf

  /// What a file's name says: `.pt`, `.pth` and `.bin` are PyTorch, `.gguf` is GGUF, all
  /// else safetensors.
  public init(named path: String) {
    let name = path.lowercased()
    if [".pt", ".pth", ".bin"].contains(where: name.hasSuffix) {
      self = .pytorch
    } else {
      self = name.hasSuffix(".gguf") ? .gguf : .safetensors
    }
  }

  /// In a sentence.
  public var title: String {
    switch self {
    case .safetensors: "safetensors"
    case .pytorch: "PyTorch"
    case .gguf: "GGUF"
    }
  }
}
