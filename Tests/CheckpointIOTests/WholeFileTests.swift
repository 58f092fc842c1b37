import CheckpointIO
internal import Glibc
import TestSupport
import Testing

/// Small files are there whole or not at all.
@Suite struct WholeFileTests {
  let folder = TemporaryFolder()

  private func permissions(_ path: String) -> mode_t {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
  func whatIsWrittenIsReadBack(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let path = folder.file("a")
    try WholeFile.write([1, 2, 3], to: path)
    try WholeFile.write(bytes, to: path)
    #expect(try WholeFile.read(path, limit: count) == bytes)
    #expect(folder.names == ["a"])
    if count > 0 {
      #expect(throws: CheckpointError.self) { try WholeFile.read(path, limit: count - 1) }
    }
  }

  @Test func whatIsThereIsReplacedOnlyWhenAllowed() throws {
    let path = folder.file("a")
    try WholeFile.write([1], to: path, overwrite: false)
    #expect(throws: CheckpointError.exists(path: path)) {
      try WholeFile.write([2], to: path, overwrite: false)
    }
    #expect(try WholeFile.read(path, limit: 9) == [1])
  }

  /// Nobody who could not read the old file can read the new one.
  @Test func permissionsStay() throws {
    let path = folder.file("a")
    try WholeFile.write([1], to: path)
    #expect(unsafe chmod(path, 0o600) == 0)
    try WholeFile.write([2], to: path)
    #expect(permissions(path) == 0o600)
    #expect(unsafe chmod(path, 0o644) == 0)
    try WholeFile.write([3], to: path, access: .owner)
    #expect(permissions(path) == 0o600)
  }

  /// No pipe is waited for, no folder or device taken for a file.
  @Test func onlyFilesAreReadAndReplaced() throws {
    let pipe = folder.file("pipe")
    #expect(unsafe mkfifo(pipe, 0o600) == 0)
    for path in [pipe, folder.path, "/dev/zero"] {
      #expect(throws: CheckpointError.self) { try WholeFile.read(path, limit: 9) }
      #expect(throws: CheckpointError.self) { try WholeFile.write([1], to: path) }
    }
    #expect(try WholeFile.read(folder.file("none"), limit: 9) == nil)
    #expect(try WholeFile.read(folder.file("none/none"), limit: 9) == nil)
  }

  /// A pipe or a link where the temporary file goes holds nothing up, and the
  /// link's target stays as it is.
  @Test func theTemporaryNameIsNoTrap() throws {
    let target = folder.file("target")
    try WholeFile.write([7], to: target)
    #expect(unsafe symlink(target, folder.file(".a.pare-save")) == 0)
    #expect(unsafe mkfifo(folder.file(".b.pare-save"), 0o600) == 0)
    for name in ["a", "b"] {
      #expect(throws: CheckpointError.self) {
        try WholeFile.write([1], to: folder.file(name))
      }
    }
    #expect(try WholeFile.read(target, limit: 9) == [7])
  }

  @Test func foldersAreMade() throws {
    let path = folder.file("x/y/z/file")
    try WholeFile.makeFolders(above: path)
    try WholeFile.makeFolders(above: path)
    try WholeFile.write([1], to: path)
    #expect(try WholeFile.read(path, limit: 1) == [1])
    #expect(throws: CheckpointError.self) { try WholeFile.makeFolders(above: path + "/w/file") }
  }
}
