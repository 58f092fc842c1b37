/// The index of a checkpoint that is split into safetensors or PyTorch files,
/// as Hugging Face writes it (`ShardIndex` has the text). All files that can be
/// used are mapped one after another; the others are warned about by name.
package enum ShardIndexFormat: CheckpointFormat {
  package static let name = "shards"

  /// JSON begins with `{`, which no safetensors file of a legal header does.
  package static func recognizes(_ file: Bytes) -> Bool {
    SafetensorsFormat.startsObject(file[0..<min(file.count, 64)])
  }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    _ = try ShardIndex(file)
    throw .unsupportedFormat(name: "an index of shards, none of which is here")
  }

  package static func open(
    _ file: Bytes, path: String?
  ) throws(CheckpointError) -> OpenedFile {
    guard let path else {
      return OpenedFile(index: try index(file), bytes: file, fileByteCount: file.count)
    }
    let shards = try ShardIndex(file)
    let folder = FilePath.folder(path)
    // The index is mapped too: what belongs to the checkpoint is not saved over.
    let (mapping, files) = try Mapping.joiningThose(of: shards.files.map { folder + $0 } + [path])
    let bytes = Bytes(mapping)
    var gathering = ShardGathering(shards)
    for (number, file) in files.dropLast().enumerated() {
      do throws(CheckpointError) {
        let range = try file.get()
        try gathering.read(bytes[range], range, of: number)
      } catch {
        gathering.refuse(number, error)
      }
    }
    try gathering.finish()
    return OpenedFile(
      index: gathering.index, bytes: bytes, fileByteCount: gathering.byteCount,
      format: gathering.format)
  }
}

/// Puts the tensors of the shards together: each from the file that the index
/// names for it.
private struct ShardGathering {
  /// What a shard may be.
  private static let formats: [any CheckpointFormat.Type] = [
    SafetensorsFormat.self, PyTorchFormat.self,
  ]

  let shards: ShardIndex
  private(set) var index = CheckpointIndex()
  private(set) var byteCount = 0
  private(set) var format: String?
  private var found: Set<String> = []
  private var packed: [String: PackingRecord] = [:]
  private var refused: [Int: CheckpointError] = [:]

  init(_ shards: ShardIndex) { self.shards = shards }

  /// Adds one shard; throws what its format throws, and has added nothing then.
  mutating func read(
    _ file: Bytes, _ range: Range<Int>, of number: Int
  ) throws(CheckpointError) {
    guard let format = Self.formats.first(where: { $0.recognizes(file) }) else {
      throw ForeignFile.error(for: file)
    }
    let part = try format.index(file)
    guard index.tensors.count + part.tensors.count <= CheckpointIndex.tensorLimit else {
      throw .limitExceeded(what: "the number of tensors", limit: CheckpointIndex.tensorLimit)
    }
    // Each shard says of its own tensors how they are packed.
    let records =
      try part.metadata[PackingRecord.metadataKey].map { text throws(CheckpointError) in
        try PackingRecord.all(in: text)
      } ?? [:]
    for tensor in part.tensors { add(tensor, of: number, at: range.lowerBound) }
    for warning in part.warnings { index.warn("\(shards.files[number].shown): \(warning)") }
    index.metadata.merge(part.metadata) { first, _ in first }
    packed.merge(records) { first, _ in first }
    index.derived += part.derived
    index.configuration.merge(part.configuration) { first, _ in first }
    if index.vocabulary == nil { index.vocabulary = part.vocabulary }
    if self.format == nil { self.format = format.name }
    byteCount += file.count
  }

  mutating func refuse(_ number: Int, _ error: CheckpointError) { refused[number] = error }

  private mutating func add(_ tensor: IndexedTensor, of number: Int, at start: Int) {
    let owner = shards.fileOfTensor[tensor.name]
    guard owner ?? number == number, found.insert(tensor.name).inserted else {
      let other = owner.map { ": the index has it in \(shards.files[$0].quoted)" } ?? " again"
      index.warn(
        "tensor \(tensor.name.quoted) of shard \(shards.files[number].quoted) "
          + "is left out\(other)")
      return
    }
    if owner == nil {
      index.warn(
        "tensor \(tensor.name.quoted) of shard \(shards.files[number].quoted) "
          + "is not in the index")
    }
    var tensor = tensor
    tensor.byteRange = start + tensor.byteRange.lowerBound..<start + tensor.byteRange.upperBound
    index.tensors.append(tensor)
  }

  /// Warns of all that the index lists and no shard has. Throws when no shard can
  /// be used.
  mutating func finish() throws(CheckpointError) {
    if refused.count == shards.files.count,
      let (number, error) = refused.min(by: { $0.key < $1.key })
    {
      throw .invalidPart(name: shards.files[number], reason: error.description)
    }
    var lost: [Int: Int] = [:]
    for (name, file) in shards.tensors where !found.contains(name) {
      if refused[file] != nil {
        lost[file, default: 0] += 1
      } else {
        index.warn("shard \(shards.files[file].quoted) lacks tensor \(name.quoted) of the index")
      }
    }
    let warnings = refused.sorted { $0.key < $1.key }.map { number, error in
      warning(of: number, error, lost: lost[number] ?? 0)
    }
    index.warnings = warnings + index.warnings
    if !packed.isEmpty {
      index.metadata[PackingRecord.metadataKey] = PackingRecord.metadata(
        packed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }
    for position in index.tensors.indices {
      if let other = index.tensors[position].sharesStorageOf, !found.contains(other) {
        index.tensors[position].sharesStorageOf = nil
      }
    }
  }

  private func warning(of number: Int, _ error: CheckpointError, lost: Int) -> String {
    let name = shards.files[number].quoted
    let tensors = "\(lost) tensor\(lost == 1 ? "" : "s") with it"
    if case .cannotOpen(_, let reason) = error {
      return "shard \(name) is missing, and \(tensors): \(reason)"
    }
    return "shard \(name) cannot be used, and \(tensors): \(error)"
  }
}
