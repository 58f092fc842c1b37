public import Workspace

/// Two revisions to be told apart: Compare shows them side by side, Samples lets both write.
public struct RevisionPair: Sendable, Hashable {
  public var left = RevisionID.original
  /// nil follows the revision on screen.
  public var right: RevisionID?

  /// The right one follows the revision on screen, unless it was chosen.
  mutating func follow(from former: RevisionID, to current: RevisionID) {
    if right == former || right == nil { right = current }
  }

  /// Leaves revisions that are no longer there.
  mutating func leaveDeleted(of tree: RevisionTree) {
    if tree[left] == nil { left = .original }
    if let id = right, tree[id] == nil { right = nil }
  }
}

extension AppState {
  /// The right one of the pair.
  var comparedRevision: RevisionID { pair.right ?? current }
}
