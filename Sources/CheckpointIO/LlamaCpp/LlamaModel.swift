internal import Tensors

/// A model as llama.cpp wants it in a GGUF file: tensors under its names and in its order of
/// rows, and the settings it asks for. Making it reads no weights.
struct LlamaModel {
  /// A setting's value.
  enum Value {
    case count(Int)
    case number(Float)
    case text(String)
    case flags([Bool])
  }
  /// A setting under `ARCHITECTURE.`.
  typealias Setting = (key: String, value: Value)

  let family: LlamaFamily
  /// Under llama.cpp's names; experts one by one.
  private(set) var parameters: [Parameter] = []
  private(set) var settings: [Setting] = []
  /// What was changed, made up or taken for granted, a sentence each.
  private(set) var notes: [String] = []
  /// Tensors that the file will not have, and why.
  private(set) var leftOut: [(name: String, reason: String)] = []

  /// Throws `CheckpointError.invalidConversion` for settings that llama.cpp could not use,
  /// and `.duplicateTensor` where two tensors claim one name.
  init(_ given: Parameters, of checkpoint: Checkpoint, _ family: LlamaFamily)
    throws(CheckpointError)
  {
    self.family = family
    var looked = LlamaSettings(Self.settings(of: checkpoint, family), family)
    let names = LlamaName.all(of: given, type: looked.settings["model_type"])
    let heads = try Heads(given, names, &looked)
    let shape = try LlamaShape(given, names, heads, &looked)
    var changes = try LlamaChanges(family, heads, &looked)
    var isTaken: Set<String> = []
    for (parameter, name) in zip(given, names) {
      guard let target = family.name(of: name) else {
        leftOut.append((parameter.name, "llama.cpp's \(family.architecture) has no place for it"))
        continue
      }
      if target == "output.weight", looked.isTrue("tie_word_embeddings") {
        let embedding = zip(given, names).first {
          family.name(of: $0.1) == LlamaFamily.tokens
        }
        if let embedding, try TiedHead.isSame(parameter, as: embedding.0, in: checkpoint) {
          looked.note("\(parameter.name.quoted) is the embedding over again and is not written")
          continue
        }
        looked.note(
          "tie_word_embeddings is true, but \(parameter.name.quoted) is not the embedding: it is "
            + "written as output.weight")
      }
      guard isTaken.insert(target).inserted else { throw .duplicateTensor(name: target) }
      parameters.append(try changes.made(parameter, name, as: target))
    }
    parameters = ExpertStack.together(parameters)
    addZeros(isTaken)
    settings = shape.settings
    addRope(try LlamaRope(&looked, heads, shape))
    noteMissing(blocks: shape.blocks)
    notes += changes.notes + looked.notes
  }

  /// Biases that llama.cpp asks for and the model has not.
  private mutating func addZeros(_ names: Set<String>) {
    guard family.needsBiases else { return }
    var count = 0
    for parameter in parameters where parameter.name.hasSuffix(".weight") {
      let name = String(parameter.name.dropLast(".weight".utf8.count)) + ".bias"
      let isAsked = parameter.place.block != nil || family.outside.contains(name)
      guard isAsked, !names.contains(name) else { continue }
      let zeros = Shape([parameter.shape.dimensions.first ?? 0])
      parameters.append(
        Parameter(
          name: name, shape: zeros, dtype: .f32,
          place: Place(block: parameter.place.block, layer: parameter.place.layer, role: .bias),
          load: { Tensor(zeros, [Float](repeating: 0, count: zeros.count)) }))
      count += 1
    }
    if count > 0 {
      notes.append(
        "\(count) biases of zeros are written, which llama.cpp's \(family.architecture) asks for "
          + "and the model has not")
    }
  }

  private mutating func addRope(_ rope: LlamaRope?) {
    guard let rope else { return }
    settings += rope.pairs
    guard let factors = rope.factors else { return }
    let name = "rope_freqs.weight"
    parameters.append(
      Parameter(
        name: name, shape: [factors.count], dtype: .f32,
        place: Place(block: nil, layer: name, role: .buffer),
        load: { Tensor([factors.count], factors) }))
    notes.append("\(name) is written, made of the settings of rope_type llama3")
  }

  /// Tells of tensors without which llama.cpp refuses the file.
  private mutating func noteMissing(blocks: Int) {
    let names = Set(parameters.map(\.name))
    var missing = family.outside.prefix(2).filter { !names.contains($0) }
    let required = family.required(
      withExperts: names.contains { $0.hasSuffix(".ffn_gate_inp.weight") }
    ).sorted()
    for block in 0..<blocks {
      for layer in required where !has("blk.\(block).\(layer)", names) {
        missing.append("blk.\(block).\(layer).weight")
      }
    }
    guard let first = missing.first else { return }
    let rest = missing.count > 1 ? " and \(missing.count - 1) more" : ""
    notes.append("llama.cpp will refuse the file: the checkpoint has no \(first)\(rest)")
  }

  /// A layer, or its first expert.
  private func has(_ layer: String, _ names: Set<String>) -> Bool {
    names.contains(layer + ".weight") || names.contains(layer + ".0.weight")
  }
}

extension LlamaModel {
  /// How attention is divided.
  struct Heads {
    let queries: Int
    let keys: Int
    /// Channels of a query.
    let width: Int
  }
}

extension LlamaModel.Heads {
  /// From the settings, as far as they agree with the tensors. Throws `invalidConversion`.
  init(
    _ parameters: Parameters, _ names: [LlamaName], _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    func shape(_ layers: Set<String>) -> (name: String, rows: Int, columns: Int)? {
      zip(parameters, names).first {
        layers.contains($1.layer) && $1.suffix == ".weight" && $0.shape.dimensions.count == 2
      }.map { ($0.0.name, $0.0.shape.rows, $0.0.shape.columns) }
    }
    let fused = shape(["attn_qkv"])
    guard let query = shape(["attn_q"]) ?? fused else {
      throw .invalidConversion(
        reason: "no matrix is named like that of llama.cpp's \(settings.family.architecture)")
    }
    let given = try settings.countIfPresent(["num_attention_heads", "n_head"])
    let rows = fused == nil ? query.rows : query.columns
    if let given {
      queries = given
    } else if fused != nil, rows % Self.usualWidth == 0, rows > 0 {
      queries = rows / Self.usualWidth
      settings.note("no setting says n_head; \(queries) heads of \(Self.usualWidth) are written")
    } else {
      throw .invalidConversion(
        reason: "no setting says num_attention_heads, which llama.cpp asks for")
    }
    guard rows > 0, rows % queries == 0 else {
      throw .invalidConversion(
        reason: "the settings say \(queries) heads, which do not divide the \(rows) rows of "
          + query.name.quoted)
    }
    width = rows / queries
    guard let key = shape(["attn_k"]) else {
      keys = queries
      return
    }
    keys = try settings.countIfPresent(["num_key_value_heads"]) ?? key.rows / width
    guard keys > 0, queries % keys == 0, keys * width == key.rows else {
      throw .invalidConversion(
        reason: "the settings say \(keys) heads of \(width) for keys, where \(key.name.quoted) "
          + "has \(key.rows) rows")
    }
  }

  /// nanoGPT's and GPT-2's.
  private static let usualWidth = 64
}
