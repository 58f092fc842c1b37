internal import Glibc

/// The change from one set of shards to another at the same path. The index names one
/// whole set at every moment:
///
///     1  the new shards are on the disk under temporary names
///     2  the index is replaced by one that names these, and lists what it replaces:
///
///        {"metadata": {"pare_replaced": ["model-00001-of-00002.safetensors", …],
///                      "total_size": 575232},
///         "weight_map": {"lm_head.weight": ".model-00001-of-00002.safetensors.pare-save", …}}
///
///     3  what it replaces is removed
///     4  the shards get their names, as second names
///     5  the index is replaced by the one that uses them
///     6  the temporary names are removed
///
/// What a process that was killed after 2 left to do, the next save to the path does.
package struct ShardSwitch {
  private static let replacedKey = "pare_replaced"
  private static let sizeKey = "total_size"

  private let path: String
  /// The names that the shards are to have.
  private let shards: [String]
  /// Every array, and the position of its shard.
  private let arrays: [(name: String, shard: Int)]
  private let totalSize: Int
  private let replaced: [String]
  private let overwrite: Bool

  private var folder: String { FilePath.folder(path) }

  /// The change to the arrays in `shards`, named by the index at `path`. What is there is
  /// replaced only where `overwrite` allows it.
  init(
    to shards: [String], _ arrays: [(name: String, shard: Int)], totalSize: Int,
    index path: String, overwrite: Bool
  ) throws(CheckpointError) {
    self.path = path
    self.shards = shards
    self.arrays = arrays
    self.totalSize = totalSize
    self.overwrite = overwrite
    guard overwrite else {
      replaced = []
      return
    }
    var replaced = Set(shards)
    if let bytes = try WholeFile.read(path, limit: ShardIndex.byteLimit),
      let former = try? ShardIndex(Bytes(bytes))
    {
      replaced.formUnion(former.files.filter { Self.isShard($0, of: path) })
    }
    let folder = FilePath.folder(path)
    self.replaced = replaced.filter { FileIdentity(path: folder + $0) != nil }.sorted()
  }

  /// What is going to be removed, by path.
  var removed: [String] { replaced.map { folder + $0 } }

  /// Steps 2 to 6. The files at the temporary names are whole and on the disk; after
  /// step 2, when the index names them, `release` is called.
  func run(release: () -> Void) throws(CheckpointError) {
    let lines = [
      "    \(JSONText.quoted(Self.replacedKey)): "
        + "[\(replaced.map(JSONText.quoted).joined(separator: ", "))]"
    ]
    try write(shards.map(SavePlace.temporaryName), lines, overwrite: overwrite)
    release()
    try complete()
  }

  /// Steps 3 to 6.
  private func complete() throws(CheckpointError) {
    for file in removed where !NameChange.remove(file) {
      throw .cannotWrite(path: file, reason: lastSystemError())
    }
    for shard in shards { try place(folder + shard) }
    NameChange.synchronizeFolder(of: path)
    try write(shards, [], overwrite: true)
    for shard in shards { NameChange.remove(Self.temporary(of: folder + shard)) }
  }

  /// Gives a shard its name. A process that was killed may have done it already.
  private func place(_ shard: String) throws(CheckpointError) {
    let temporary = Self.temporary(of: shard)
    if NameChange.link(temporary, to: shard) { return }
    if errno == EEXIST {
      guard try Self.areEqual(temporary, shard) else {
        throw .cannotWrite(
          path: shard,
          reason: "a file has appeared there, and the shard is in \(temporary); move the file "
            + "away and save again")
      }
    } else if NameChange.cannotLink {
      try Self.copy(temporary, to: shard)
    } else {
      throw .cannotWrite(path: shard, reason: lastSystemError())
    }
  }

  private static func areEqual(_ path: String, _ other: String) throws(CheckpointError) -> Bool {
    if FileIdentity(path: path) == FileIdentity(path: other) { return true }
    return Bytes(try Mapping(path: path)).isEqual(to: Bytes(try Mapping(path: other)))
  }

  /// For file systems without second names; takes longer.
  package static func copy(_ path: String, to other: String) throws(CheckpointError) {
    let source = Bytes(try Mapping(path: path))
    var file = try ReplacementFile(copyFor: other)
    try file.begin()
    try file.write(source, at: 0)
    try file.commit(byteCount: source.count)
  }

  private static func temporary(of path: String) -> String {
    FilePath.folder(path) + SavePlace.temporaryName(FilePath.lastComponent(path))
  }

  private static func isShard(_ name: String, of index: String) -> Bool {
    ShardName(name)?.index == FilePath.lastComponent(index)
  }

  /// Writes the index; one line an array. `lines` are added to its metadata.
  private func write(
    _ names: [String], _ lines: [String], overwrite: Bool
  ) throws(CheckpointError) {
    let names = names.map(JSONText.quoted)
    let entries = arrays.map { "    \(JSONText.quoted($0.name)): \(names[$0.shard])" }
    let metadata = lines + ["    \(JSONText.quoted(Self.sizeKey)): \(totalSize)"]
    let text = """
      {
        "metadata": {
      \(metadata.joined(separator: ",\n"))
        },
        "weight_map": {
      \(entries.joined(separator: ",\n"))
        }
      }

      """
    try WholeFile.write(Array(text.utf8), to: path, overwrite: overwrite)
  }
}

extension ShardSwitch {
  /// Comes to the end of the change that a killed process has begun, if the index at
  /// `path` is of one.
  ///
  /// Throws `CheckpointError.cannotWrite` where that is not possible; the index names a
  /// whole set then, too.
  static func finish(at path: String) throws(CheckpointError) {
    try begun(at: path)?.complete()
  }

  /// Whether the index at `path` is of a change that has not come to its end.
  static func isBegun(at path: String) -> Bool { begun(at: path) != nil }

  private static func begun(at path: String) -> ShardSwitch? {
    guard let bytes = try? WholeFile.read(path, limit: ShardIndex.byteLimit) else { return nil }
    return try? ShardSwitch(begunBy: Bytes(bytes), at: path)
  }

  /// The change that has written an index. Throws for an index of another origin.
  private init?(begunBy text: Bytes, at path: String) throws(CheckpointError) {
    var (replaced, totalSize): ([String]?, Int?) = (nil, nil)
    var cursor = JSONCursor(text)
    try cursor.object { (cursor, key) throws(CheckpointError) in
      guard key == "metadata", cursor.peek() == UInt8(ascii: "{") else {
        _ = try cursor.value(depth: 1)
        return
      }
      try cursor.object { (cursor, key) throws(CheckpointError) in
        switch key {
        case Self.replacedKey:
          var names: [String] = []
          try cursor.array { (cursor) throws(CheckpointError) in
            names.append(try cursor.string())
          }
          replaced = names
        case Self.sizeKey: totalSize = try cursor.integer()
        default: _ = try cursor.value(depth: 2)
        }
      }
    }
    guard let replaced, let totalSize else { return nil }
    let index = try ShardIndex(text)
    let names = index.files.compactMap(SavePlace.name(ofTemporary:))
    // No name is trusted to be one that a save has made up.
    guard names.count == index.files.count,
      (names + replaced).allSatisfy({ Self.isShard($0, of: path) })
    else { return nil }
    self.path = path
    self.totalSize = totalSize
    self.replaced = replaced
    overwrite = true
    shards = names
    arrays = index.tensors.map { ($0.name, $0.file) }
  }

  /// Removes what saves of other numbers of shards to `path` have left, unless one of
  /// them is under way.
  static func removeLeftovers(of path: String, but names: [String]) {
    let folder = FilePath.folder(path)
    let whole = FilePath.lastComponent(path)
    guard let stream = unsafe opendir(folder.isEmpty ? "." : folder) else { return }
    defer { unsafe _ = closedir(stream) }
    var leftovers: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      guard let shard = SavePlace.name(ofTemporary: name), !names.contains(shard),
        ShardName(shard)?.whole == whole
      else { continue }
      leftovers.append(folder + name)
    }
    for path in leftovers {
      let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { NameChange.remove(path) }
      close(descriptor)
    }
  }
}
