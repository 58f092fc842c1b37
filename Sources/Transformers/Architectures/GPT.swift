public import Tensors

/// GPT-2 and nanoGPT: pre-norm blocks of causal attention and an MLP with GELU,
/// learned positions, a final norm, a head usually tied to the embedding.
/// (Radford et al., 2019; names as in nanoGPT's and Hugging Face's code.)
public enum GPT: Architecture {
  public static let name = "gpt"
  public static let summary = "GPT-2 and nanoGPT (wte, wpe, h.N.attn.c_attn, h.N.mlp.c_fc)"
  /// Heads of this width are assumed when a configuration does not count them.
  static let usualHeadWidth = 64
  static let usualEpsilon: Float = 1e-5

  public static func blueprint(
    of parameters: Parameters, configuration: [String: String]
  ) throws -> Blueprint? {
    guard let prefix = prefix(of: parameters, configuration) else { return nil }
    let reader = Reader(parameters: parameters, prefix: prefix, settings: configuration)
    return try reader.blueprint()
  }

  public static func assumption(
    of network: Configuration, settings: [String: String]
  ) -> String? {
    // The layout of a sliced network says it.
    let countsHeads = settings["n_head"] != nil || settings[BlockShapeRecord.key] != nil
    // Of GPT-2 and nanoGPT it is known: their settings say which of them it is.
    let isKnown = settings["model_type"] != nil || settings["block_size"] != nil
    let namesGELU = settings["activation_function"] != nil || isKnown
    let heads = "\(network.heads) heads of \(network.headWidth) (--heads sets it)"
    let gelu =
      "\(network.activation == .gelu ? "the exact GELU" : "GELU in its tanh form") "
      + "(--activation sets it)"
    switch (countsHeads, namesGELU) {
    case (true, true): return nil
    case (false, true): return "no setting says how many heads it has: taken are \(heads)"
    case (true, false): return "no setting says which GELU it has: taken is \(gelu)"
    case (false, false):
      return "no setting says how many heads it has and which GELU: taken are \(heads) and \(gelu)"
    }
  }

  /// What stands before `wte.weight`: nothing, `transformer.`, or more; a mark where the
  /// names are llama.cpp's.
  private static func prefix(
    of parameters: Parameters, _ settings: [String: String]
  ) -> String? {
    if parameters[LlamaCppNames.tokens] != nil, parameters[LlamaCppNames.positions] != nil,
      parameters[LlamaCppNames.witness] != nil
    {
      return LlamaCppNames.prefix
    }
    let suffix = "wte.weight"
    let reversed = Array(suffix.utf8.reversed())
    // The first block of a sliced network may have no attention left.
    let isSliced = settings[BlockShapeRecord.key] != nil
    let witness = isSliced ? "h.0.ln_1.weight" : "h.0.attn.c_attn.weight"
    for parameter in parameters where parameter.name.utf8.reversed().starts(with: reversed) {
      let prefix = String(parameter.name.dropLast(suffix.count))
      guard prefix.isEmpty || prefix.hasSuffix(".") else { continue }
      if parameters[prefix + witness] != nil { return prefix }
    }
    return nil
  }
}

/// Takes a GPT's parameters one by one and checks that they fit together.
private struct Reader {
  let parameters: Parameters
  let prefix: String
  let settings: [String: String]

  func blueprint() throws -> Blueprint {
    let tokens = try matrix("wte.weight")
    let positions = try matrix("wpe.weight")
    let width = tokens.shape.columns
    try require(positions.shape.columns == width, positions, "should be \(width) wide")
    let record = try BlockShapeRecord(settings)
    let heads = try heads(width: width, record)
    let shapes = try record?.shapes(blocks: blockCount(), heads: heads)
    let blocks = try (0..<blockCount()).map { index in
      try block(index, width: width, shapes?[index], heads: heads)
    }
    let norm = try norm("ln_f", width: width)
    let head = try head(like: tokens)
    let configuration = Configuration(
      architecture: GPT.name, blocks: blocks.count, heads: heads,
      width: width, context: try context(rows: positions.shape.rows),
      vocabulary: tokens.shape.rows,
      hasBias: blocks.contains { $0.attention.bias != nil || $0.attentionNorm.bias != nil },
      activation: try activation(), normEpsilon: try epsilon(),
      isHeadTied: head.name == tokens.name, firstToken: firstToken(below: tokens.shape.rows))
    try refuseVariants()
    return Blueprint(
      configuration: configuration, tokenEmbedding: tokens, positionEmbedding: positions,
      blocks: blocks, finalNorm: norm, head: head)
  }

  /// One block; `shape` is that of a sliced one.
  private func block(
    _ index: Int, width: Int, _ shape: BlockShape?, heads: Int
  ) throws -> Blueprint.Block {
    let name = "h.\(index)."
    let shape =
      try shape
      ?? BlockShape(
        heads: heads, headWidth: width / heads,
        hidden: matrix(name + "mlp.c_fc.weight").shape.rows)
    return Blueprint.Block(
      attentionNorm: try norm(name + "ln_1", width: width),
      attention: try layer(name + "attn.c_attn", rows: shape.qkvWidth, columns: width),
      attentionOutput: try layer(name + "attn.c_proj", rows: width, columns: shape.valueWidth),
      mlpNorm: try norm(name + "ln_2", width: width),
      mlp: try layer(name + "mlp.c_fc", rows: shape.hidden, columns: width),
      mlpOutput: try layer(name + "mlp.c_proj", rows: width, columns: shape.hidden),
      shape: shape)
  }

  /// Blocks are numbered from 0 without a gap; `n_layer`, where given, must agree.
  private func blockCount() throws -> Int {
    let stem = full("h.")
    let last = parameters.lazy.filter { $0.name.hasPrefix(stem) }.compactMap {
      $0.name.dropFirst(stem.count).split(separator: ".").first.flatMap { Int($0) }
    }.max()
    // A name may claim any number; there are not more blocks than tensors.
    let count = min(max(last ?? 0, 0), parameters.count) + 1
    if let stated = try number("n_layer"), stated != count {
      throw NetworkError.notRunnable("it has \(count) blocks where its settings say \(stated)")
    }
    return count
  }

  private func layer(_ name: String, rows: Int, columns: Int) throws -> Blueprint.Layer {
    let weight =
      try rows == 0 || columns == 0
      ? absent(name, [rows, columns]) : matrix(name + ".weight")
    try require(
      weight.shape.rows == rows && weight.shape.columns == columns, weight,
      "should be \(rows) × \(columns)")
    return Blueprint.Layer(weight: weight, bias: try vector(name + ".bias", count: rows))
  }

  /// A layer that slicing has left nothing of, and that no file has therefore.
  private func absent(_ name: String, _ shape: Shape) throws -> Parameter {
    let name = name + ".weight"
    if let found = parameters[full(name)] {
      try require(false, found, "should not be there, as its widths leave nothing of it")
    }
    return Parameter(
      name: full(name), shape: shape, dtype: .f32,
      place: Place(block: nil, layer: name, role: .linear), load: { Tensor(shape, []) })
  }

  private func norm(_ name: String, width: Int) throws -> Blueprint.Norm {
    guard let weight = try vector(name + ".weight", count: width) else {
      throw NetworkError.notRunnable("\(full(name)).weight is missing")
    }
    return Blueprint.Norm(weight: weight, bias: try vector(name + ".bias", count: width))
  }

  private func head(like tokens: Parameter) throws -> Parameter {
    if prefix == LlamaCppNames.prefix {
      return try head(parameters[full("lm_head.weight")], tokens)
    }
    let above = prefix.hasSuffix("transformer.") ? String(prefix.dropLast(12)) : prefix
    return try head(parameters[above + "lm_head.weight"] ?? parameters["lm_head.weight"], tokens)
  }

  private func head(_ own: Parameter?, _ tokens: Parameter) throws -> Parameter {
    guard let own else { return tokens }
    try require(
      own.dtype.isFloatingPoint && own.shape == tokens.shape, own,
      "should be \(tokens.shape) of floating point")
    return own
  }

  /// What the file calls a tensor that nanoGPT calls `name`.
  private func full(_ name: String) -> String {
    prefix == LlamaCppNames.prefix ? LlamaCppNames.name(of: name) : prefix + name
  }

  private func matrix(_ name: String) throws -> Parameter {
    guard let found = parameters[full(name)] else {
      throw NetworkError.notRunnable("\(full(name)) is missing")
    }
    try require(
      found.shape.dimensions.count == 2 && found.shape.count > 0 && found.dtype.isFloatingPoint,
      found, "should be a matrix of floating point")
    return found
  }

  private func vector(_ name: String, count: Int) throws -> Parameter? {
    guard let found = parameters[full(name)] else { return nil }
    try require(
      found.shape.dimensions.count == 1 && found.shape.count == count
        && found.dtype.isFloatingPoint, found, "should be \(count) values of floating point")
    return found
  }

  private func require(_ holds: Bool, _ parameter: Parameter, _ wish: String) throws {
    guard !holds else { return }
    throw NetworkError.notRunnable(
      "\(parameter.name) is \(parameter.shape) of \(parameter.dtype.rawValue) and \(wish)")
  }
}

// What only the settings can say.
extension Reader {
  private func number(_ key: String) throws -> Int? {
    guard let text = settings[key] else { return nil }
    guard let value = Int(text), value > 0 else {
      throw NetworkError.notRunnable("its setting \(key) is \(text), which is no count")
    }
    return value
  }

  private func heads(width: Int, _ record: BlockShapeRecord?) throws -> Int {
    let recorded = try record?.heads(width: width)
    if let heads = try number("n_head") ?? recorded {
      guard width.isMultiple(of: heads) else {
        throw NetworkError.notRunnable("\(heads) heads do not divide its width of \(width)")
      }
      if let recorded, recorded != heads {
        throw NetworkError.notRunnable(
          "its settings say \(heads) heads where its \(BlockShapeRecord.key) makes them "
            + "\(recorded)")
      }
      return heads
    }
    guard width.isMultiple(of: GPT.usualHeadWidth) else {
      throw NetworkError.notRunnable(
        "its settings do not say how many heads it has (n_head), and its width of \(width) "
          + "is no multiple of the usual \(GPT.usualHeadWidth); --heads says it")
    }
    return width / GPT.usualHeadWidth
  }

  private func context(rows: Int) throws -> Int {
    min(rows, try number("block_size") ?? rows)
  }

  /// nanoGPT uses the exact GELU and says nothing; GPT-2 says `gelu_new`, which
  /// is also its default.
  private func activation() throws -> Configuration.Activation {
    switch settings["activation_function"] {
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh": return .geluTanh
    case nil: return settings["model_type"] == "gpt2" ? .geluTanh : .gelu
    case let other?:
      throw NetworkError.notRunnable("its activation \(other) is neither gelu nor gelu_new")
    }
  }

  private func epsilon() throws -> Float {
    guard let text = settings["layer_norm_epsilon"] else { return GPT.usualEpsilon }
    guard let value = Float(text), value.isFinite, value > 0 else {
      throw NetworkError.notRunnable("its layer_norm_epsilon is \(text)")
    }
    return value
  }

  private func firstToken(below vocabulary: Int) -> Int? {
    settings["bos_token_id"].flatMap(Int.init).flatMap { 0..<vocabulary ~= $0 ? $0 : nil }
  }

  private func refuseVariants() throws {
    if settings["scale_attn_by_inverse_layer_idx"] == "true" {
      throw NetworkError.notRunnable("it scales attention by the layer, which is not supported")
    }
    if settings["scale_attn_weights"] == "false" {
      throw NetworkError.notRunnable("it does not scale attention, which is not supported")
    }
  }
}
