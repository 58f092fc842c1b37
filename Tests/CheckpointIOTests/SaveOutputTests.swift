import CheckpointIO
import Foundation
import Glibc
import Synchronization
import Tensors
import TestSupport
import Testing

/// The place of a file is claimed before the work begins, and nothing is lost there.
@Suite struct SaveOutputTests {
  let folder = TemporaryFolder()

  private func plan(seed: UInt64 = 1, of source: Checkpoint? = nil) throws -> SavePlan {
    let list = [Samples.tensor(.f32, [8, 8], seed: seed, name: "t")]
    return try SavePlan.make(
      parameters: source?.parameters ?? Parameters(list), of: source, form: .dense(nil))
  }

  private func link(_ name: String, to target: String) {
    #expect(unsafe symlink(target, folder.file(name)) == 0)
  }

  private func isLink(_ name: String) -> Bool {
    var status = stat()
    return unsafe lstat(folder.file(name), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  @Test(arguments: [true, false]) func theSecondClaimIsRefused(overwrite: Bool) throws {
    let path = folder.file("a")
    let first = try SaveOutput(path, overwrite: overwrite)
    #expect(
      throws: CheckpointError.cannotWrite(
        path: path, reason: "another save to it is under way")
    ) { try SaveOutput(path, overwrite: overwrite) }
    try plan().write(to: first)
    #expect(folder.names == ["a"])
    if overwrite {
      try plan(seed: 2).write(to: SaveOutput(path, overwrite: true))
    } else {
      #expect(throws: CheckpointError.exists(path: path)) { try SaveOutput(path, overwrite: false) }
    }
    #expect(folder.names == ["a"])
  }

  @Test func aClaimThatIsGivenUpLeavesNothing() throws {
    for _ in 0..<2 {
      withExtendedLifetime(try SaveOutput(folder.file("a"), overwrite: false)) {
        #expect(folder.names == [".a.pare-save"])
        #expect(UnfinishedSave.file(for: folder.file("a")) == nil)
      }
      #expect(folder.names == [])
    }
  }

  /// A claim does not touch what an earlier save left to go on from.
  @Test func aClaimKeepsWhatIsThere() throws {
    TemporaryFolder.write([1, 2, 3], to: folder.file(".a.pare-save"))
    withExtendedLifetime(try SaveOutput(folder.file("a"), overwrite: false)) {}
    #expect(TemporaryFolder.bytes(folder.file(".a.pare-save")) == [1, 2, 3])
    #expect(UnfinishedSave.file(for: folder.file("a")) == folder.file(".a.pare-save"))
  }

  @Test func aFileThatAppearsMeanwhileIsKept() throws {
    let path = folder.file("a")
    let output = try SaveOutput(path, overwrite: false)
    TemporaryFolder.write([7], to: path)
    #expect(throws: CheckpointError.exists(path: path)) { try plan().write(to: output) }
    #expect(TemporaryFolder.bytes(path) == [7])
    #expect(folder.names == ["a"])
  }

  /// Where the save can be gone on with, the same save with `overwrite` has it all.
  @Test func theWorkIsKeptToo() throws {
    let path = folder.file("a")
    try plan().write(to: folder.file("source"))
    let source = try Checkpoint.open(folder.file("source"))
    let output = try SaveOutput(path, overwrite: false)
    TemporaryFolder.write([7], to: path)
    #expect(throws: CheckpointError.exists(path: path)) {
      try plan(of: source).write(to: output, recipe: "r")
    }
    #expect(TemporaryFolder.bytes(path) == [7])
    let resumed = try plan(of: source).write(
      to: SaveOutput(path, overwrite: true), recipe: "r")
    #expect(resumed == 1)
    #expect(TemporaryFolder.bytes(path) == TemporaryFolder.bytes(folder.file("source")))
    #expect(folder.names == ["a", "source"])
  }

  /// An output may be written again and again by who has it.
  @Test func ownFilesAreReplaced() throws {
    let output = try SaveOutput(folder.file("a"), overwrite: false)
    for seed in 1...3 { try plan(seed: UInt64(seed)).write(to: output) }
    #expect(folder.names == ["a"])
  }

  /// Killed between the new name and the end of the temporary one.
  @Test func twoNamesOfOneFileAreNoTrap() throws {
    let path = folder.file("a")
    try plan().write(to: path)
    let before = TemporaryFolder.bytes(path)
    #expect(unsafe Glibc.link(path, folder.file(".a.pare-save")) == 0)
    #expect(throws: CheckpointError.exists(path: path)) { try SaveOutput(path, overwrite: false) }
    #expect(TemporaryFolder.bytes(path) == before)
    #expect(folder.names == ["a"])
  }

  @Test func linksStayAndTheirTargetsAreWritten() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("far"), withIntermediateDirectories: false)
    TemporaryFolder.write([7], to: folder.file("far/target"))
    link("a", to: "b")
    link("b", to: "far/target")
    link("dangling", to: folder.file("far/new"))
    #expect(throws: CheckpointError.exists(path: folder.file("a"))) {
      try plan().write(to: SaveOutput(folder.file("a"), overwrite: false))
    }
    try plan().write(to: folder.file("a"))
    try WholeFile.write([1], to: folder.file("dangling"), overwrite: false)
    #expect(isLink("a") && isLink("b") && isLink("dangling"))
    #expect(try Checkpoint.open(folder.file("far/target")).parameters.count == 1)
    #expect(TemporaryFolder.bytes(folder.file("far/new")) == [1])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("far")).count == 2)
    #expect(folder.names == ["a", "b", "dangling", "far"])
  }

  @Test func whatIsNoFileIsRefused() throws {
    link("null", to: "/dev/null")
    link("circle", to: "circle2")
    link("circle2", to: "circle")
    link("folder", to: ".")
    #expect(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
    let refusals = [
      "null": "it is a device", "circle": "its links lead in a circle", "folder": "it is a folder",
      "pipe": "it is a pipe", "x/": "the path names no file",
    ]
    for (name, reason) in refusals {
      let path = folder.file(name)
      #expect(throws: CheckpointError.cannotWrite(path: path, reason: reason)) {
        try SaveOutput(path, overwrite: true)
      }
    }
    #expect(folder.names == ["circle", "circle2", "folder", "null", "pipe"])
  }

  /// No file is written that is read, nor its temporary file, whatever the names.
  @Test func inputsAreNotWritten() throws {
    for name in ["in", ".out.pare-save", "other"] {
      TemporaryFolder.write([1], to: folder.file(name))
    }
    link("alias", to: "in")
    #expect(unsafe Glibc.link(folder.file("in"), folder.file("second")) == 0)
    for (output, input, told) in [
      ("in", "in", "in"), ("alias", "in", "alias"), ("second", "alias", "second"),
      ("out", ".out.pare-save", ".out.pare-save"),
    ] {
      let written = output == "out" ? ".out.pare-save" : output
      #expect(throws: CheckpointError.isInput(path: folder.file(told)), "\(written)") {
        try SaveOutput.check(
          [folder.file("other"), folder.file(output)], against: [folder.file(input)])
      }
    }
    try SaveOutput.check([folder.file("other"), folder.file("new")], against: [folder.file("in")])
  }

  /// The temporary file of an output may be the open checkpoint; its settings may be the
  /// output.
  @Test func theOpenCheckpointIsNotWrittenOver() throws {
    try plan().write(to: folder.file(".out.pare-save"))
    TemporaryFolder.write(Array("{}".utf8), to: folder.file("config.json"))
    let before = TemporaryFolder.bytes(folder.file(".out.pare-save"))
    let source = try Checkpoint.open(folder.file(".out.pare-save"))
    for name in ["out", "config.json"] {
      #expect(throws: CheckpointError.self) { try plan(of: source).write(to: folder.file(name)) }
    }
    #expect(TemporaryFolder.bytes(folder.file(".out.pare-save")) == before)
    #expect(TemporaryFolder.bytes(folder.file("config.json")) == Array("{}".utf8))
  }

  /// Many at one place: one file comes of it, and every other save is refused.
  @Test func ofManyOneIsWritten() throws {
    let path = folder.file("a")
    let done = Mutex((written: [UInt64](), refused: 0))
    DispatchQueue.concurrentPerform(iterations: 16) { number in
      do {
        try plan(seed: UInt64(number)).write(to: SaveOutput(path, overwrite: false))
        done.withLock { $0.written.append(UInt64(number)) }
      } catch is CheckpointError {
        done.withLock { $0.refused += 1 }
      } catch {
        Issue.record("\(error)")
      }
    }
    let (written, refused) = done.withLock { ($0.written, $0.refused) }
    #expect(written.count == 1 && refused == 15)
    let expected = Samples.tensor(.f32, [8, 8], seed: written.first ?? 99, name: "t")
    let found = try Checkpoint.open(path).parameters["t"]?.tensor()
    #expect(haveSameBits(try #require(found), try expected.tensor()))
    #expect(folder.names == ["a"])
  }
}
