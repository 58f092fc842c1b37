internal import Glibc

/// The file that a path means: itself, the checkpoint in a folder, or the index
/// of the shards that it is one of.
struct CheckpointLocation {
  let path: String
  let name: String
  /// What is odd about the choice.
  let warning: String?

  /// What a folder's checkpoint may be called, in the order in which Hugging Face's
  /// libraries look for it; then nanoGPT's, Mistral's and Meta's names, and those of an adapter.
  private static let names = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json", "ckpt.pt", "consolidated.safetensors", "consolidated.00.pth",
    "adapter_model.safetensors", "adapter_model.bin",
  ]
  private static let indexSuffix = ".index.json"

  /// Throws for a folder without a checkpoint; whether the file can be opened is
  /// seen when it is.
  init(_ path: String) throws(CheckpointError) {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      self.init(file: path)
      return
    }
    let folder = path.hasSuffix("/") ? path : path + "/"
    guard let name = Self.names.first(where: { unsafe access(folder + $0, F_OK) == 0 }) else {
      throw .directory(path: path)
    }
    self.init(
      path: folder + name, name: Self.folderName(folder + name) ?? name, warning: nil)
  }

  private init(path: String, name: String, warning: String?) {
    self.path = path
    self.name = name
    self.warning = warning
  }

  private init(file path: String) {
    let file = FilePath.lastComponent(path)
    guard let shard = ShardName(file) else {
      let isIndex = file.hasSuffix(Self.indexSuffix)
      let name = isIndex ? Self.folderName(path) ?? file : file
      self.init(path: path, name: name, warning: nil)
      return
    }
    let index = FilePath.folder(path) + shard.index
    if let reason = Self.reasonAgainst(index, file) {
      let warning = "shard \(shard.number) of \(shard.count) is opened alone: \(reason)"
      self.init(path: path, name: file, warning: warning)
    } else {
      self.init(path: index, name: Self.folderName(index) ?? shard.index, warning: nil)
    }
  }

  /// What the checkpoint at a path is called: its folder where the file is called like many.
  static func modelName(_ path: String?) -> String? {
    path.flatMap { names.contains(FilePath.lastComponent($0)) ? folderName($0) : nil }
  }

  /// The name of the folder a file is in; nil where it has none.
  private static func folderName(_ path: String) -> String? {
    let folder = FilePath.folder(path)
    var name = FilePath.lastComponent(folder)
    if folder.isEmpty || name == "." || name == "..",
      let whole = unsafe realpath(folder.isEmpty ? "." : folder, nil)
    {
      name = unsafe FilePath.lastComponent(String(cString: whole))
      unsafe free(whole)
    }
    return name.isEmpty || name == "/" ? nil : name
  }

  /// Why a shard is not opened by this index; nil when it is.
  private static func reasonAgainst(_ path: String, _ shard: String) -> String? {
    let name = FilePath.lastComponent(path)
    do throws(CheckpointError) {
      let index = try ShardIndex(Bytes(try Mapping(path: path)))
      return index.files.contains(shard) ? nil : "\(name.shown) does not list it"
    } catch .cannotOpen {
      return "there is no \(name.shown) beside it"
    } catch {
      return "\(name.shown) is ignored: \(error)"
    }
  }
}

/// The name of one shard, `model-00001-of-00004.safetensors`.
struct ShardName {
  let number: Int
  let count: Int
  /// The name that the file would have if it were whole, `model.safetensors`.
  let whole: String
  /// The name of the index that lists it, `model.safetensors.index.json`.
  var index: String { whole + ".index.json" }

  init?(_ name: String) {
    for suffix in [".safetensors", ".bin"] where name.hasSuffix(suffix) {
      let parts = name.dropLast(suffix.utf8.count).split(
        separator: "-", omittingEmptySubsequences: false)
      guard parts.count >= 4, parts[parts.count - 2] == "of",
        let number = TensorName.number(parts[parts.count - 3]),
        let count = TensorName.number(parts[parts.count - 1])
      else { return nil }
      self.number = number
      self.count = count
      whole = parts.dropLast(3).joined(separator: "-") + suffix
      return
    }
    return nil
  }
}
