extension SavePlan {
  /// Writes the file: to a temporary one beside it, which takes its place in
  /// one step once all of it is on the disk. A process killed at any moment
  /// leaves the old file or the new one, whole. Memory is bounded by the
  /// largest tensor.
  ///
  /// Throws `CheckpointError.sameFile` when `path` is the open checkpoint by
  /// whatever name, `.stopped` once `shouldStop` says so, and what reading a
  /// tensor throws; nothing is changed then.
  public func write(
    to path: String, progress: (Double, String) -> Void = { _, _ in },
    shouldStop: @Sendable () -> Bool = { false }
  ) throws {
    if let identity = FileIdentity(path: path), source?.identities.contains(identity) == true {
      throw CheckpointError.sameFile(path: path)
    }
    let file = try ReplacementFile(for: path)
    try file.write(Bytes(header), at: 0)
    var written = header.count
    for tensor in tensors {
      if shouldStop() { throw CheckpointError.stopped }
      progress(Double(written) / Double(byteCount), tensor.name)
      let arrays = try tensor.encoded(from: source?.bytes, shouldStop)
      guard arrays.map(\.count) == tensor.parts.map(\.byteCount) else {
        throw CheckpointError.cannotWrite(
          path: path, reason: "tensor \(tensor.name.quoted) changed after it was planned")
      }
      for (array, part) in zip(arrays, tensor.parts) {
        try file.write(array, at: header.count + part.offset)
        written += part.byteCount
      }
    }
    if shouldStop() { throw CheckpointError.stopped }
    try file.commit(byteCount: byteCount)
    progress(1, "")
  }
}
