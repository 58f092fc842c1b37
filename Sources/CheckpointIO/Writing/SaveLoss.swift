/// What a written file does not hold as the checkpoint had it.
public struct SaveLoss: Sendable, Hashable {
  /// In what way.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Values changed: they were rounded to a narrower type.
    case rounded
    /// Values changed: they were fitted to blocks that share a scale.
    case quantized
    /// Values changed: weights that are 0 are not, in blocks that have no such value.
    case nearest
    /// Every value is kept, under another type.
    case retyped
    /// Every value is kept, but not the codes, grids or blocks it was stored as.
    case unpacked
    /// Pairs of metadata, or parts of them.
    case metadata
    /// Files beside the checkpoint, such as a tokenizer's.
    case file
    /// Tensors that are no weights, such as optimizer state.
    case state
    /// Tensors of types that the file cannot hold.
    case unwritable
    /// Tensors that whoever reads the file has no place for.
    case place
  }

  public let kind: Kind
  /// The type or encoding it had; nil if it has no name.
  public let from: String?
  /// The type it has in the file.
  public let to: String?
  /// How many tensors were lost; or how many pairs of metadata, or files beside the checkpoint.
  public let count: Int

  init(_ kind: Kind, from: String? = nil, to: String? = nil, count: Int = 1) {
    self.kind = kind
    self.from = from
    self.to = to
    self.count = count
  }

  /// Whether weights have other values than before.
  public var changesValues: Bool {
    switch kind {
    case .rounded, .quantized, .nearest: true
    case .retyped, .unpacked, .metadata, .file, .state, .unwritable, .place: false
    }
  }

  /// The same losses with those that differ in nothing but the count as one, in the
  /// order of kinds.
  static func grouped(_ losses: [SaveLoss]) -> [SaveLoss] {
    var counts: [SaveLoss: Int] = [:]
    for loss in losses {
      counts[SaveLoss(loss.kind, from: loss.from, to: loss.to), default: 0] += loss.count
    }
    let order = Dictionary(
      uniqueKeysWithValues: Kind.allCases.enumerated().map { ($1, $0) })
    return counts.map { SaveLoss($0.kind, from: $0.from, to: $0.to, count: $1) }.sorted {
      (order[$0.kind] ?? 0, $0.from ?? "", $0.to ?? "")
        < (order[$1.kind] ?? 0, $1.from ?? "", $1.to ?? "")
    }
  }
}

extension SaveLoss: CustomStringConvertible {
  /// `12 tensors rounded from F32 to BF16`.
  public var description: String {
    let tensors = count == 1 ? "1 tensor" : "\(count) tensors"
    let types = [from.map { "from \($0)" }, to.map { "to \($0)" }].compactMap { $0 }
      .joined(separator: " ")
    switch kind {
    case .rounded: return "\(tensors) rounded \(types)"
    case .quantized: return "\(tensors) quantized \(types)"
    case .nearest:
      return "\(tensors) with pruned weights not 0 but the nearest that a block of "
        + "\(from ?? "its type") has"
    case .retyped:
      return "\(tensors) of \(from ?? "one type") written as \(to ?? "another"), values unchanged"
    case .unpacked:
      return "\(tensors) of \(from ?? "codes") written as values of \(to ?? "their type")"
    case .metadata:
      let pairs = count == 1 ? "1 pair" : "\(count) pairs"
      return "\(pairs) of metadata not held" + (from.map { " (\($0))" } ?? "")
    case .file:
      let files = count == 1 ? "1 file" : "\(count) files"
      return "\(files) beside the checkpoint not held" + (from.map { " (\($0))" } ?? "")
    case .state: return "\(tensors) of training state left out"
    case .unwritable: return "\(tensors) of \(from ?? "a type it has not") left out"
    case .place: return "\(tensors) left out that llama.cpp has no place for"
    }
  }
}
