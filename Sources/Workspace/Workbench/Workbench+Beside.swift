internal import CheckpointIO
internal import Glibc

extension Workbench {
  /// Has another checkpoint of the same network, sliced or not, stand beside the original, as a
  /// revision that becomes the current one; Compare shows the two. Reads headers only.
  ///
  /// Throws `CheckpointError` when it cannot be opened, and `RevisionError` when it is of
  /// another network.
  public func stand(beside path: String) throws {
    // As sessions are opened from other folders.
    let resolved = unsafe realpath(path, nil)
    defer { unsafe free(resolved) }
    try stand(LoadedWeights(path: unsafe resolved.map { unsafe String(cString: $0) } ?? path))
  }

  /// The same with the compressed checkpoint that is part of the program.
  public func standBesideEmbedded() throws { try stand(LoadedWeights(path: nil)) }

  private func stand(_ loaded: LoadedWeights) throws {
    let model = try loaded.model(of: loaded.open().model, for: InputMeter(checkpoint).model)
    let provenance = Provenance.loaded(loaded)
    let known = tree.children(of: .original).first { $0.provenance == provenance }?.id
    let id = known ?? tree.add(provenance, parent: .original)
    if known == nil, let revision = tree[id] {
      store.keep(model, of: revision)
    }
    place["view"] = "compare"
    if known == nil { announce([.revisionAdded(id)]) }
    try go(to: id)
  }
}
