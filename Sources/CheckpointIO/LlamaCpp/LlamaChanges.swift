internal import Models
internal import Tensors

/// How tensors of a family change on their way to llama.cpp, and how many did.
struct LlamaChanges {
  private let family: LlamaFamily
  private let heads: LlamaModel.Heads
  /// What the weights of a query's norm are multiplied by.
  private let queryScale: Float
  private var reordered = 0
  private var shifted = 0
  private var scaled = 0

  /// Throws `invalidConversion`.
  init(
    _ family: LlamaFamily, _ heads: LlamaModel.Heads, _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    self.family = family
    self.heads = heads
    queryScale = try Self.queryScale(family, heads, &settings)
  }

  /// A sentence for each kind of change.
  var notes: [String] {
    var notes: [String] = []
    if reordered > 0 {
      notes.append("the rows of \(reordered) query and key tensors are put in llama.cpp's order")
    }
    if shifted > 0 {
      notes.append("1 is added to the weights of \(shifted) norms, as llama.cpp wants it")
    }
    if scaled > 0 {
      notes.append(
        "the weights of \(scaled) query norms are multiplied by \(queryScale): llama.cpp scales "
          + "attention by the width of a head, this model by query_pre_attn_scalar")
    }
    return notes
  }

  /// A parameter under another name, changed as it has to be when it is read. Throws
  /// `invalidConversion`.
  mutating func made(
    _ parameter: Parameter, _ name: LlamaName, as target: String
  ) throws(CheckpointError) -> Parameter {
    let isQuery = name.layer == "attn_q"
    if family.hasLlamaRows, isQuery || name.layer == "attn_k" {
      // Meta's and Mistral's own files have that order.
      if parameter.place.layer.hasPrefix("attention.w") { return parameter.renamed(target) }
      let count = isQuery ? heads.queries : heads.keys
      let order = RowLayout.interleaved.order(
        rows: parameter.shape.dimensions.first ?? 0, heads: count)
      guard let rows = order?.inverse else {
        throw .invalidConversion(
          reason: "the rows of \(parameter.name.quoted) are not those of \(count) heads of an even "
            + "width, which llama.cpp reorders")
      }
      reordered += 1
      return parameter.renamed(target) { (tensor, threads, shouldStop) in
        try tensor.rows(rows, threads: threads, shouldStop: shouldStop)
      }
    }
    guard parameter.place.role == .norm, family.normShift != 0 else {
      return parameter.renamed(target)
    }
    shifted += 1
    let (shift, scale) = (family.normShift, name.layer == "attn_q_norm" ? queryScale : 1)
    if scale != 1 { scaled += 1 }
    return parameter.renamed(target) { (tensor, _, _) in
      let sum = tensor.adding(shift)
      return scale == 1 ? sum : Tensor(sum.shape, sum.array.map { $0 * scale })
    }
  }

  /// Gemma divides scores by the root of `query_pre_attn_scalar`. llama.cpp takes a head's
  /// width for that, and of models of 62 blocks the width divided by the heads.
  private static func queryScale(
    _ family: LlamaFamily, _ heads: LlamaModel.Heads, _ settings: inout LlamaSettings
  ) throws(CheckpointError) -> Float {
    guard family.architecture == LlamaFamily.gemma3.architecture else { return 1 }
    let isLargest = settings.settings["n_layer"] == "62"
    let width = settings.settings["n_embd"].flatMap { Int($0) } ?? 0
    let taken = isLargest ? width / heads.queries : heads.width
    guard let scalar = try settings.number(["query_pre_attn_scalar"]), taken > 0 else { return 1 }
    return (Float(taken) / scalar).squareRoot()
  }
}

extension Parameter {
  /// What is made of values once they are read.
  typealias Change =
    @Sendable (Tensor, _ threads: Int, _ shouldStop: @Sendable () -> Bool) throws -> Tensor

  /// The same weights under another name.
  func renamed(_ name: String, _ change: Change? = nil) -> Parameter {
    Parameter(
      name: name, shape: shape, dtype: dtype, place: place,
      reading: { threads, shouldStop in
        let tensor = try self.tensor(threads: threads, shouldStop: shouldStop)
        return try change?(tensor, threads, shouldStop) ?? tensor
      }
    ).knowingInputs(of: self)
  }
}
