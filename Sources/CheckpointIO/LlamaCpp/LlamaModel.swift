internal import Models
internal import Tensors

/// A model as llama.cpp wants it in a GGUF file: tensors under its names and in its order of
/// rows. Making it reads no weights.
struct LlamaModel {
  /// Under llama.cpp's names; experts one by one.
  private(set) var parameters: [Parameter] = []
  /// What was changed, made up or taken for granted, a sentence each.
  private(set) var notes: [String] = []
  /// Tensors that the file will not have, and why.
  private(set) var leftOut: [(name: String, reason: String)] = []

  private let translation: GGUFTranslation
  private var architecture: String { translation.family.architecture }

  /// Throws `CheckpointError.invalidConversion` for rows that llama.cpp could not use, and
  /// `.duplicateTensor` where two tensors claim one name.
  init(_ given: Parameters, of checkpoint: Checkpoint, _ translation: GGUFTranslation)
    throws(CheckpointError)
  {
    self.translation = translation
    let targets = try given.map { parameter throws(CheckpointError) in
      (parameter, try Self.target(of: parameter, translation))
    }
    var isTaken: Set<String> = []
    var biases: [(name: String, Parameter)] = []
    for (parameter, target) in targets {
      guard let target else {
        leftOut.append((parameter.name, "llama.cpp's \(architecture) has no place for it"))
        continue
      }
      if target.isHead, checkpoint.configuration["tie_word_embeddings"] == "true",
        let embedding = targets.first(where: { $0.1?.isEmbedding ?? false })?.0
      {
        if try TiedHead.isSame(parameter, as: embedding, in: checkpoint) {
          notes.append("\(parameter.name.quoted) is the embedding over again and is not written")
          continue
        }
        notes.append(
          "tie_word_embeddings is true, but \(parameter.name.quoted) is not the embedding: it is "
            + "written as \(target.name)")
      }
      guard isTaken.insert(target.name).inserted else { throw .duplicateTensor(name: target.name) }
      parameters.append(parameter.renamed(target.name, target.change))
      if let bias = target.bias { biases.append((bias, parameter)) }
    }
    noteChanges(targets.compactMap(\.1).map(\.change))
    parameters = ExpertStack.together(parameters)
    addZeros(biases.filter { !isTaken.contains($0.name) })
    addRopeDivisors()
    noteMissing()
    notes += translation.notes
  }

  /// Where the file has a parameter; nil where llama.cpp has no place for it.
  static func target(
    of parameter: Parameter, _ translation: GGUFTranslation
  ) throws(CheckpointError) -> GGUFTranslation.Target? {
    do {
      return try translation.target(of: parameter)
    } catch {
      throw .invalidConversion(reason: error.description)
    }
  }

  /// A sentence for each kind of change.
  private mutating func noteChanges(_ changes: [TensorChange]) {
    let counts = (
      changes.count { $0.rows != nil }, changes.count { $0.offset != 0 },
      changes.count { $0.factor != 1 }
    )
    if counts.0 > 0 {
      notes.append("the rows of \(counts.0) query and key tensors are put in llama.cpp's order")
    }
    if counts.1 > 0 {
      notes.append("1 is added to the weights of \(counts.1) norms, as llama.cpp wants it")
    }
    if counts.2 > 0 {
      notes.append(
        "the weights of \(counts.2) query norms are multiplied by \(translation.queryFactor): "
          + "llama.cpp scales attention by the width of a head, this model by "
          + "query_pre_attn_scalar")
    }
  }

  /// Biases that llama.cpp asks for and the model has not, each beside a weight.
  private mutating func addZeros(_ missing: [(name: String, weight: Parameter)]) {
    for (name, weight) in missing {
      let zeros = Shape([weight.shape.dimensions.first ?? 0])
      parameters.append(
        Parameter(
          name: name, shape: zeros, dtype: .f32,
          place: Place(block: weight.place.block, layer: weight.place.layer, role: .bias),
          load: { Tensor(zeros, [Float](repeating: 0, count: zeros.count)) }))
    }
    if !missing.isEmpty {
      notes.append(
        "\(missing.count) biases of zeros are written, which llama.cpp's \(architecture) asks for "
          + "and the model has not")
    }
  }

  private mutating func addRopeDivisors() {
    for (name, divisors) in translation.ropeDivisors {
      parameters.append(
        Parameter(
          name: name, shape: [divisors.count], dtype: .f32,
          place: Place(block: nil, layer: name, role: .buffer),
          load: { Tensor([divisors.count], divisors) }))
      notes.append("\(name) is written, made of the settings of the rotary positions")
    }
  }

  /// Tells of tensors for which llama.cpp refuses the file.
  private mutating func noteMissing() {
    if let odd = translation.oddWidth {
      notes.append(
        "llama.cpp will refuse the file: its \(architecture) has blocks of one width, and "
          + "\(odd.name.quoted) is \(odd.shape)")
    }
    let missing = translation.missing(Set(parameters.map(\.name)))
    guard let first = missing.first else { return }
    let rest = missing.count > 1 ? " and \(missing.count - 1) more" : ""
    notes.append("llama.cpp will refuse the file: the checkpoint has no \(first)\(rest)")
  }
}

extension Parameter {
  /// The same weights under another name, changed when they are read.
  func renamed(_ name: String, _ change: TensorChange = TensorChange()) -> Parameter {
    Parameter(
      name: name, shape: shape, dtype: dtype, place: place,
      reading: { threads, shouldStop in
        try self.tensor(threads: threads, shouldStop: shouldStop)
          .changed(change, threads: threads, shouldStop: shouldStop)
      }
    ).knowingInputs(of: self).storedIn(blocks(change))
  }

  /// Its blocks with their rows in another order; nil where values change, or where blocks do not lie
  /// along its rows.
  private func blocks(_ change: TensorChange) -> StoredBlocks? {
    guard let origin, !isTransposed, change.offset == 0, change.factor == 1 else { return nil }
    guard let order = change.rows else { return origin }
    return origin.rows(order.sources, columns: shape.columns)
  }
}
