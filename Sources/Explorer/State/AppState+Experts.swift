internal import Tensors
internal import Transformers
internal import Workspace

extension AppState {
  /// Unfolds the experts of the block under the cursor, or folds them.
  mutating func toggleExperts() -> [Effect] {
    guard let block = blocks.row(self)?.block else { return [] }
    if blocks.unfolded.remove(block) == nil { blocks.unfolded.insert(block) }
    return expertsChanged(cursorAt: block)
  }

  /// Unfolds the experts of all blocks, or folds them if any are unfolded.
  mutating func toggleAllExperts() -> [Effect] {
    let block = blocks.row(self)?.block
    let all = model.rows.filter { $0.expertCount > 0 }.compactMap(\.block)
    blocks.unfolded = blocks.unfolded.isEmpty ? Set(all) : []
    return expertsChanged(cursorAt: block)
  }

  /// The cursor stays in its block, on the row of the whole of it.
  private mutating func expertsChanged(cursorAt block: Int?) -> [Effect] {
    refreshOverview()
    let rows = shownRows
    blocks.row =
      rows.firstIndex { $0.block == block && $0.expert == nil && block != nil }
      ?? min(blocks.row, max(0, rows.count - 1))
    return []
  }

  /// Why the block under the cursor does not unfold; nil when it does.
  var whyNoExperts: String? {
    guard model.hasExperts else { return "This checkpoint has no experts to unfold." }
    guard let row = blocks.row(self), row.expertCount > 0 || row.expert != nil else {
      return "This row has no experts to unfold."
    }
    return nil
  }

  /// Rows with those of the unfolded experts under their blocks, where a filter
  /// leaves only what it is looking for.
  func withExperts(
    _ rows: [ModelMap.Row], _ inOrder: ([ModelMap.Row]) -> [ModelMap.Row]
  ) -> [ModelMap.Row] {
    let blocks = self.blocks
    guard !blocks.unfolded.isEmpty else { return rows }
    let wanted = NameFilter(blocks.filter)
    return rows.flatMap { row in
      guard blocks.isUnfolded(row) else { return [row] }
      let experts = row.expertRows()
      return [row]
        + inOrder(
          blocks.filter.isEmpty
            ? experts : experts.filter { $0.layers.contains(where: wanted.matches) })
    }
  }

  /// The router that sends tokens to an expert's layer; of a router, itself. nil for all other
  /// layers.
  func router(of name: String) -> ModelMap.Layer? {
    guard let layer = model.layer(named: name), let block = layer.place.block,
      let router = model.rows.first(where: { $0.block == block })?.router
    else { return nil }
    // The gate of a shared expert sends no tokens: it is not a router.
    return layer.expert != nil || layer == router ? router : nil
  }

  /// What the router of a layer did in a revision, if it is known.
  func routerLoad(of name: String, _ revision: RevisionID) -> RouterLoad? {
    guard let router = router(of: name) else { return nil }
    return routers[revision]?.first { $0.router == router.name }
  }

  /// The share of the tokens that a row's expert takes, and how much that is of the largest of the
  /// block; nil while it is not known.
  func tokens(of row: ModelMap.Row) -> (share: Double, ofLargest: Double)? {
    guard let expert = row.expert, let router = row.router,
      let load = routerLoad(of: router.name, current), load.experts.indices.contains(expert)
    else { return nil }
    let largest = load.largestShare
    return (load.share(of: expert), largest > 0 ? load.share(of: expert) / largest : 0)
  }

  /// Norm of the weights that score an expert, and its share of the largest among
  /// the block's; nil while it is not known.
  func routing(of row: ModelMap.Row) -> (norm: Double, share: Double)? {
    guard let expert = row.expert, let router = row.router,
      let rows = figures[current]?[router.name]?.rows, rows.indices.contains(expert)
    else { return nil }
    let largest = rows.reduce(0) { max($0, $1.sumOfSquares) }.squareRoot()
    let norm = rows[expert].norm
    return (norm, largest > 0 ? norm / largest : 0)
  }
}
