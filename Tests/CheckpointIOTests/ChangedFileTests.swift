import CheckpointIO
internal import Glibc
import Tensors
import TestSupport
import Testing

/// Files that change while they are open are noticed, and end nothing.
@Suite struct ChangedFileTests {
  let folder = TemporaryFolder()

  /// Two tensors of 64 KiB each as f32, half of that as bf16.
  private func write(_ name: String, _ dtype: DType, form: SaveForm = .dense(nil)) throws -> String
  {
    let list = (0..<2).map { index in
      Samples.tensor(dtype, [128, 128], seed: UInt64(index), name: "t\(index)")
    }
    let path = folder.file(name)
    try SavePlan.make(parameters: Parameters(list), form: form).write(to: path)
    return path
  }

  @Test(arguments: [DType.f32, .bf16]) func aFileCutShortIsNoticed(dtype: DType) throws {
    let path = try write("a", dtype)
    let checkpoint = try Checkpoint.open(path)
    let view = try checkpoint.parameters[1].tensor()
    let rows = try checkpoint.parameters.map { try #require(try $0.storedRows?.open()) }
    for reader in rows { try reader.origin.check() }
    #expect(unsafe truncate(path, 4096) == 0)
    for parameter in checkpoint.parameters {
      #expect(throws: CheckpointError.changed(path: path)) { try parameter.tensor() }
      #expect(throws: CheckpointError.changed(path: path)) { try parameter.storedRows?.open() }
    }
    for reader in rows {
      #expect(throws: CheckpointError.changed(path: path)) { try reader.origin.check() }
    }
    // A view of f32 values that was there before is still there, of zeros at worst.
    #expect(view.array.count == 128 * 128)
    #expect(throws: CheckpointError.changed(path: path)) { try checkpoint.check() }
    #expect(throws: CheckpointError.changed(path: path)) {
      try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: .packed)
        .write(to: folder.file("b"))
    }
    #expect(folder.names == ["a"])
  }

  /// Whatever is written of a file that changed meanwhile does not take its place.
  @Test(arguments: PartialSaveTests.Kind.allCases)
  func nothingIsMadeOfAChangedFile(kind: PartialSaveTests.Kind) throws {
    let path = folder.file("a")
    // Blocks of a GGUF file are copied without being read as weights.
    let matrix = Samples.tensor(.f32, [4, 64], seed: 1, name: "t")
    try GGUFPlan.make(parameters: Parameters([matrix]), storage: .blocks(.q8_0)).write(to: path)
    let checkpoint = try Checkpoint.open(path)
    let plan = try kind.plan(checkpoint)
    // Of an earlier moment, so that the clock need not tell two close ones apart.
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
    #expect(throws: CheckpointError.changed(path: path)) {
      try plan.write(to: folder.file("b.safetensors"))
    }
    #expect(folder.names == ["a"])
  }

  /// Pages that are lost are noticed also where the file has its size and its time.
  @Test func lostPagesAreNoticed() throws {
    let path = try write("a", .f32)
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    let checkpoint = try Checkpoint.open(path)
    let view = try checkpoint.parameters[1].tensor()
    #expect(unsafe truncate(path, 4096) == 0)
    #expect(view.array.last == 0)
    #expect(unsafe truncate(path, off_t(status.st_size)) == 0)
    var times = [status.st_atim, status.st_mtim]
    #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
    #expect(throws: CheckpointError.changed(path: path)) { try checkpoint.check() }
  }

  @Test func aFileWrittenToIsNoticed() throws {
    let path = try write("a", .bf16)
    let checkpoint = try Checkpoint.open(path)
    var bytes = TemporaryFolder.bytes(path)
    bytes[bytes.count - 1] ^= 1
    let file = unsafe open(path, O_WRONLY)
    #expect(unsafe pwrite(file, bytes, bytes.count, 0) == bytes.count)
    // A clock too coarse to tell the two moments apart must not decide.
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    #expect(unsafe futimens(file, &times) == 0)
    close(file)
    #expect(throws: CheckpointError.changed(path: path)) {
      try checkpoint.parameters[0].tensor()
    }
  }

  /// A file that took another's name leaves the open one as it was.
  @Test func aFileReplacedIsNoMatter() throws {
    let path = try write("a", .bf16)
    let checkpoint = try Checkpoint.open(path)
    let before = try checkpoint.parameters[0].tensor().array
    _ = try write("b", .f32)
    #expect(unsafe rename(folder.file("b"), path) == 0)
    #expect(try checkpoint.parameters[0].tensor().array == before)
    try checkpoint.check()
  }
}
