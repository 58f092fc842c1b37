internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Tensors

/// `pare inspect FILE`: every tensor of a checkpoint.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List every tensor of a checkpoint, with its statistics.")

  @OptionGroup var input: FileArgument
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try input.open()
    let summaries = try Work.run("inspect", threads: threads.count) {
      try Self.summaries(of: checkpoint.parameters, in: $0)
    }
    if report.json {
      json(of: checkpoint, summaries).print()
    } else {
      table(of: checkpoint, summaries).print()
    }
  }

  /// The statistics of every parameter by name, one tensor in memory at a time.
  static func summaries(
    of parameters: Parameters, in job: borrowing JobContext
  ) throws -> [String: Summary] {
    let total = parameters.reduce(0) { $0 + $1.shape.count }
    var done = 0
    var summaries: [String: Summary] = [:]
    for parameter in parameters {
      try job.checkpoint()
      job.progress(total == 0 ? 1 : Double(done) / Double(total), parameter.place.path)
      let tensor = try parameter.tensor()
      summaries[parameter.name] = Statistics.summary(
        of: tensor, threads: job.threads, shouldStop: job.shouldStop)
      done += parameter.shape.count
    }
    try job.checkpoint()
    return summaries
  }

  private func json(of checkpoint: Checkpoint, _ summaries: [String: Summary]) -> JSON {
    .object([
      "bytes": .integer(checkpoint.fileByteCount),
      "format": .string(checkpoint.format),
      "metadata": .object(checkpoint.metadata.mapValues { .string($0) }),
      "name": .string(checkpoint.name),
      "tensors": .array(checkpoint.tensors.map { json(of: $0, $0.summary(in: summaries)) }),
      "warnings": .array(checkpoint.warnings.map { .string($0) }),
    ])
  }

  private func json(of tensor: TensorInfo, _ summary: Summary?) -> JSON {
    let finite = summary.flatMap { $0.finiteCount > 0 ? $0 : nil }
    return .object([
      "block": .integer(tensor.place.block),
      "bytes": .integer(tensor.byteCount),
      "dtype": .string(tensor.dtypeName),
      "encoding": .string(tensor.encoding),
      "infinite_count": .integer(summary?.infiniteCount),
      "layer": .string(tensor.place.layer),
      "max": .number(finite.map { Double($0.maximum) }),
      "mean": .number(finite?.mean),
      "min": .number(finite.map { Double($0.minimum) }),
      "name": .string(tensor.name),
      "nan_count": .integer(summary?.nanCount),
      "role": .string(tensor.place.role.rawValue),
      "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
      "shares_storage_of": .string(tensor.sharesStorageOf),
      "sparsity": .number(summary.flatMap { $0.count > 0 ? $0.sparsity : nil }),
      "standard_deviation": .number(finite?.standardDeviation),
    ])
  }

  private func table(of checkpoint: Checkpoint, _ summaries: [String: Summary]) -> Table {
    var table = Table([
      ("tensor", .left), ("dtype", .left), ("shape", .left), ("bytes", .right), ("min", .right),
      ("max", .right), ("mean", .right), ("σ", .right), ("zero", .right), ("NaN", .right),
    ])
    for tensor in checkpoint.tensors {
      let summary = tensor.summary(in: summaries)
      let finite = summary.flatMap { $0.finiteCount > 0 ? $0 : nil }
      table.add([
        tensor.name, tensor.dtypeName, tensor.shape.description, Figure.count(tensor.byteCount),
        Figure.short(finite.map { Double($0.minimum) }),
        Figure.short(finite.map { Double($0.maximum) }), Figure.short(finite?.mean),
        Figure.short(finite?.standardDeviation), Figure.percent(finite?.sparsity),
        summary.map { String($0.nanCount) } ?? Figure.none,
      ])
    }
    return table
  }
}

extension TensorInfo {
  /// The tensor's statistics; those of the tensor it is another name of.
  fileprivate func summary(in summaries: [String: Summary]) -> Summary? {
    summaries[sharesStorageOf ?? name]
  }
}
