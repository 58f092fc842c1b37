internal import CheckpointIO
internal import Jobs
public import Tensors

/// Figures of one layer of one revision: what its bar and its histogram need.
public struct LayerStatistics: Sendable, Hashable {
  /// The parameter's name in the checkpoint.
  public let name: String
  public let revision: RevisionID
  /// Extremes, moments and counts of its weights.
  public let summary: Summary
  /// Counts of its weights between the least and the greatest of them.
  public let histogram: Histogram
  /// ‖W − W′‖ / ‖W‖ against the original; nil for the original itself and where `isReshaped`,
  /// NaN where a NaN or an infinity appeared or vanished.
  public let error: Double?
  /// Whether the original has it in another shape.
  public let isReshaped: Bool
  /// NaNs and infinities, against the original.
  public let nonFinite: NonFiniteChange
  /// What each channel (output row) is like.
  public let rows: [RowSummary]
  /// Bits a kept weight of each channel takes: its learned bit depth, those of its
  /// code, or those of its number; 0 for a channel that is gone.
  public let rowBits: [Float]
  /// Bytes it takes in the packed file.
  public let packedBytes: Int
  /// The format of the file's blocks whose codes its kept weights have.
  public let blocks: BlockFormat?

  /// Whether the revision has no weights of it, where the original has some.
  public var isGone: Bool { isReshaped && summary.count == 0 }

  /// Whether some of its weights are NaN or infinite.
  public var isBroken: Bool { nonFinite.presence != nil }

  /// Weights that are not zero.
  public var keptWeights: Int { summary.count - summary.zeroCount }

  /// Share of its weights that are zero, 0…1.
  public var sparsity: Double { summary.sparsity }

  /// Bits of the packed file for each weight of the layer, zeros counted.
  public var bitsPerWeight: Double {
    summary.count == 0 ? 0 : Double(packedBytes * 8) / Double(summary.count)
  }

  /// Weights of each channel that are not zero.
  public func keptCount(ofRow row: Int) -> Int {
    guard rows.indices.contains(row) else { return 0 }
    return summary.count / max(rows.count, 1) - rows[row].zeroCount
  }

  /// Largest magnitude in standard deviations: how far outliers reach.
  public var outliers: Double {
    summary.standardDeviation > 0
      ? Double(summary.maximumMagnitude) / summary.standardDeviation : 0
  }

  /// The same figures for another revision that shares the layer.
  func attributed(to revision: RevisionID) -> LayerStatistics {
    LayerStatistics(
      name: name, revision: revision, summary: summary, histogram: histogram,
      error: revision == .original || isReshaped ? nil : error ?? 0, isReshaped: isReshaped,
      nonFinite: nonFinite, rows: rows,
      rowBits: rowBits, packedBytes: packedBytes, blocks: blocks)
  }
}

extension LayerStatistics {
  /// As many as any plot has columns for; a plot joins neighbours.
  static let bins = 1024

  /// Measures a layer. `original` is the same layer of the original, nil when
  /// that is meant itself. Throws `Cancelled`.
  init(
    of parameter: Parameter, _ weights: Weights, revision: RevisionID, original: Tensor?,
    in job: borrowing JobContext
  ) throws {
    let (tensor, shouldStop) = (weights.values, job.shouldStop)
    guard
      let summary = Statistics.summary(
        of: tensor, threads: job.threads, shouldStop: shouldStop),
      let histogram = Statistics.histogram(
        of: tensor, bins: Self.bins, range: summary.minimum...summary.maximum,
        threads: job.threads, shouldStop: shouldStop),
      let rows = Statistics.rowSummaries(
        of: tensor, threads: job.threads, shouldStop: shouldStop)
    else { throw Cancelled() }
    self.name = parameter.name
    self.revision = revision
    self.summary = summary
    self.histogram = histogram
    self.rows = rows
    let blocks: BlockFormat?
    (packedBytes, blocks) = SavePlan.packing(of: parameter, weights)
    self.blocks = blocks
    isReshaped = original.map { $0.shape != tensor.shape } ?? false
    if let original, !isReshaped, !original.isIdentical(to: tensor) {
      let difference = TensorDifference(
        from: original, to: tensor, threads: job.threads, shouldStop: shouldStop)
      guard let difference else { throw Cancelled() }
      (error, nonFinite) = (difference.relativeError, difference.nonFinite)
    } else {
      error = original == nil || isReshaped ? nil : 0
      nonFinite = NonFiniteChange(unchanged: summary)
    }
    let bits =
      blocks.map { Float($0.bitsPerWeight) }
      ?? Float(weights.grid?.bits ?? parameter.dtype.byteCount * 8)
    let depths = weights.grid?.depths ?? []
    let columns = tensor.shape.columns
    rowBits = rows.enumerated().map { row, figures in
      figures.zeroCount == columns ? 0 : depths.indices.contains(row) ? depths[row] : bits
    }
  }
}
