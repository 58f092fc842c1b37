internal import Jobs
internal import Tensors

/// How far the tensors of one checkpoint are from those of another.
struct TensorComparison {
  /// One tensor that both have in the same shape.
  struct Row {
    let name: String
    let isLayer: Bool
    let difference: TensorDifference
    /// Share of zeros in the first and the second, 0…1.
    let sparsity: (first: Double, second: Double)
  }

  /// One tensor that both have, in different shapes.
  struct Reshaped {
    let name: String
    let first: Shape
    let second: Shape
  }

  private(set) var rows: [Row] = []
  private(set) var reshaped: [Reshaped] = []
  /// Names that the second has not.
  private(set) var onlyInFirst: [String] = []
  private(set) var onlyInSecond: [String] = []

  /// Compares by name, two tensors in memory at a time. Throws `Cancelled`, and
  /// what reading a tensor throws.
  init(of first: Parameters, with second: Parameters, in job: borrowing JobContext) throws {
    for (index, parameter) in first.enumerated() {
      try job.checkpoint()
      job.progress(Double(index) / Double(first.count), parameter.place.path)
      guard let other = second[parameter.name] else {
        onlyInFirst.append(parameter.name)
        continue
      }
      guard other.shape == parameter.shape else {
        reshaped.append(
          Reshaped(name: parameter.name, first: parameter.shape, second: other.shape))
        continue
      }
      rows.append(try Row(parameter, other, in: job))
    }
    onlyInSecond = second.filter { first[$0.name] == nil }.map(\.name)
  }

  /// ‖W − W′‖ / ‖W‖ over all linear layers; nil when there is none in both.
  var layerError: Double? {
    let layers = rows.filter(\.isLayer).map(\.difference)
    guard !layers.isEmpty else { return nil }
    let error = layers.reduce(0) { $0 + $1.squaredError }
    let norm = layers.reduce(0) { $0 + $1.sumOfSquares }
    return error == 0 ? 0 : (error / norm).squareRoot()
  }

  /// A row for each tensor.
  var table: Table {
    var table = Table([
      ("tensor", .left), ("error", .right), ("largest", .right), ("cosine", .right),
      ("differ", .right), ("zero before", .right), ("after", .right),
    ])
    for row in rows {
      table.add([
        row.name, Figure.percent(row.difference.relativeError),
        Figure.short(Double(row.difference.maximumError)),
        Figure.fixed(row.difference.cosine, digits: 5),
        Figure.count(row.difference.differentCount), Figure.percent(row.sparsity.first),
        Figure.percent(row.sparsity.second),
      ])
    }
    return table
  }
}

extension TensorComparison.Reshaped {
  var json: JSON {
    .object([
      "first": .array(first.dimensions.map { .integer($0) }),
      "name": .string(name),
      "second": .array(second.dimensions.map { .integer($0) }),
    ])
  }

  /// `name (1152 × 384 → 96 × 384)`.
  var text: String { "\(name) (\(first) → \(second))" }
}

extension TensorComparison.Row {
  fileprivate init(
    _ first: Parameter, _ second: Parameter, in job: borrowing JobContext
  ) throws {
    let tensors = (try first.tensor(), try second.tensor())
    guard
      let difference = TensorDifference(
        from: tensors.0, to: tensors.1, threads: job.threads, shouldStop: job.shouldStop),
      let before = Statistics.summary(
        of: tensors.0, threads: job.threads, shouldStop: job.shouldStop),
      let after = Statistics.summary(
        of: tensors.1, threads: job.threads, shouldStop: job.shouldStop)
    else { throw Cancelled() }
    name = first.name
    isLayer = first.place.role == .linear
    self.difference = difference
    sparsity = (before.sparsity, after.sparsity)
  }

  var json: JSON {
    .object([
      "cosine": .number(difference.cosine),
      "different": .integer(difference.differentCount),
      "error": .number(difference.relativeError),
      "largest_error": .number(Double(difference.maximumError)),
      "name": .string(name),
      "sparsity_first": .number(sparsity.first),
      "sparsity_second": .number(sparsity.second),
    ])
  }
}
