import Compression
import TestSupport
import Testing
import Workspace

@Suite struct RevisionTreeTests {
  private func prune(_ amount: Double) -> Step {
    var pass = Prune()
    pass.amount = amount
    return Step(pass: pass)
  }

  @Test func startsAtTheOriginal() {
    let tree = RevisionTree(original: Metrics(weights: 12))
    #expect(tree.current == .original)
    #expect(tree.revisions.count == 1)
    #expect(tree.original.metrics.weights == 12)
    #expect(tree.original.title == "original")
    #expect(!tree.canUndo && !tree.canRedo)
    #expect(tree.recipe(to: .original)?.steps.isEmpty == true)
  }

  @Test func undoLeavesTheOriginalAlone() {
    var tree = RevisionTree()
    let hasUndone = tree.undo()
    let hasRedone = tree.redo()
    #expect(!hasUndone && !hasRedone)
    #expect(tree == RevisionTree())
  }

  @Test func redoGoesWhereUndoCameFrom() throws {
    var tree = RevisionTree()
    let first = tree.add(.pass(prune(0.1)), parent: .original)
    let second = tree.add(.pass(prune(0.2)), parent: .original)
    try tree.go(to: first)
    var back = (tree.undo(), tree.redo())
    #expect(back == (true, true))
    #expect(tree.current == first)
    try tree.go(to: second)
    back = (tree.undo(), tree.redo())
    #expect(back == (true, true))
    #expect(tree.current == second)
  }

  @Test func onlyLeavesAreDeleted() throws {
    var tree = RevisionTree()
    let first = tree.add(.pass(prune(0.1)), parent: .original)
    let second = tree.add(.pass(prune(0.2)), parent: first)
    try tree.go(to: second)
    for id in [.original, first, RevisionID(9)] {
      #expect(throws: RevisionError.self) { try tree.deleteLeaf(id) }
    }
    try tree.deleteLeaf(second)
    #expect(tree.current == first)
    #expect(!tree.canRedo)
    let third = tree.add(.pass(prune(0.3)), parent: first)
    #expect(third > second)
  }

  /// Random operations keep the laws; undo then redo, and redo then undo, lead
  /// back.
  @Test(arguments: 0..<20 as Range<UInt64>) func lawsHold(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var tree = RevisionTree()
    for _ in 0..<200 {
      let some = try #require(tree.revisions.randomElement(using: &random)).id
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        let before = tree.current
        let id = tree.add(.pass(prune(0.5)), parent: some)
        #expect(tree.current == before)
        #expect(tree[id]?.parent == some)
        let steps = try #require(tree.recipe(to: some)).steps
        #expect(tree.recipe(to: id)?.steps.count == steps.count + 1)
      case 2: try tree.go(to: some)
      case 3:
        let before = tree.current
        if tree.undo() {
          let undone = tree.redo()
          #expect(undone && tree.current == before)
          _ = tree.undo()
        }
      case 4:
        let before = tree.current
        if tree.redo() {
          let redone = tree.undo()
          #expect(redone && tree.current == before)
          _ = tree.redo()
        }
      default:
        let isLeaf = tree.children(of: some).isEmpty && some != .original
        let isDeleted = (try? tree.deleteLeaf(some)) != nil
        #expect(isDeleted == isLeaf)
      }
      try check(tree)
    }
  }

  private func check(_ tree: RevisionTree) throws {
    #expect(tree[tree.current] != nil)
    #expect(tree.canUndo == (tree.current != .original))
    #expect(tree.canRedo == !tree.children(of: tree.current).isEmpty)
    for revision in tree.revisions {
      let path = tree.path(to: revision.id)
      #expect(path.first?.id == .original)
      #expect(path.last == revision)
      for (parent, child) in zip(path, path.dropFirst()) { #expect(child.parent == parent.id) }
    }
  }

  @Test func frontHasNoBeatenRevision() throws {
    var random = SplitMix64(seed: 7)
    var tree = RevisionTree()
    for _ in 0..<60 {
      let id = tree.add(.pass(prune(0.5)), parent: .original)
      var metrics = Metrics()
      metrics.fileBytes = Int.random(in: 1...20, using: &random)
      metrics.loss = Double(Int.random(in: 1...20, using: &random))
      if Int.random(in: 0..<8, using: &random) == 0 { metrics.loss = .nan }
      tree.setMetrics(metrics, of: id)
    }
    func figures(_ id: RevisionID) -> (bytes: Int, loss: Double)? {
      guard let metrics = tree[id]?.metrics, let bytes = metrics.fileBytes,
        let loss = metrics.loss, !loss.isNaN
      else { return nil }
      return (bytes, loss)
    }
    let front = tree.pareto
    #expect(!front.isEmpty)
    for revision in tree.revisions {
      guard let mine = figures(revision.id) else {
        #expect(!front.contains(revision.id))
        continue
      }
      let isBeaten = tree.revisions.contains { other in
        guard let theirs = figures(other.id) else { return false }
        return theirs.bytes <= mine.bytes && theirs.loss <= mine.loss
          && (theirs.bytes < mine.bytes || theirs.loss < mine.loss || other.id < revision.id)
      }
      #expect(front.contains(revision.id) == !isBeaten)
    }
  }
}
