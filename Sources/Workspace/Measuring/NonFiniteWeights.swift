public import CheckpointIO
public import Compression
public import Jobs
internal import Tensors

/// Weights of a checkpoint that are NaN or infinite.
public struct NonFiniteWeights: Sendable, Hashable {
  /// How many are NaN.
  public let nanCount: Int
  /// How many are ∞ or −∞.
  public let infiniteCount: Int
  /// How many tensors have any.
  public let tensorCount: Int
  /// The name of the first of them.
  public let first: String

  /// Reads every weight, one tensor at a time; nil when all are finite. Throws `Cancelled`,
  /// and what reading a tensor throws.
  public init?(in checkpoint: Checkpoint, job: borrowing JobContext) throws {
    let weights = checkpoint.parameters.filter(\.isWeight)
    let total = Double(max(1, weights.reduce(0) { $0 + $1.shape.count }))
    var (done, nan, infinite, names) = (0, 0, 0, [String]())
    for parameter in weights {
      try job.checkpoint()
      job.progress(Double(done) / total, parameter.place.path)
      done += parameter.shape.count
      let values = try parameter.weights(in: job)
      guard
        let summary = Statistics.summary(
          of: values, threads: job.threads, shouldStop: job.shouldStop)
      else { throw Cancelled() }
      guard summary.finiteCount < summary.count else { continue }
      nan += summary.nanCount
      infinite += summary.infiniteCount
      names.append(parameter.name)
    }
    job.progress(1)
    guard let first = names.first else { return nil }
    (nanCount, infiniteCount, tensorCount) = (nan, infinite, names.count)
    self.first = first
  }
}

extension NonFiniteWeights {
  /// Those that a comparison of all weights of a checkpoint has found in it; nil when all are
  /// finite. Precondition: none of its tensors is missing after.
  public init?(in checkpoint: Checkpoint, by comparison: Compression.Comparison) {
    let found = Dictionary(
      comparison.nonFinite.map { ($0.name, $0.difference.nonFinite) }, uniquingKeysWith: { $1 })
    let holding = checkpoint.parameters.compactMap { parameter in
      found[parameter.name].map { (name: parameter.name, change: $0) }
    }.filter { $0.change.nan.before + $0.change.infinite.before > 0 }
    guard let first = holding.first?.name else { return nil }
    nanCount = holding.reduce(0) { $0 + $1.change.nan.before }
    infiniteCount = holding.reduce(0) { $0 + $1.change.infinite.before }
    tensorCount = holding.count
    self.first = first
  }
}

extension NonFiniteWeights: CustomStringConvertible {
  /// `64 NaN and 1 infinite weight in 2 tensors, the first h.0.mlp.c_fc.weight`.
  public var description: String {
    let kinds = [(nanCount, "NaN"), (infiniteCount, "infinite")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }
    let noun = nanCount + infiniteCount == 1 ? "weight" : "weights"
    let tensors = tensorCount == 1 ? first : "\(tensorCount) tensors, the first \(first)"
    return "\(kinds.joined(separator: " and ")) \(noun) in \(tensors)"
  }
}
