/// How wide a block is inside. Channels that change nothing may be missing: heads,
/// channels of a head, and hidden channels of the MLP.
///
/// The rows of its attention layer are the queries of all heads, one head after the
/// other, then their keys, then their values; the output layer reads the values:
///
///     │ q₀ │ q₁ │ … │ k₀ │ k₁ │ … │ v₀ │ v₁ │ … │
///     0             keyWidth      2·keyWidth    qkvWidth
public struct BlockShape: Sendable, Hashable {
  /// How wide one head is.
  public struct Head: Sendable, Hashable {
    /// Channels of a query, and of a key.
    public let keys: Int
    /// Channels of a value.
    public let values: Int

    public init(keys: Int, values: Int) {
      self.keys = keys
      self.values = values
    }
  }

  /// Neighbouring heads of one width, whose products are computed together.
  package struct Run: Sendable, Hashable {
    package var heads: Range<Int>
    package let head: Head
    /// Where the first one begins in the queries, and in the values.
    package let firstKey: Int
    package let firstValue: Int
  }

  public let heads: [Head]
  /// Hidden channels of the MLP.
  public let hidden: Int
  /// All heads' queries together; their keys are as many.
  public let keyWidth: Int
  /// All heads' values together.
  public let valueWidth: Int
  package let runs: [Run]
  /// Each head as a run of its own.
  package let places: [Run]

  public init(heads: [Head], hidden: Int) {
    self.heads = heads
    self.hidden = hidden
    var (key, value) = (0, 0)
    var (runs, places): ([Run], [Run]) = ([], [])
    for (index, head) in heads.enumerated() {
      let place = Run(
        heads: index..<index + 1, head: head, firstKey: key, firstValue: value)
      places.append(place)
      if let last = runs.last, last.head == head {
        runs[runs.count - 1].heads = last.heads.lowerBound..<index + 1
      } else {
        runs.append(place)
      }
      key += head.keys
      value += head.values
    }
    (keyWidth, valueWidth) = (key, value)
    (self.runs, self.places) = (runs, places)
  }

  /// A block with all its channels.
  public init(heads: Int, headWidth: Int, hidden: Int) {
    let head = Head(keys: headWidth, values: headWidth)
    self.init(heads: [Head](repeating: head, count: heads), hidden: hidden)
  }

  /// Where values begin in a row of queries, keys and values.
  package var valueStart: Int { 2 * keyWidth }
  /// Outputs of the attention layer.
  public var qkvWidth: Int { 2 * keyWidth + valueWidth }
}
