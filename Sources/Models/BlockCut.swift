/// What stays of a block's channels, and what that means for each of its layers. Channels go in
/// groups, because what one layer computes another one reads:
///
/// | goes | of |
/// | --- | --- |
/// | a hidden channel | a row of gate and of up, a column of down |
/// | a channel of values | a row of the values, a column of the attention output for each head of queries that reads it |
/// | a channel of keys | a row of the keys, and of each head of queries that reads it |
/// | a head of queries | its rows of queries, its columns of the attention output |
/// | a head of keys and values | all of these |
public struct BlockCut: Sendable, Hashable {
  /// What stays of a head of keys and values.
  public struct Head: Sendable, Hashable {
    /// Which of the block's heads it was.
    public let index: Int
    /// Heads of queries that stay, counted in the head.
    public var queries: [Int]
    /// Channels of a query, and of a key.
    public var keys: [Int]
    public var values: [Int]

    public init(index: Int, queries: [Int], keys: [Int], values: [Int]) {
      (self.index, self.queries, self.keys, self.values) = (index, queries, keys, values)
    }
  }

  public let whole: BlockShape
  public var heads: [Head]
  public var hidden: [Int]

  /// All stays.
  public init(of whole: BlockShape) {
    self.whole = whole
    heads = whole.heads.enumerated().map { index, head in
      Head(
        index: index, queries: Array(0..<head.queries), keys: Array(0..<head.keys),
        values: Array(0..<head.values))
    }
    hidden = Array(0..<whole.hidden)
  }

  /// The block afterwards.
  public var shape: BlockShape {
    BlockShape(
      heads: heads.map {
        BlockShape.Head(keys: $0.keys.count, values: $0.values.count, queries: $0.queries.count)
      }, hidden: hidden.count)
  }

  /// Rows that stay of a layer; nil for all, whatever the block loses.
  public func rows(of role: TensorRole) -> [Int]? {
    switch role {
    case .query:
      heads.flatMap { head in
        head.queries.flatMap { query in head.keys.map { place(head, query).firstQuery + $0 } }
      }
    case .key: heads.flatMap { head in head.keys.map { place(head).firstKey + $0 } }
    case .value: heads.flatMap { head in head.values.map { place(head).firstValue + $0 } }
    case .queryKeyValue:
      (rows(of: .query) ?? []) + (rows(of: .key) ?? []).map { whole.queryWidth + $0 }
        + (rows(of: .value) ?? []).map { whole.valueStart + $0 }
    case .gate, .up: hidden
    case .sinks: heads.flatMap { head in head.queries.map { place(head, $0).heads.lowerBound } }
    default: nil
    }
  }

  /// Columns that stay of a layer; nil for all.
  public func columns(of role: TensorRole) -> [Int]? {
    switch role {
    case .attentionOutput:
      heads.flatMap { head in
        head.queries.flatMap { query in head.values.map { place(head, query).firstMixed + $0 } }
      }
    case .down: hidden
    default: nil
    }
  }

  /// Where a head of queries stands in the whole block.
  private func place(_ head: Head, _ query: Int = 0) -> BlockShape.Run {
    whole.places[whole.heads[..<head.index].reduce(0) { $0 + $1.queries } + query]
  }
}
