/// What `torch.save` wrote before version 1.6, and still does when asked to
/// (`_use_new_zipfile_serialization=False`): five pickles, then the storages.
///
///     ┌─────────┬─────────┬────────┬────────┬──────┬──────────────────────┬──
///     │ magic   │ version │ system │ object │ keys │ n: i64LE, n numbers  │ …
///     │ number  │ 1001    │        │        │ [k…] │ of the first key     │
///     └─────────┴─────────┴────────┴────────┴──────┴──────────────────────┴──
///
/// A storage's number type stands only where the object's pickle names it.
enum OldPyTorchFile {
  private static let version = 1001
  /// 0x1950a86a20f9469cfc6c as LONG1 pickles it.
  private static let magic: [UInt8] = [
    0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
  /// After PROTO, and from protocol 4 on after FRAME too.
  private static let magicOffsets = [2, 11]

  static func recognizes(_ file: Bytes) -> Bool {
    magicOffsets.contains { offset in
      file.count >= offset + magic.count && file[0] == 0x80
        && magic.indices.allSatisfy { file[offset + $0] == magic[$0] }
    }
  }

  static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    var offset = 0
    _ = try pickle(of: file, at: &offset)
    let start = offset
    let version = try pickle(of: file, at: &offset)
    guard case .integer(Self.version) = version[version.root] else {
      throw .invalidPickle(offset: start, reason: "version \(Self.version) was expected")
    }
    let system = try pickle(of: file, at: &offset)
    let order = system.members(system.root).first { $0.key == "little_endian" }
    if let order, case .bool(false) = system[order.value] {
      throw .unsupportedFormat(name: "a PyTorch checkpoint with big-endian numbers")
    }
    let object = try pickle(of: file, at: &offset)
    let storages = try storages(of: object, in: file, at: &offset)
    var index = try ObjectWalk.index(object, .ranges(storages), file)
    if offset < file.count {
      index.warnings.append("\(file.count - offset) bytes follow the last storage")
    }
    return index
  }

  private static func pickle(
    of file: Bytes, at offset: inout Int
  ) throws(CheckpointError) -> PickleGraph {
    let left = file[offset..<min(file.count, offset + PyTorchFormat.pickleLimit)]
    let (graph, count) = try PickleInterpreter.runFirst(left, origin: offset)
    offset += count
    return graph
  }

  /// The storages by key, in the order of the list of keys.
  private static func storages(
    of object: PickleGraph, in file: Bytes, at offset: inout Int
  ) throws(CheckpointError) -> [String: Range<Int>] {
    var sizes: [String: Int] = [:]
    for case .storage(let storage) in object.values where sizes[storage.key] == nil {
      sizes[storage.key] = storage.type?.byteCount ?? 1
    }
    let start = offset
    let keys = try pickle(of: file, at: &offset)
    guard let list = keys.elements(keys.root) else {
      throw .invalidPickle(offset: start, reason: "the list of storages was expected")
    }
    var ranges: [String: Range<Int>] = [:]
    for element in list {
      guard case .string(let key) = keys[element], let size = sizes[key], ranges[key] == nil
      else {
        throw .invalidPickle(
          offset: start, reason: "the list of storages names one twice, or one that is not used")
      }
      ranges[key] = try range(of: key, size: size, in: file, at: &offset)
    }
    return ranges
  }

  /// A storage of numbers of `size` bytes, whose count stands before them.
  private static func range(
    of key: String, size: Int, in file: Bytes, at offset: inout Int
  ) throws(CheckpointError) -> Range<Int> {
    let what = "storage \(key.quoted)"
    guard file.count - offset >= 8 else {
      throw .truncated(what: what, offset: offset, needed: 8, available: file.count - offset)
    }
    let count = file.load(Int64.self, at: offset)
    let (needed, overflow) = Int(count).multipliedReportingOverflow(by: size)
    offset += 8
    guard count >= 0, !overflow, needed <= file.count - offset else {
      throw .truncated(
        what: what, offset: offset, needed: overflow || count < 0 ? .max : needed,
        available: file.count - offset)
    }
    defer { offset += needed }
    return offset..<offset + needed
  }
}
