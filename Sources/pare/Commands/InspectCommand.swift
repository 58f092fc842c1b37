internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Tensors

/// `pare inspect FILE`: every tensor of a checkpoint, or one with its codes.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List every tensor of a checkpoint, with its statistics.",
    discussion: """
      Of one layer the codes are counted too, where it is stored as codes and scales: in \
      blocks of a GGUF file, by another quantizer, or on a grid of Pare's own.
      """)

  @OptionGroup var input: FileArgument

  @Argument(help: "Only the layer of this path (block.2.mlp.c_fc) or the tensor of this name.")
  var layer: String?

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try Checkpoint.openingTellingOddities(input.file, toLook: true)
    if let layer {
      let found = try Work.run("inspect", threads: threads.count) { job in
        try LayerReport(of: layer, in: checkpoint, in: job)
      }
      return report.json ? found.json.print() : found.printText()
    }
    let (summaries, sizes) = try Work.run("inspect", threads: threads.count) { job in
      let shouldStop = job.shouldStop
      return (
        try Self.summaries(of: checkpoint.parameters, in: job),
        try ChannelSizes(of: checkpoint.parameters, shouldStop: shouldStop)
      )
    }
    if report.json {
      json(of: checkpoint, summaries, sizes).print()
    } else {
      table(of: checkpoint, summaries).print()
      if let gguf = checkpoint.gguf {
        StandardOutput.write("\n\(text(of: gguf, in: checkpoint))\n")
      }
      if let sizes { StandardOutput.write("\n\(text(of: sizes, in: checkpoint))\n") }
    }
  }

  /// The pairs of a GGUF file in its order, a line each; `--json` has them whole.
  private func text(of metadata: GGUFMetadata, in checkpoint: Checkpoint) -> String {
    let limit = 100
    let lines = metadata.keys.map { key in
      let value = checkpoint.metadata[key] ?? ""
      let text = value.count > limit ? value.prefix(limit) + "…" : value[...]
      return sentence("  \(key)  \(text)")
    }
    return (["metadata:"] + lines).joined(separator: "\n")
  }

  /// The sizes of layers with bit depths, each called by its name.
  private func text(of sizes: ChannelSizes, in checkpoint: Checkpoint) -> String {
    let stored = storedBits(of: checkpoint) / Double(max(sizes.weights, 1))
    func bits(_ number: Double) -> String { Figure.short(number) }
    return """
      compressed layers: \(Figure.count(sizes.weights)) weights, \
      \(Figure.count(sizes.deadChannels)) of \(Figure.count(sizes.channels)) channels dead
      bits per weight of these layers:
        Q, mean bit depth       \(bits(sizes.meanDepth))
        packed, side data in    \(bits(sizes.packedBitsPerWeight)) \
      (side \(bits(sizes.sideBitsPerWeight)))
        entropy of the codes    \(bits(sizes.entropyPerWeight))
        entropy coded, side in  \(bits(sizes.codedBitsPerWeight))
        in this file            \(bits(stored))
      file: \(Figure.count(checkpoint.fileByteCount)) bytes
      """
  }

  /// Bits the file spends on layers with bit depths.
  private func storedBits(of checkpoint: Checkpoint) -> Double {
    let compressed = Set(
      checkpoint.parameters.lazy.filter { $0.grid?.hasDepths == true }.map(\.name))
    return checkpoint.tensors.reduce(0) {
      compressed.contains($1.name) ? $0 + 8 * Double($1.byteCount) : $0
    }
  }

  private func json(of sizes: ChannelSizes, in checkpoint: Checkpoint) -> JSON {
    .object([
      "channels": .integer(sizes.channels),
      "coded_bits_per_weight": .number(sizes.codedBitsPerWeight),
      "dead_channels": .integer(sizes.deadChannels),
      "entropy_bits_per_weight": .number(sizes.entropyPerWeight),
      "mean_depth": .number(sizes.meanDepth),
      "packed_bits_per_weight": .number(sizes.packedBitsPerWeight),
      "side_bits_per_weight": .number(sizes.sideBitsPerWeight),
      "stored_bits_per_weight": .number(
        storedBits(of: checkpoint) / Double(max(sizes.weights, 1))),
      "weights": .integer(sizes.weights),
    ])
  }

  /// The statistics of every parameter by name, one tensor in memory at a time; without the
  /// codes that cannot be decoded.
  static func summaries(
    of parameters: Parameters, in job: borrowing JobContext
  ) throws -> [String: Summary] {
    let total = parameters.weightCount
    var done = 0
    var summaries: [String: Summary] = [:]
    for parameter in parameters where parameter.place.role != .codes {
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

  private func json(
    of checkpoint: Checkpoint, _ summaries: [String: Summary], _ sizes: ChannelSizes?
  ) -> JSON {
    .object([
      "bytes": .integer(checkpoint.fileByteCount),
      "compressed": sizes.map { json(of: $0, in: checkpoint) } ?? .null,
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
        tensor.name, tensor.dtypeName + (tensor.place.role == .codes ? " codes" : ""),
        tensor.shape.description, Figure.count(tensor.byteCount),
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
