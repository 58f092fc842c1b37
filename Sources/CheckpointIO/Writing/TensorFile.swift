internal import Tensors

/// A file that tensors are written to one after another, and that takes its place once
/// all are on the disk; gone with the process or this object if it never does, unless
/// enough is written to go on with.
final class TensorFile {
  /// Bytes, and where in the file they are to be.
  typealias Piece = (bytes: Bytes, range: Range<Int>)

  /// One tensor of a file, and how many bytes are written once it is.
  struct Turn {
    let name: String
    let written: Int
  }

  /// Tensors that are there from a write which was stopped.
  let resumed: Int
  private var file: ReplacementFile?
  private let output: SaveOutput
  private let path: String
  private let source: Checkpoint?
  private let byteCount: Int
  private let tensorCount: Int
  private let fingerprint: UInt64?

  /// Begins a file of `byteCount` bytes and `tensorCount` tensors. `identity` tells it
  /// from any other of the same source and recipe.
  ///
  /// Throws `CheckpointError.sameFile` where the output is a file of `source`, and
  /// `.cannotWrite`.
  init(
    for output: SaveOutput, byteCount: Int, tensorCount: Int = 0, of source: Checkpoint?,
    recipe: String? = nil, identity: [UInt8] = []
  ) throws(CheckpointError) {
    try SaveOutput.check(output.path, against: source)
    fingerprint = Self.fingerprint(source, recipe, identity)
    var file = try output.take()
    if let fingerprint {
      let part = try file.partialSave(fingerprint, at: byteCount, of: tensorCount)
      resumed = part?.tensorCount ?? 0
    } else {
      try file.begin()
      resumed = 0
    }
    self.file = consume file
    self.output = output
    path = output.path
    self.source = source
    self.byteCount = byteCount
    self.tensorCount = tensorCount
  }

  /// nil where the weights come of no file, or nobody knows how.
  private static func fingerprint(
    _ source: Checkpoint?, _ recipe: String?, _ identity: [UInt8]
  ) -> UInt64? {
    guard let recipe, let state = source?.bytes.owner.fileStates else { return nil }
    var fingerprint = Fingerprint(of: identity)
    fingerprint.add(state.utf8)
    fingerprint.add(recipe.utf8)
    return fingerprint.value
  }

  func write(_ bytes: Bytes, at offset: Int) throws(CheckpointError) {
    try file?.write(bytes, at: offset)
  }

  /// What was written there.
  func read(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    try file?.read(range) ?? []
  }

  /// Writes the tensors that are not there yet, behind `start` bytes that are. Every
  /// `syncedAtOnce` bytes what is written is made sure of, where it can be gone on with.
  ///
  /// Throws `CheckpointError.cannotWrite` where a tensor's arrays are not as long as
  /// they were planned, and as `FilePlan.write`.
  func write(
    _ turns: [Turn], after start: Int, syncing syncedAtOnce: Int, progress: (Int, String) -> Void,
    shouldStop: @Sendable () -> Bool, arrays: (Int) throws -> [Piece]
  ) throws {
    var written = resumed > 0 ? turns[resumed - 1].written : start
    var synced = written
    for (index, turn) in turns.enumerated().dropFirst(resumed) {
      if shouldStop() { throw CheckpointError.stopped }
      progress(written, turn.name)
      for (bytes, range) in try arrays(index) {
        guard bytes.count == range.count else {
          throw CheckpointError.cannotWrite(
            path: path, reason: "tensor \(turn.name.quoted) changed after it was planned")
        }
        try write(bytes, at: range.lowerBound)
        bytes.forget()
      }
      written = turn.written
      guard written - synced >= syncedAtOnce else { continue }
      try keep(index + 1)
      synced = written
    }
    if shouldStop() { throw CheckpointError.stopped }
  }

  /// Syncs the first `count` tensors and records progress, if the save can resume.
  func keep(_ count: Int) throws(CheckpointError) {
    guard let fingerprint else { return }
    try source?.bytes.check()
    try file?.keep(PartialSave(fingerprint: fingerprint, tensorCount: count), at: byteCount)
  }

  /// Cuts off what lies behind the last byte and waits until the file is on the disk.
  func settle() throws(CheckpointError) { try file?.settle(byteCount: byteCount) }

  /// Opens the file before it takes its place, and throws `CheckpointError.cannotWrite`
  /// unless it is a checkpoint of exactly these arrays.
  func check(holds arrays: [IndexedTensor]) throws(CheckpointError) {
    guard let file = try file?.whole(byteCount: byteCount) else { return }
    do throws(CheckpointError) {
      try Self.compare(Checkpoint.open(alone: file).arrays, with: arrays)
    } catch {
      throw .cannotWrite(path: path, reason: "it could not be read back: \(error)")
    }
  }

  private static func compare(
    _ found: [IndexedTensor], with expected: [IndexedTensor]
  ) throws(CheckpointError) {
    let arrays = Dictionary(found.lazy.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    for tensor in expected {
      guard let array = arrays[tensor.name] else {
        throw .invalidConversion(reason: "tensor \(tensor.name.quoted) is missing")
      }
      guard array.dtype == tensor.dtype, array.blocks == tensor.blocks,
        array.shape == tensor.shape, array.byteRange == tensor.byteRange
      else {
        throw .invalidConversion(
          reason: "tensor \(tensor.name.quoted) has another type, shape or place")
      }
    }
  }

  /// Puts the file in its place. Throws `CheckpointError.changed` where the source's
  /// files are not as they were, `.exists` where a file appeared there that may not be
  /// replaced, and `.cannotWrite`.
  func commit() throws(CheckpointError) {
    try source?.bytes.check()
    guard let file = file.take() else { return }
    try file.commit(
      byteCount: byteCount,
      orKeeping: fingerprint.map { PartialSave(fingerprint: $0, tensorCount: tensorCount) })
    output.noteWritten()
  }

  /// Leaves the file under its temporary name, by which an index names it.
  func release() { file.take()?.release() }
}
