/// How wide a block is inside. Of a block that was sliced, channels that change nothing are
/// missing: heads, channels of a head, and hidden channels of the MLP.
///
/// Queries of all heads stand one head after the other, then keys, then values; attention gives
/// as many values for each head of queries:
///
///     │ q₀ │ q₁ │ … │ k₀ │ k₁ │ … │ v₀ │ v₁ │ … │
///     0             queryWidth    valueStart    qkvWidth
public struct BlockShape: Sendable, Hashable {
  /// A head of keys and values, and the heads of queries that read it.
  public struct Head: Sendable, Hashable {
    /// Channels of a query, and of a key.
    public let keys: Int
    /// Channels of a value.
    public let values: Int
    /// Heads of queries.
    public let queries: Int

    public init(keys: Int, values: Int, queries: Int = 1) {
      self.keys = keys
      self.values = values
      self.queries = queries
    }
  }

  /// Neighbouring heads of queries of one width that share no keys, whose products are computed
  /// together; or one that does.
  package struct Run: Sendable, Hashable {
    /// Heads of queries.
    package var heads: Range<Int>
    package let head: Head
    /// Where the first one begins in the queries.
    package let firstQuery: Int
    /// The head of keys and values that it reads, or the first of them.
    package let firstKeyHead: Int
    /// Where its keys begin among keys, and its values among values.
    package let firstKey: Int
    package let firstValue: Int
    /// Where it begins in what attention gives.
    package let firstMixed: Int
  }

  public let heads: [Head]
  /// Hidden channels of the MLP.
  public let hidden: Int
  public let queryWidth: Int
  public let keyWidth: Int
  public let valueWidth: Int
  /// What attention gives.
  public let mixedWidth: Int
  package let runs: [Run]
  /// Each head of queries as a run of its own.
  package let places: [Run]

  public init(heads: [Head], hidden: Int) {
    self.heads = heads
    self.hidden = hidden
    var (query, key, value, mixed, index) = (0, 0, 0, 0, 0)
    var (runs, places): ([Run], [Run]) = ([], [])
    for (number, head) in heads.enumerated() {
      for _ in 0..<head.queries {
        let place = Run(
          heads: index..<index + 1, head: head, firstQuery: query, firstKeyHead: number,
          firstKey: key, firstValue: value, firstMixed: mixed)
        places.append(place)
        if let last = runs.last, last.head == head, head.queries == 1 {
          runs[runs.count - 1].heads = last.heads.lowerBound..<index + 1
        } else {
          runs.append(place)
        }
        query += head.keys
        mixed += head.values
        index += 1
      }
      key += head.keys
      value += head.values
    }
    (queryWidth, keyWidth, valueWidth, mixedWidth) = (query, key, value, mixed)
    (self.runs, self.places) = (runs, places)
  }

  /// A block with all its channels, of so many heads of queries.
  public init(heads: Int, keyValueHeads: Int? = nil, headWidth: Int, hidden: Int) {
    let count = keyValueHeads ?? heads
    let head = Head(keys: headWidth, values: headWidth, queries: heads / max(count, 1))
    self.init(heads: Array(repeating: head, count: count), hidden: hidden)
  }

  /// Heads of queries.
  public var queryHeads: Int { places.count }
  /// Where values begin in a row of queries, keys and values.
  package var valueStart: Int { queryWidth + keyWidth }
  public var qkvWidth: Int { queryWidth + keyWidth + valueWidth }

  /// Where queries, keys or values begin in such a row.
  package func start(of slot: Slot) -> Int {
    switch slot {
    case .key: queryWidth
    case .value: valueStart
    default: 0
    }
  }
}
