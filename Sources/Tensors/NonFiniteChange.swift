/// Weights that are NaN or infinite before a change and after it.
public struct NonFiniteChange: Sendable, Hashable, Codable {
  /// The NaNs, or the infinities.
  public struct Count: Sendable, Hashable, Codable {
    /// In the original.
    public var before = 0
    /// In the changed one.
    public var after = 0
    /// In both, at the same place; an infinity with the same sign.
    public var stayed = 0

    /// No weights.
    public init(before: Int = 0, after: Int = 0, stayed: Int = 0) {
      (self.before, self.after, self.stayed) = (before, after, stayed)
    }

    /// Weights that are so in the changed one alone.
    public var appeared: Int { after - stayed }

    /// Weights that were so in the original alone.
    public var vanished: Int { before - stayed }

    static func + (a: Count, b: Count) -> Count {
      Count(before: a.before + b.before, after: a.after + b.after, stayed: a.stayed + b.stayed)
    }
  }

  /// Weights that are NaN.
  public var nan: Count
  /// Weights that are ∞ or −∞.
  public var infinite: Count

  /// A change of these counts.
  public init(nan: Count = Count(), infinite: Count = Count()) {
    (self.nan, self.infinite) = (nan, infinite)
  }

  /// Whether all weights are finite, before and after.
  public var isEmpty: Bool { self == NonFiniteChange() }

  /// Whether a NaN or an infinity appeared or vanished: the error is no number then.
  public var hasChanged: Bool {
    [nan.appeared, nan.vanished, infinite.appeared, infinite.vanished].contains { $0 != 0 }
  }

  /// What is not finite in the changed one: `64 NaN and 1 infinite`; nil where nothing is.
  public var presence: String? {
    let kinds = [(nan.after, "NaN"), (infinite.after, "infinite")].filter { $0.0 > 0 }
    return kinds.isEmpty ? nil : kinds.map { "\($0.0) \($0.1)" }.joined(separator: " and ")
  }

  /// The sum of both counts.
  public static func + (a: NonFiniteChange, b: NonFiniteChange) -> NonFiniteChange {
    NonFiniteChange(nan: a.nan + b.nan, infinite: a.infinite + b.infinite)
  }
}

extension NonFiniteChange {
  /// The counts of weights that nothing has changed.
  public init(unchanged summary: Summary) {
    func same(_ count: Int) -> Count { Count(before: count, after: count, stayed: count) }
    self.init(nan: same(summary.nanCount), infinite: same(summary.infiniteCount))
  }
}

extension NonFiniteChange: CustomStringConvertible {
  /// `64 became NaN, 1 became infinite, 2 stayed NaN`; empty where all weights are finite.
  public var description: String {
    [
      (nan.appeared, "became NaN"), (infinite.appeared, "became infinite"),
      (nan.vanished, "no longer NaN"), (infinite.vanished, "no longer infinite"),
      (nan.stayed, "stayed NaN"), (infinite.stayed, "stayed infinite"),
    ].filter { $0.0 != 0 }.map { "\($0) \($1)" }.joined(separator: ", ")
  }
}
