/// How the rows of a tensor stand in a file.
public enum RowLayout: Sendable, Hashable {
  /// The model's order: queries, keys and values one after the other, and the channels that rotary
  /// embeddings turn together half a head apart.
  case plain
  /// The two channels of a pair side by side, in each head:
  ///
  ///     row h d + 2 j + s of the file  =  row h d + s d/2 + j of the model,   s = 0, 1
  case interleaved
  /// Each head's queries, keys and values together.
  case headwise

  /// llama.cpp's converter puts the separate queries and keys of these families, by
  /// `general.architecture`, in pairs (its `conversion` folder as of llama-cpp-python 0.3.36:
  /// classes that permute, or inherit that from Llama). Families whose converter splits one
  /// matrix into queries, keys and values are not among them: no name of theirs is matched.
  private static let interleavedTypes: Set = [
    "llama", "llama-embed", "mistral3", "arcee", "smollm3", "nanbeige", "eagle3",
    "granite", "granite_swa", "granitemoe", "granitehybrid", "deci", "olmo", "arctic", "chameleon",
    "minicpm", "deepseek", "xverse", "llada",
  ]

  /// Of a tensor in a file of `dialect`; `type` is what the settings call the family. Meta's and
  /// Mistral's own files are interleaved, too.
  public init(of role: TensorRole, in dialect: Dialect, type: String?) {
    let isInterleaved =
      dialect == .meta
      || dialect == .llamaCpp && type.map { Self.interleavedTypes.contains($0) } ?? false
    if isInterleaved, role == .query || role == .key {
      self = .interleaved
    } else {
      let family = type.flatMap { ModelCatalog.family(of: $0) }
      self = family?.isHeadwise(dialect) ?? false && role == .queryKeyValue ? .headwise : .plain
    }
  }

  /// The order of so many rows of so many heads; nil where they cannot be divided so.
  public func order(rows: Int, heads: Int) -> RowOrder? {
    guard rows > 0, heads > 0, rows.isMultiple(of: heads) else { return nil }
    let size = rows / heads
    switch self {
    case .plain: return RowOrder(Array(0..<rows))
    case .interleaved:
      guard size.isMultiple(of: 2) else { return nil }
      return RowOrder(
        (0..<rows).map { row in
          let (half, pair) = (row % size / (size / 2), row % (size / 2))
          return row / size * size + 2 * pair + half
        })
    case .headwise:
      guard size.isMultiple(of: 3) else { return nil }
      let parts = (0..<3).map { Self.headwise($0, heads: heads, size: size / 3) }
      return RowOrder(parts.flatMap { part in (0..<part.total).map { part.source(of: $0) } })
    }
  }

  /// The rows of queries (0), keys (1) or values (2), which each head has together.
  static func headwise(_ part: Int, heads: Int, size: Int) -> RowRuns {
    RowRuns(first: part * size, count: size, step: 3 * size, runs: heads)
  }
}

/// Which row of a file each row of the model is.
public struct RowOrder: Sendable, Hashable {
  /// A permutation.
  public let sources: [Int]

  fileprivate init(_ sources: [Int]) { self.sources = sources }

  /// Which row of the model each row of the file is.
  public var inverse: RowOrder {
    var targets = sources
    for (row, source) in sources.enumerated() { targets[source] = row }
    return RowOrder(targets)
  }

  /// This order, and then another of its rows. Precondition: they are of as many rows.
  func followed(by next: RowOrder) -> RowOrder { RowOrder(next.sources.map { sources[$0] }) }
}
