/// PyTorch's checkpoints, as `torch.save` writes them: a pickle whose tensors are
/// views of storages, and the storages' bytes.
///
/// Since version 1.6 they are zip archives: `NAME/data.pkl` is the pickle, and
/// `NAME/data/KEY` are the storages, stored uncompressed. `OldPyTorchFile` has
/// what was before.
package enum PyTorchFormat: CheckpointFormat {
  package static let name = "pytorch"
  /// A pickle holds structure, not weights.
  static let pickleLimit = 256 << 20
  /// Deeper than any state dictionary or optimizer.
  static let nestingLimit = 64
  /// The attribute of a state dictionary that Pare keeps metadata in, beside PyTorch's own
  /// `_metadata`; `load_state_dict` takes no notice of it.
  static let metadataAttribute = "_pare"

  package static func recognizes(_ file: Bytes) -> Bool {
    ZipArchive.recognizes(file) || OldPyTorchFile.recognizes(file)
  }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    if OldPyTorchFile.recognizes(file) { return try OldPyTorchFile.index(file) }
    let archive = try ZipArchive(file)
    let folder = try folder(of: archive)
    try CheckpointIndex.checkName(folder, of: "the archive's folder")
    try checkByteOrder(file, archive, folder: folder)
    let range = try archive.range(of: folder + "data.pkl")
    guard range.count <= pickleLimit else {
      throw .limitExceeded(what: "the pickle's size", limit: pickleLimit)
    }
    let graph = try PickleInterpreter.run(file[range], origin: range.lowerBound)
    return try ObjectWalk.index(graph, .entries(of: archive, folder: folder), file)
  }

  /// The archive's one folder, with a slash.
  private static func folder(of archive: ZipArchive) throws(CheckpointError) -> String {
    let pickle = archive.entries.first { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
    if let pickle { return String(pickle.name.dropLast("data.pkl".utf8.count)) }
    if archive.entries.contains(where: { $0.name.hasSuffix(".npy") }) {
      throw .unsupportedFormat(name: "a NumPy archive (npz) that does not begin with an array")
    }
    throw .unsupportedFormat(name: "a zip archive without data.pkl")
  }

  private static func checkByteOrder(
    _ file: Bytes, _ archive: ZipArchive, folder: String
  ) throws(CheckpointError) {
    let name = folder + "byteorder"
    guard archive.contains(name) else { return }
    if file[try archive.range(of: name)].text == "big" {
      throw .unsupportedFormat(name: "a PyTorch checkpoint with big-endian numbers")
    }
  }
}

/// Where a checkpoint's storages lie in its file.
enum PyTorchStorages {
  /// `FOLDER/data/KEY` of an archive.
  case entries(of: ZipArchive, folder: String)
  /// By key.
  case ranges([String: Range<Int>])

  /// The bytes of a storage, or of the part of it that a view of the storage
  /// itself takes, which tensors then count from. `name` is the tensor's.
  func range(
    of storage: PickleStorage, name: String
  ) throws(CheckpointError) -> Range<Int> {
    let whole = try range(ofKey: storage.key)
    guard let window = storage.window else { return whole }
    let size = storage.type?.byteCount ?? 1
    let (first, overflow) = window.offset.multipliedReportingOverflow(by: size)
    guard window.offset >= 0, !overflow, first <= whole.count else {
      throw .storageTooShort(
        tensor: name, needed: overflow ? .max : max(0, first), available: whole.count)
    }
    return whole.lowerBound + first..<whole.upperBound
  }

  private func range(ofKey key: String) throws(CheckpointError) -> Range<Int> {
    switch self {
    case .entries(let archive, let folder): return try archive.range(of: folder + "data/" + key)
    case .ranges(let ranges):
      guard let range = ranges[key] else { throw .missingEntry(name: key) }
      return range
    }
  }
}
