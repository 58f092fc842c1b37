import CheckpointIO
import Compression
import Dispatch
import Jobs
import Models
import TestSupport
import Testing
import Workspace

/// Two programs at work on one checkpoint, and to which checkpoint a session belongs.
@Suite struct SessionMergeTests {
  private let folder = TemporaryFolder()

  private func session() -> Session {
    Session(directory: folder.path, name: "m", contentKey: 7)
  }

  /// What of a tree does not depend on numbers: the recipes that lead to its revisions.
  private func recipes(_ tree: RevisionTree?) -> [String] {
    (tree?.revisions ?? []).compactMap { tree?.recipe(to: $0.id)?.yaml }.sorted()
  }

  private func written(_ amounts: [[Double]]) throws -> Session {
    var session = session()
    var tree = session.tree ?? RevisionTree(original: Metrics(weights: 10))
    for path in amounts {
      var parent = RevisionID.original
      for amount in path { parent = tree.add(.pass(Script.prune(amount)), parent: parent) }
    }
    session.tree = tree
    return session
  }

  /// Neither wipes what the other did, whoever writes last.
  @Test func bothAreKept() throws {
    let first = try written([[0.1, 0.2], [0.3]])
    let second = try written([[0.1, 0.4], [0.5]])
    try first.write()
    try second.write()
    let both = try #require(session().tree)
    let union = Set(recipes(first.tree)).union(recipes(second.tree))
    // The same pass on the same parent is one revision.
    #expect(recipes(both) == union.sorted())
    #expect(both.revisions.count == 6)
    #expect(both.current == .original)
    // The one that wrote first writes again and does not know of the other yet.
    try first.write()
    #expect(recipes(session().tree) == union.sorted())
    let numbers = try #require(session().tree).revisions.map(\.id.number)
    #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
  }

  /// A pass that was run twice on one parent stays twice.
  @Test func twinsStay() throws {
    let (first, second) = try (written([[0.1], [0.1]]), written([[0.1]]))
    try first.write()
    try second.write()
    #expect(session().tree?.revisions.count == 3)
  }

  /// What one program deletes stays deleted, unless the other made something of it.
  @Test func deletedIsDeleted() throws {
    try written([[0.1], [0.2]]).write()
    var deleting = session()
    var tree = try #require(deleting.tree)
    let doomed = try #require(tree.revisions.last?.id)
    var other = session()
    try tree.deleteLeaf(doomed)
    deleting.tree = tree
    try deleting.write()
    #expect(session().tree?.revisions.count == 2)
    var grown = try #require(other.tree)
    grown.add(.pass(Script.prune(0.9)), parent: doomed)
    other.tree = grown
    try other.write()
    try deleting.write()
    #expect(recipes(session().tree) == recipes(grown))
  }

  /// Many writers at once: the file is always whole, and in the end all is there.
  @Test func writersTakeTurns() throws {
    let sessions = try (1...16).map { try written([[Double($0) / 32, 0.5]]) }
    DispatchQueue.concurrentPerform(iterations: sessions.count) { try? sessions[$0].write() }
    #expect(session().warning == nil)
    let all = Set(sessions.flatMap { recipes($0.tree) })
    #expect(recipes(session().tree) == all.sorted())
  }

  @Test func twoWorkbenchesOnOneFile() throws {
    let state = TemporaryFolder()
    let a = try Script(sessionIn: state)
    let b = try Script(sessionIn: state, checkpoint: a.checkpoint)
    for (script, amount) in [(a, 0.25), (b, 0.5)] {
      script.workbench.run(Script.prune(amount), on: .original)
      script.settle()
    }
    a.workbench.run(Script.quantize(3), on: RevisionID(1))
    a.settle()
    #expect(b.workbench.close() == nil)
    #expect(a.workbench.close() == nil)
    let again = try Script(sessionIn: state, checkpoint: a.checkpoint).workbench
    let both = Set(recipes(a.workbench.tree)).union(recipes(b.workbench.tree))
    #expect(recipes(again.tree) == both.sorted() && both.count == 4)
    #expect(again.tree.current == a.workbench.tree.current)
    #expect(again.tree.revisions.allSatisfy { $0.metrics.loss != nil })
  }

  // MARK: To which checkpoint it belongs

  private func key(_ path: String) throws -> UInt64 { try Checkpoint.open(path).contentKey }

  /// Touched, moved and copied it is the same; other weights, or one setting more, are not.
  @Test func aSessionBelongsToTheContent() throws {
    let models = TemporaryFolder()
    let first = try #require(try TinyModel.checkpoint(in: models).path)
    let bytes = try models.read(first)
    let known = try key(first)
    #expect(try key(models.write(bytes, to: "other name.safetensors")) == known)
    #expect(try key(models.write(bytes, to: "tiny.safetensors")) == known)
    // Same header and size, as fine-tunings of one model have.
    var tuned = bytes
    for index in stride(from: bytes.count / 2, to: bytes.count, by: 97) { tuned[index] ^= 1 }
    #expect(try key(models.write(tuned, to: "tiny.safetensors")) != known)
    let half = try Script.prune(0.5).apply(
      to: Checkpoint.open(first).model, in: JobContext()
    ).parameters
    let path = models.file("half.safetensors")
    try SavePlan.make(parameters: half, form: .dense(nil)).write(to: path)
    #expect(try key(path) != known)
  }

  @Test func aMovedFileHasItsSession() throws {
    let (models, state) = (TemporaryFolder(), TemporaryFolder())
    let first = try TinyModel.checkpoint(in: models)
    let script = try Script(sessionIn: state, checkpoint: first)
    script.workbench.run(Script.prune(0.5), on: .original)
    script.settle()
    #expect(script.workbench.close() == nil)
    let bytes = try models.read(try #require(first.path))
    let moved = try Checkpoint.open(models.write(bytes, to: "moved.safetensors"))
    let again = try Script(sessionIn: state, checkpoint: moved)
    #expect(again.workbench.tree == script.workbench.tree)
  }

  /// A file that is named as sessions were formerly is taken over.
  @Test func formerNamesAreRead() throws {
    let old = try written([[0.1]])
    try old.write()
    let text = try folder.read(old.path)
    _ = try folder.write(text, to: "m-0123456789abcdef.json")
    let taken = Session(
      directory: folder.path, name: "m", contentKey: 8, formerly: "m-0123456789abcdef.json")
    #expect(taken.tree == old.tree)
    #expect(taken.path != old.path)
    try taken.write()
    let again = Session(directory: folder.path, name: "m", contentKey: 8)
    #expect(again.tree == old.tree)
  }
}
