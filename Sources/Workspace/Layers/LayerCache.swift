internal import Compression
internal import Tensors

/// Statistics of layers that were measured once: revisions that share a layer
/// share its figures.
struct LayerCache {
  private struct Key: Hashable {
    let name: String
    /// The revision that made the layer what it is.
    let owner: RevisionID
  }

  private var statistics: [Key: LayerStatistics] = [:]

  /// The figures of a layer of a revision, if it or one that shares it was
  /// measured.
  func statistics(
    of parameter: Parameter, revision: RevisionID, in tree: RevisionTree
  ) -> LayerStatistics? {
    statistics[Self.key(parameter, revision, tree)]?.attributed(to: revision)
  }

  mutating func keep(
    _ figures: LayerStatistics, of parameter: Parameter, in tree: RevisionTree
  ) {
    statistics[Self.key(parameter, figures.revision, tree)] = figures
  }

  mutating func forget(_ revision: RevisionID) {
    statistics = statistics.filter { $0.key.owner != revision }
  }

  private static func key(
    _ parameter: Parameter, _ revision: RevisionID, _ tree: RevisionTree
  ) -> Key {
    let owner = tree.path(to: revision).last { $0.provenance?.mayChange(parameter) ?? true }
    return Key(name: parameter.name, owner: owner?.id ?? .original)
  }
}
