internal import CheckpointIO
internal import Compression
internal import Glibc
internal import Jobs
internal import Tensors

/// How far the tensors of one checkpoint are from those of another.
struct TensorComparison {
  /// One tensor that both have in the same shape.
  struct Row {
    let name: String
    /// What the second calls it.
    let secondName: String
    /// Whether it is a linear layer, or one that passes were given.
    let isLayer: Bool
    /// Whether passes were given it, where they were not given all linear layers.
    let isSelected: Bool
    /// Weights, and those that are zero in the second.
    let count: Int
    let zeros: Int
    /// Whether one had its rows in llama.cpp's order.
    let isReordered: Bool
    let difference: TensorDifference
    /// Share of zeros in the first and the second, 0…1.
    let sparsity: (first: Double, second: Double)
  }

  /// One tensor that both have, in different shapes.
  struct Reshaped {
    let name: String
    let isLayer: Bool
    let first: Shape
    let second: Shape
  }

  /// One tensor that only one of them has.
  struct Lone {
    let name: String
    let shape: Shape
    /// As the file has it, such as `Q4_1`.
    let type: String
  }

  let matching: ParameterMatching
  let onlyInFirst: [Lone]
  let onlyInSecond: [Lone]
  private(set) var rows: [Row] = []
  private(set) var reshaped: [Reshaped] = []
  /// All values of each.
  let parameterCounts: (first: Int, second: Int)

  /// Compares what `ParameterMatching` matches, two tensors in memory at a time; `given` is
  /// what passes worked on in the first. Throws `Cancelled`, and what reading a tensor throws.
  init(
    of first: Checkpoint, with second: Checkpoint, given: [LayerSelection] = [],
    in job: borrowing JobContext
  ) throws {
    matching = ParameterMatching(first, second)
    onlyInFirst = Lone.list(matching.onlyInFirst, of: first)
    onlyInSecond = Lone.list(matching.onlyInSecond, of: second)
    parameterCounts = (first.parameters.weightCount, second.parameters.weightCount)
    let total = Double(max(1, matching.pairs.reduce(0) { $0 + $1.first.shape.count }))
    var done = 0
    for pair in matching.pairs {
      try job.checkpoint()
      job.progress(Double(done) / total, pair.first.place.path)
      done += pair.first.shape.count
      guard pair.second.shape == pair.first.shape else {
        reshaped.append(
          Reshaped(
            name: pair.first.name, isLayer: pair.first.place.role == .linear,
            first: pair.first.shape, second: pair.second.shape))
        continue
      }
      rows.append(try Row(pair, given: given, in: job))
    }
  }

  /// ‖W − W′‖ / ‖W‖ over all linear layers; nil if no layer is in both, NaN if a NaN
  /// or an infinity appeared or vanished.
  var layerError: Double? { Self.error(of: rows.filter(\.isLayer)) }

  /// The same of all other tensors.
  var otherError: Double? { Self.error(of: rows.filter { !$0.isLayer }) }

  fileprivate static func error(of rows: [Row]) -> Double? {
    let differences = rows.map(\.difference)
    guard !differences.isEmpty else { return nil }
    if differences.contains(where: \.nonFinite.hasChanged) { return .nan }
    let error = differences.reduce(0) { $0 + $1.squaredError }
    let norm = differences.reduce(0) { $0 + $1.sumOfSquares }
    return error == 0 ? 0 : (error / norm).squareRoot()
  }

  /// Weights and zeros of the second's layers, and the error; nil if it has no layers.
  var layers: LayerFigures? { LayerFigures(rows.filter(\.isLayer)) }

  /// The same of those that passes were given; nil where they were given all.
  var selected: LayerFigures? { LayerFigures(rows.filter(\.isSelected)) }

  /// Several layers together.
  struct LayerFigures {
    let layerCount: Int
    let weights: Int
    let zeros: Int
    let error: Double?

    fileprivate init?(_ rows: [Row]) {
      guard !rows.isEmpty else { return nil }
      layerCount = rows.count
      weights = rows.reduce(0) { $0 + $1.count }
      zeros = rows.reduce(0) { $0 + $1.zeros }
      error = TensorComparison.error(of: rows)
    }

    /// Share of the weights that are zero, 0…1.
    var sparsity: Double { weights == 0 ? 0 : Double(zeros) / Double(weights) }
  }

  /// NaN and infinity.
  var nonFinite: NonFiniteReport {
    NonFiniteReport(rows.map { ($0.name, $0.difference.nonFinite) })
  }

  /// Linear layers of the first that no row compares.
  var uncomparedLayers: Int {
    reshaped.count(where: \.isLayer)
      + matching.onlyInFirst.count { $0.place.role == .linear }
  }
}

// MARK: - As text

extension TensorComparison {
  /// Most tensors that are listed; the other differing ones are counted.
  private static let shownLimit = 20

  /// Everything but losses.
  func print() {
    if !rows.isEmpty { table.print() }
    for (title, table, rest) in otherTables {
      StandardOutput.write("\n\(title)\n")
      table.print()
      if rest > 0 {
        StandardOutput.write("and \(Figure.count(rest)) more; --json lists all\n")
      }
    }
    StandardOutput.write("\n" + summary.joined(separator: "\n") + "\n" + nonFinite.text)
  }

  /// A row for each tensor that is compared.
  private var table: Table {
    var table = Table([
      ("tensor", .left), ("error", .right), ("SNR", .right), ("largest", .right),
      ("cosine", .right), ("differ", .right), ("zero before", .right), ("after", .right),
    ])
    for row in rows {
      table.add([
        row.name, Figure.percent(row.difference.relativeError), row.noiseText,
        Figure.short(Double(row.difference.maximumError)),
        Figure.fixed(row.difference.cosine, digits: 5),
        Figure.count(row.difference.differentCount), Figure.percent(row.sparsity.first),
        Figure.percent(row.sparsity.second),
      ])
    }
    return table
  }

  /// Tensors that are in one only, or in another shape.
  private var otherTables: [(title: String, table: Table, rest: Int)] {
    var tables: [(title: String, table: Table, rest: Int)] = []
    if !reshaped.isEmpty {
      var table = Table([
        ("tensor", .left), ("first", .right), ("second", .right), ("left", .right),
      ])
      for row in reshaped.prefix(Self.shownLimit) {
        let share = row.first.count == 0 ? nil : Double(row.second.count) / Double(row.first.count)
        table.add([
          row.name, row.first.description, row.second.description, Figure.percent(share),
        ])
      }
      tables.append(
        ("of different shapes, not compared:", table, reshaped.count - Self.shownLimit))
    }
    for (title, tensors) in [
      ("only in the first:", onlyInFirst), ("only in the second:", onlyInSecond),
    ] where !tensors.isEmpty {
      var table = Table([("tensor", .left), ("shape", .right), ("type", .left)])
      for tensor in tensors.prefix(Self.shownLimit) {
        table.add([tensor.name, tensor.shape.description, tensor.type])
      }
      tables.append((title, table, tensors.count - Self.shownLimit))
    }
    return tables
  }

  private var summary: [String] {
    var lines: [String] = []
    if matching.pairs.isEmpty {
      lines.append("no tensor of one is in the other: these are different architectures")
    } else if let layerError {
      let others = otherError.map { "   other tensors \(Figure.percent($0))" } ?? ""
      lines.append("layer error \(Figure.percent(layerError))\(others)")
    } else {
      let others = otherError.map { ", other tensors \(Figure.percent($0))" } ?? ""
      lines.append("no linear layer has the same shape in both\(others)")
    }
    if layerError != nil, uncomparedLayers > 0 {
      lines.append(
        uncomparedLayers == 1
          ? "1 linear layer of the first is not compared"
          : "\(uncomparedLayers) linear layers of the first are not compared")
    }
    if parameterCounts.first != parameterCounts.second {
      lines.append(
        "parameters \(Figure.count(parameterCounts.first)) → "
          + Figure.count(parameterCounts.second))
    }
    if matching.renamedCount > 0 {
      lines.append(
        (matching.renamedCount == 1
          ? "1 tensor has another name in the second and is"
          : "\(matching.renamedCount) tensors have other names in the second and are")
          + " matched by block and layer")
    }
    if matching.reorderedCount > 0 {
      lines.append(
        (matching.reorderedCount == 1
          ? "1 query or key tensor has" : "\(matching.reorderedCount) query and key tensors have")
          + " llama.cpp's order of rows in one file; it is undone")
    }
    if matching.unknownOrderCount > 0 {
      lines.append(
        (matching.unknownOrderCount == 1
          ? "1 query or key tensor has its"
          : "\(matching.unknownOrderCount) query and key tensors have their")
          + " rows in different orders, and no file says how many heads there are: errors there "
          + "mean nothing; --heads says it")
    }
    if matching.shiftedCount > 0 {
      lines.append(
        (matching.shiftedCount == 1
          ? "1 norm has 1 added to its" : "\(matching.shiftedCount) norms have 1 added to their")
          + " weights in one file, as llama.cpp wants it; it is added to the other's")
    }
    return lines
  }
}

// MARK: - As JSON

extension TensorComparison {
  var fields: [String: JSON] {
    [
      "different_shapes": .array(reshaped.map(\.json)),
      "layer_error": .number(layerError),
      "non_finite": nonFinite.json,
      "only_in_first": .array(onlyInFirst.map { .string($0.name) }),
      "only_in_second": .array(onlyInSecond.map { .string($0.name) }),
      "other_error": .number(otherError),
      "parameters_first": .integer(parameterCounts.first),
      "parameters_second": .integer(parameterCounts.second),
      "tensors": .array(rows.map(\.json)),
    ]
  }
}

extension TensorComparison.Lone {
  fileprivate static func list(_ parameters: [Parameter], of checkpoint: Checkpoint) -> [Self] {
    guard !parameters.isEmpty else { return [] }
    let types = Dictionary(
      checkpoint.tensors.lazy.map { ($0.name, $0.dtypeName) },
      uniquingKeysWith: { first, _ in first })
    return parameters.map {
      Self(name: $0.name, shape: $0.shape, type: types[$0.name] ?? $0.dtype.rawValue)
    }
  }
}

extension TensorComparison.Reshaped {
  fileprivate var json: JSON {
    .object([
      "first": .array(first.dimensions.map { .integer($0) }),
      "name": .string(name),
      "second": .array(second.dimensions.map { .integer($0) }),
    ])
  }
}

extension TensorComparison.Row {
  fileprivate init(
    _ pair: ParameterMatching.Pair, given: [LayerSelection], in job: borrowing JobContext
  ) throws {
    let tensors = try pair.tensors(threads: job.threads, shouldStop: job.shouldStop)
    guard
      let difference = TensorDifference(
        from: tensors.first, to: tensors.second, threads: job.threads, shouldStop: job.shouldStop),
      let before = Statistics.summary(
        of: tensors.first, threads: job.threads, shouldStop: job.shouldStop),
      let after = Statistics.summary(
        of: tensors.second, threads: job.threads, shouldStop: job.shouldStop)
    else { throw Cancelled() }
    name = pair.first.name
    secondName = pair.second.name
    let isGiven = given.contains { $0.contains(pair.first) }
    isLayer = pair.first.place.role == .linear || isGiven
    isSelected = isGiven && given.contains { $0 != .all }
    count = after.count
    zeros = after.zeroCount
    isReordered = pair.isReordered
    self.difference = difference
    sparsity = (before.sparsity, after.sparsity)
  }

  /// 10 log₁₀ (Σ w² / Σ (w − w′)²), in dB; infinite where nothing differs, NaN where the
  /// error is.
  private var signalToNoise: Double {
    if difference.nonFinite.hasChanged { return .nan }
    return difference.squaredError == 0
      ? .infinity : 10 * log10(difference.sumOfSquares / difference.squaredError)
  }

  fileprivate var noiseText: String {
    let ratio = signalToNoise
    if ratio == .infinity { return "∞" }
    return ratio.isFinite ? "\(Figure.fixed(ratio, digits: 1)) dB" : Figure.none
  }

  fileprivate var json: JSON {
    .object([
      "cosine": .number(difference.cosine),
      "different": .integer(difference.differentCount),
      "error": .number(difference.relativeError),
      "is_reordered": .bool(isReordered),
      "largest_error": .number(Double(difference.maximumError)),
      "name": .string(name),
      "non_finite": .object(difference.nonFinite.fields),
      "second_name": .string(secondName),
      "signal_to_noise": .number(signalToNoise),
      "sparsity_first": .number(sparsity.first),
      "sparsity_second": .number(sparsity.second),
    ])
  }
}

extension TensorComparison.LayerFigures {
  /// A line of text about layers that passes were given.
  var text: String {
    let noun = layerCount == 1 ? "1 selected layer" : "\(layerCount) selected layers"
    return "\(noun): sparsity \(Figure.percent(sparsity))   error \(Figure.percent(error))\n"
  }

  var json: JSON {
    .object([
      "error": .number(error), "layers": .integer(layerCount), "sparsity": .number(sparsity),
      "weights": .integer(weights),
    ])
  }
}
