extension SavePlan {
  /// Writes the file: to a temporary one beside it, which takes its place in
  /// one step once all of it is on the disk. A process killed at any moment
  /// leaves the old file or the new one, whole. Memory is bounded by the
  /// largest tensor.
  ///
  /// Where `recipe` says how the weights came of the checkpoint, a write that is
  /// stopped or killed leaves the temporary file, and the next one of the same
  /// recipe, checkpoint and path goes on after the tensors that are whole, which is
  /// made sure of every `syncedAtOnce` bytes (some seconds of a disk). Returns how
  /// many those were.
  ///
  /// Throws `CheckpointError.sameFile` when `path` is the open checkpoint by
  /// whatever name, `.stopped` once `shouldStop` says so, `.changed`, and what
  /// reading a tensor throws; nothing is changed then.
  @discardableResult
  public func write(
    to path: String, recipe: String? = nil, syncing syncedAtOnce: Int = 1 << 30,
    progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws -> Int {
    if let identity = FileIdentity(path: path), source?.identities.contains(identity) == true {
      throw CheckpointError.sameFile(path: path)
    }
    let fingerprint = recipe.flatMap(self.fingerprint)
    var file = try ReplacementFile(for: path, keepingWhatIsThere: fingerprint != nil)
    let part = fingerprint.flatMap { file.partialSave($0, at: byteCount, of: tensors.count) }
    let resumed = part?.tensorCount ?? 0
    if part == nil { try file.write(Bytes(header), at: 0) }
    var (written, synced) = (header.count, header.count)
    for (index, tensor) in tensors.enumerated() {
      if shouldStop() { throw CheckpointError.stopped }
      progress(Double(written) / Double(byteCount), tensor.name)
      written += tensor.parts.reduce(0) { $0 + $1.byteCount }
      if index < resumed {
        synced = written
        continue
      }
      try write(tensor, to: file, path, shouldStop)
      guard let fingerprint, written - synced >= syncedAtOnce else { continue }
      try source?.bytes.check()
      try file.keep(PartialSave(fingerprint: fingerprint, tensorCount: index + 1), at: byteCount)
      synced = written
    }
    if shouldStop() { throw CheckpointError.stopped }
    try source?.bytes.check()
    try file.commit(byteCount: byteCount)
    progress(1, "")
    return resumed
  }

  /// The file that a write to `path` left to go on with, if it did.
  public static func unfinishedFile(for path: String) -> String? {
    let temporary = ReplacementFile.temporaryPath(for: path)
    return FileIdentity(path: temporary) == nil ? nil : temporary
  }

  private func write(
    _ tensor: PlannedTensor, to file: borrowing ReplacementFile, _ path: String,
    _ shouldStop: @Sendable () -> Bool
  ) throws {
    let arrays = try tensor.encoded(from: source?.bytes, shouldStop)
    guard arrays.map(\.count) == tensor.parts.map(\.byteCount) else {
      throw CheckpointError.cannotWrite(
        path: path, reason: "tensor \(tensor.name.quoted) changed after it was planned")
    }
    for (array, part) in zip(arrays, tensor.parts) {
      try file.write(array, at: header.count + part.offset)
      array.forget()
    }
  }

  /// What tells this save from any other: nil where its weights come of no file.
  private func fingerprint(_ recipe: String) -> UInt64? {
    guard let source, let state = source.bytes.owner.fileStates else { return nil }
    var fingerprint = Fingerprint()
    fingerprint.add(header)
    fingerprint.add(state.utf8)
    fingerprint.add(recipe.utf8)
    return fingerprint.value
  }
}
