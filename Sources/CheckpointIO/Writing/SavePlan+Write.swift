internal import Tensors

extension SavePlan: FilePlan {
  public var tensorCount: Int { tensors.count }

  @discardableResult
  public func write(
    to output: SaveOutput, recipe: String? = nil, syncing syncedAtOnce: Int,
    progress: (Double, String) -> Void, shouldStop: @Sendable () -> Bool
  ) throws -> Int {
    let file = try file(for: output, recipe: recipe)
    try fill(file, syncing: syncedAtOnce, shouldStop: shouldStop) { written, name in
      progress(Double(written) / Double(byteCount), name)
    }
    try file.check(holds: arrays)
    try file.commit()
    progress(1, "")
    return file.resumed
  }

  /// The whole file in memory, for plans of a few tensors. Throws as `write`.
  package func bytes(shouldStop: @Sendable () -> Bool = { false }) throws -> [UInt8] {
    var file = header + [UInt8](repeating: 0, count: byteCount - header.count)
    for tensor in tensors {
      for (bytes, part) in zip(try tensor.encoded(from: source?.bytes, shouldStop), tensor.parts) {
        let start = header.count + part.offset
        unsafe bytes.withUnsafeBytes {
          unsafe file.replaceSubrange(start..<start + part.byteCount, with: $0)
        }
      }
    }
    return file
  }

  func file(for output: SaveOutput, recipe: String?) throws(CheckpointError) -> TensorFile {
    try TensorFile(
      for: output, byteCount: byteCount, tensorCount: tensors.count, of: source, recipe: recipe,
      identity: header)
  }

  /// The arrays as a reader finds them.
  var arrays: [IndexedTensor] {
    tensors.flatMap(\.parts).map { part in
      let start = header.count + part.offset
      return IndexedTensor(
        name: part.name, dtype: DType(rawValue: part.dtypeName), dtypeName: part.dtypeName,
        shape: Shape(part.dimensions), byteRange: start..<start + part.byteCount)
    }
  }

  /// Writes the header and what is not there yet; `progress` gets the bytes that are.
  func fill(
    _ file: TensorFile, syncing syncedAtOnce: Int, shouldStop: @Sendable () -> Bool,
    progress: (Int, String) -> Void
  ) throws {
    try file.write(Bytes(header), at: 0)
    var written = header.count
    let turns = tensors.map { tensor in
      written += tensor.entry.byteCount
      return TensorFile.Turn(name: tensor.name, written: written)
    }
    try file.write(
      turns, after: header.count, syncing: syncedAtOnce, progress: progress,
      shouldStop: shouldStop
    ) {
      let tensor = tensors[$0]
      return zip(try tensor.encoded(from: source?.bytes, shouldStop), tensor.parts).map {
        ($0, (header.count + $1.offset)..<(header.count + $1.offset + $1.byteCount))
      }
    }
  }
}
