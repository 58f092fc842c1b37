internal import Compression
internal import Glibc
internal import Models
internal import Tensors

/// The models of the revisions that were used last. Those of others are
/// rebuilt by replaying recipes.
///
/// Revisions share the tensors they have in common, so each counts only what
/// its own step changed.
struct RevisionStore {
  private struct Kept {
    let model: ModelState
    let bytes: Int
    var lastUse: Int
  }

  private var kept: [RevisionID: Kept] = [:]
  private var uses = 0
  private let byteLimit: Int

  /// `original` lies in the mapped file and is always there.
  init(original: ModelState, byteLimit: Int = Self.thirdOfMemory) {
    self.byteLimit = byteLimit
    kept[.original] = Kept(model: original, bytes: 0, lastUse: 0)
  }

  /// The model, if it is there; counts as a use.
  mutating func use(_ id: RevisionID) -> ModelState? {
    guard kept[id] != nil else { return nil }
    uses += 1
    kept[id]?.lastUse = uses
    return kept[id]?.model
  }

  func contains(_ id: RevisionID) -> Bool { kept[id] != nil }

  /// Keeps the model of a revision, and lets go of those used longest ago
  /// while all together exceed the limit.
  mutating func keep(_ model: ModelState, of revision: Revision) {
    let changed = revision.provenance.map { $0.layers.of(model.parameters) } ?? []
    let bytes = changed.reduce(0) { $0 + $1.shape.count * MemoryLayout<Float>.stride }
    uses += 1
    kept[revision.id] = Kept(model: model, bytes: bytes, lastUse: uses)
    while kept.values.reduce(0, { $0 + $1.bytes }) > byteLimit,
      let oldest = kept.filter({ $0.value.bytes > 0 && $0.key != revision.id })
        .min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      kept[oldest.key] = nil
    }
  }

  mutating func forget(_ id: RevisionID) {
    if id != .original { kept[id] = nil }
  }

  private static var thirdOfMemory: Int {
    max(sysconf(Int32(_SC_PHYS_PAGES)), 1) * max(sysconf(Int32(_SC_PAGESIZE)), 4096) / 3
  }
}
