internal import CheckpointIO
internal import Jobs
internal import Tensors
internal import Workspace

/// What `pare inspect FILE LAYER` tells: one tensor, and its codes where it has such.
struct LayerReport {
  let tensor: TensorInfo
  let summary: Summary
  let codes: LayerCodes

  /// Reads the layer of a path or the tensor of a name. Throws `UsageError` if there is no
  /// such layer or tensor, and what reading it throws.
  init(of layer: String, in checkpoint: Checkpoint, in job: borrowing JobContext) throws {
    let parameters = checkpoint.parameters
    guard let parameter = parameters[layer] ?? parameters.first(where: { $0.place.path == layer }),
      let tensor = checkpoint.tensors.first(where: { $0.name == parameter.name })
    else {
      throw CommandError(
        "\(checkpoint.name) has no layer \(layer); pare inspect lists its tensors")
    }
    self.tensor = tensor
    let weights = try parameter.tensor(threads: job.threads, shouldStop: job.shouldStop)
    let summary = Statistics.summary(
      of: weights, threads: job.threads, shouldStop: job.shouldStop)
    try job.checkpoint()
    self.summary = summary ?? Summary()
    codes = try LayerCodes(of: parameter, in: checkpoint, job: job)
  }

  /// Bits for each weight that mask, codes, scales and minima take in the file.
  private var bits:
    (format: String, mask: Double?, codes: Double, scales: Double?, minima: Double?)?
  {
    switch codes.source {
    case .blocks(let blocks):
      let bits = blocks.bits
      return (blocks.format.rawValue, bits.mask, bits.codes, bits.scales, bits.minima)
    case .grid(let grid): return ("grid", nil, grid.meanCodeBits, nil, nil)
    case nil: return nil
    }
  }

  /// Of the whole tensor in the file.
  private var bitsPerWeight: Double? {
    tensor.shape.count == 0 ? nil : 8 * Double(tensor.byteCount) / Double(tensor.shape.count)
  }
}

/// As text.
extension LayerReport {
  func printText() {
    StandardOutput.write(facts.map { sentence($0) + "\n" }.joined())
    guard let figures = codes.figures else {
      return StandardOutput.write("\n\(sentence(codes.complaint ?? "no codes"))\n")
    }
    StandardOutput.write("\n")
    var table = Table([("code", .right), ("weights", .right), ("share", .right)])
    for code in figures.codes {
      table.add([
        String(code.value), Figure.count(code.count), Figure.percent(figures.share(of: code)),
      ])
    }
    table.print()
    StandardOutput.write("\n")
    var spreads = Table([
      ("", .left), ("count", .right), ("min", .right), ("median", .right), ("max", .right),
    ])
    for (name, spread) in rows(of: figures) {
      spreads.add([
        name, Figure.count(spread.count), Figure.short(Double(spread.minimum)),
        Figure.short(Double(spread.median)), Figure.short(Double(spread.maximum)),
      ])
    }
    spreads.print()
  }

  private var facts: [String] {
    var facts = [
      "\(tensor.name)  \(tensor.dtypeName)  \(tensor.shape)  \(Figure.count(tensor.byteCount)) bytes",
      "min \(Figure.short(Double(summary.minimum)))  max \(Figure.short(Double(summary.maximum)))  "
        + "mean \(Figure.short(summary.mean))  σ \(Figure.short(summary.standardDeviation))  "
        + "zero \(Figure.percent(summary.count == 0 ? nil : summary.sparsity))",
    ]
    guard let bits, let figures = codes.figures else { return facts }
    var parts = ["codes \(Figure.short(bits.codes))"]
    if let mask = bits.mask, mask > 0 { parts.insert("mask \(Figure.short(mask))", at: 0) }
    if let scales = bits.scales { parts.append("scales \(Figure.short(scales))") }
    if let minima = bits.minima, minima > 0 { parts.append("minima \(Figure.short(minima))") }
    facts.append(
      "\(Figure.short(bitsPerWeight)) bits per weight: \(parts.joined(separator: ", ")); "
        + "\(figures.groupSize) weights share a scale")
    return facts
  }

  private func rows(of figures: CodeFigures) -> [(String, ValueSpread)] {
    [
      (figures.blockScales == nil ? "scales" : "group scales", figures.scales),
      ("block scales", figures.blockScales), ("minima", figures.minima),
    ].compactMap { name, spread in spread.map { (name, $0) } }
  }
}

/// As JSON.
extension LayerReport {
  var json: JSON {
    .object([
      "bits_per_weight": .number(bitsPerWeight),
      "bytes": .integer(tensor.byteCount),
      "codes": codes.figures.map(json(of:)) ?? .null,
      "dtype": .string(tensor.dtypeName),
      "layer": .string(tensor.place.path),
      "name": .string(tensor.name),
      "reason": .string(codes.complaint),
      "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
    ])
  }

  private func json(of figures: CodeFigures) -> JSON {
    .object([
      "block_scales": json(of: figures.blockScales),
      "code_bits": .number(bits?.codes),
      "counts": .array(
        figures.codes.map {
          .object(["code": .integer($0.value), "weights": .integer($0.count)])
        }),
      "format": .string(bits?.format),
      "group_size": .integer(figures.groupSize),
      "mask_bits": .number(bits?.mask),
      "minima": json(of: figures.minima),
      "minimum_bits": .number(bits?.minima),
      "scale_bits": .number(bits?.scales),
      "scales": json(of: figures.scales),
      "weights": .integer(figures.count),
    ])
  }

  private func json(of spread: ValueSpread?) -> JSON {
    guard let spread else { return .null }
    return .object([
      "count": .integer(spread.count), "max": .number(Double(spread.maximum)),
      "median": .number(Double(spread.median)), "min": .number(Double(spread.minimum)),
    ])
  }
}
