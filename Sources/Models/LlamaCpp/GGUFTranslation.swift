public import Tensors

/// How a model is said in llama.cpp's words: its settings, and each of its tensors under
/// llama.cpp's name. Made of the family's description; reads no weights.
public struct GGUFTranslation: Sendable {
  /// A tensor in a GGUF file.
  public struct Target: Sendable {
    public let name: String
    /// What is done to its values.
    public let change: TensorChange
    /// The bias of zeros that llama.cpp asks for where the model has none.
    public let bias: String?
    /// Whether it is the model's head and need not be written where that is the token embedding;
    /// and whether it is that.
    public let isHead: Bool
    public let isEmbedding: Bool
  }

  public let family: GGUFFamily
  public let config: ModelConfig
  public let settings: [GGUFSetting]
  /// What is taken for granted, and what llama.cpp computes in another way, a sentence each.
  public private(set) var notes: [String] = []
  /// The first weight of a block that has another shape than the same one in the first block, for
  /// which llama.cpp refuses the file.
  public let oddWidth: Parameter?
  /// Divisors of the rotary frequencies, where llama.cpp reads them as tensors of these names.
  public let ropeDivisors: [(name: String, values: [Float])]
  /// What the weights of queries' norms are multiplied by: llama.cpp scales scores by the width of
  /// a head.
  public let queryFactor: Float
  /// The settings that Pare reads again of a family for which llama.cpp has no words for all of
  /// them; nil for others.
  public let keptSettings: [String: String]?

  private let names: TensorNames
  private let type: String?
  private let table: NameTable
  /// The model as llama.cpp reads it from its settings.
  private let read: ModelConfig
  /// What llama.cpp's blocks have.
  private let roles: Set<TensorRole>
  private static let outside: Set<TensorRole> = [.tokenEmbedding, .finalNorm, .head]

  /// nil for models of which llama.cpp's words are not known. Throws `ModelError` for settings
  /// that make no model, or contradict its tensors.
  public init?(
    _ parameters: Parameters, configuration: [String: String]
  ) throws(ModelError) {
    let stated = Settings(configuration)
    guard let family = Self.family(of: parameters, stated), let gguf = family.gguf else {
      return nil
    }
    type = configuration["model_type"]
    names = TensorNames(parameters, type: type)
    let tensors = try FileTensors(parameters, names)
    let settings = Settings(
      configuration.merging(tensors.dialect == .llamaCpp ? [:] : family.defaults) { own, _ in own })
    let config = try family.config(settings, tensors.facts())
    self.config = config
    oddWidth = try tensors.oddWidth(config)
    try config.check()
    guard config.hasPositions || SettingNames.areStated("context_length", settings.values) else {
      throw ModelError(
        "no setting says max_position_embeddings, which llama.cpp asks for; it stands in "
          + "config.json")
    }
    self.family = gguf
    let table = family.names(.llamaCpp)
    self.table = table
    let list = try config.ggufSettings(gguf, settings)
    self.settings = list
    keptSettings =
      gguf.keepsSettings
      ? configuration.merging(config.activation == .gelu ? ["activation_function": "gelu"] : [:]) {
        own, _ in own
      } : nil
    ropeDivisors = (config.ropes.first?.divisors ?? [:]).compactMap { role, values in
      guard gguf.ropeDivisors.contains(role), !values.isEmpty else { return nil }
      return table.name(of: TensorID(role)).map { ($0 + ".weight", values) }
    }.sorted { $0.0 < $1.0 }
    let written = try? ModelCatalog.family(of: gguf.architecture)?.config(
      Settings(SettingNames.configuration(of: list, gguf.architecture)),
      tensors.facts(.llamaCpp))
    // llama.cpp asks for what it makes of the settings.
    let read = written ?? config
    self.read = read
    let roles = Self.roles(of: read, gguf)
    self.roles = roles
    let hasQueryNorms = roles.contains(.queryNorm)
    queryFactor = hasQueryNorms ? written.map { config.attentionScale / $0.attentionScale } ?? 1 : 1
    if let assumption = family.assumption(config, stated) { notes.append(assumption) }
    if gguf.needsAllKeys, config.keyValueHeads != config.heads {
      notes.append(
        "llama.cpp will refuse the file: its \(gguf.architecture) has as many heads of keys as of "
          + "queries, and the model \(config.keyValueHeads) for \(config.heads)")
    }
    notes += family.defaults.sorted { $0.key < $1.key }.filter { name, _ in
      config.uses(name) && !SettingNames.isStated(name, configuration)
    }.map { "no setting says \($0); \($1) is written, which Hugging Face takes then" }
    if var written {
      // A tensor says it.
      if !ropeDivisors.isEmpty { written.ropes = config.ropes }
      if hasQueryNorms { written.attentionScale = config.attentionScale }
      notes += config.differences(from: written, in: gguf.architecture)
      if let rope = config.ropes.first, case .longRope(_, _, let original) = rope.scaling,
        !ropeDivisors.isEmpty
      {
        notes.append(
          "llama.cpp takes the long factors of its rotary positions where its context is more than "
            + "\(original), whatever the length of a text")
      }
    }
  }

  private static func family(
    of parameters: Parameters, _ settings: Settings
  ) -> (any Architecture.Type)? {
    guard let type = settings.text("model_type") else {
      return ModelCatalog.family(of: parameters, settings)?.0
    }
    let family = ModelCatalog.family(of: type)
    return family?.gguf?.types?.contains(type) ?? true ? family : nil
  }

  /// What a block's steps read, those that llama.cpp has as one matrix as one.
  private static func roles(of config: ModelConfig, _ family: GGUFFamily) -> Set<TensorRole> {
    var roles: Set<TensorRole> = []
    for block in 0..<config.blocks { roles.formUnion(config.roles(of: block, family)) }
    return roles
  }

  /// Where a GGUF file has a parameter; nil where llama.cpp has no place for it. Throws `ModelError`
  /// for rows that cannot be put in llama.cpp's order.
  public func target(of parameter: Parameter) throws(ModelError) -> Target? {
    guard let (id, dialect) = names.meaning(of: parameter), let name = fullName(id),
      id.block == nil
        ? Self.outside.contains(id.role) || config.hasPositions && id.role == .positionEmbedding
        : roles.contains(id.role),
      !id.isBias || family.biases.contains(id.role)
    else { return nil }
    var change = TensorChange(rows: try rows(of: parameter, id, dialect))
    if parameter.place.role == .norm {
      change.offset = type.flatMap { NormOffset.of(type: $0, in: dialect) } ?? 0
      if id.role == .queryNorm { change.factor = queryFactor }
    }
    let needsBias = family.needsBiases && !id.isBias && family.biases.contains(id.role)
    return Target(
      name: name, change: change, bias: needsBias ? fullName(id.bias) : nil,
      isHead: id.role == .head && !id.isBias && !family.needsHead,
      isEmbedding: id.role == .tokenEmbedding)
  }

  /// `blk.3.attn_q.weight`.
  private func fullName(_ id: TensorID) -> String? {
    table.name(of: id).map { name in
      (id.block.map { "\(table.stack)\($0)." } ?? "") + name + (id.isBias ? ".bias" : ".weight")
    }
  }

  private func rows(
    of parameter: Parameter, _ id: TensorID, _ dialect: Dialect
  ) throws(ModelError) -> RowOrder? {
    let (given, wanted) = (
      RowLayout(of: id.role, in: dialect, type: type),
      RowLayout(of: id.role, in: .llamaCpp, type: family.architecture)
    )
    if given == wanted { return nil }
    let heads = id.role == .key ? config.keyValueHeads : config.heads
    let rows = parameter.shape.dimensions.first ?? 0
    guard let first = given.order(rows: rows, heads: heads),
      let last = wanted.order(rows: rows, heads: heads)
    else {
      throw ModelError(
        "the rows of \(parameter.name) are not those of \(heads) heads of an even width, "
          + "which llama.cpp reorders")
    }
    return first.followed(by: last.inverse)
  }

  /// The tensors without which llama.cpp refuses a file that has these.
  public func missing(_ names: Set<String>) -> [String] {
    var asked = [TensorID(.tokenEmbedding), TensorID(.finalNorm)]
    if config.hasPositions { asked.append(TensorID(.positionEmbedding)) }
    if family.needsHead { asked.append(TensorID(.head)) }
    for block in 0..<read.blocks {
      let roles = read.roles(of: block, family)
      asked += TensorRole.allCases.filter(roles.contains).map { role in
        let isExpert = table.layers[role]?.first?.contains("#") ?? false
        return TensorID(role, block: block, expert: isExpert ? 0 : nil)
      }
    }
    return asked.compactMap { fullName($0) }.filter { !names.contains($0) }
  }
}

/// A file's tensors by what they are for.
private struct FileTensors {
  private let parameters: [(id: TensorID, parameter: Parameter)]
  private let positions: [TensorID: Parameter]
  let dialect: Dialect

  init(_ parameters: Parameters, _ names: TensorNames) throws(ModelError) {
    let found = parameters.compactMap { parameter in
      names.meaning(of: parameter).map { ($0.id, $0.dialect, parameter) }
    }
    self.parameters = found.map { ($0.0, $0.2) }
    positions = Dictionary(self.parameters, uniquingKeysWith: { first, _ in first })
    dialect =
      found.first { [.attentionOutput, .query, .queryKeyValue].contains($0.0.role) }?.1
      ?? .huggingFace
  }

  /// Throws `ModelError` where there is no matrix of token embeddings.
  func facts(_ dialect: Dialect? = nil) throws(ModelError) -> Facts {
    let tokens = positions[TensorID(.tokenEmbedding)]?.shape
    guard let tokens, tokens.dimensions.count == 2, tokens.count > 0 else {
      throw ModelError("the checkpoint has no matrix of token embeddings")
    }
    let found = positions
    return Facts(
      dialect: dialect ?? self.dialect, blocks: (parameters.compactMap(\.id.block).max() ?? -1) + 1,
      vocabulary: tokens.rows, width: tokens.columns,
      positions: found[TensorID(.positionEmbedding)]?.shape.dimensions.first,
      rows: { role, block in
        let parameter =
          found[TensorID(role, block: block)] ?? found[TensorID(role, block: block, expert: 0)]
        return parameter?.shape.dimensions.first
      })
  }

  /// The first weight of a block that has another shape than the same one in the first. Throws
  /// `ModelError` where those of the first are not what the settings say.
  func oddWidth(_ config: ModelConfig) throws(ModelError) -> Parameter? {
    var usual: [TensorID: Shape] = [:]
    var odd: Parameter?
    for (id, parameter) in parameters where id.block != nil {
      var kind = id
      kind.block = nil
      if id.block == 0, !id.isBias, let shape = config.expected(id.role), shape != parameter.shape {
        throw ModelError("\(parameter.name) is \(parameter.shape) and should be \(shape)")
      }
      let shape = usual[kind, default: parameter.shape]
      usual[kind] = shape
      if odd == nil, shape != parameter.shape { odd = parameter }
    }
    return odd
  }
}

extension ModelConfig {
  /// What a block's steps read, and what llama.cpp has as one matrix as one.
  fileprivate func roles(of block: Int, _ family: GGUFFamily) -> Set<TensorRole> {
    var roles: Set<TensorRole> = []
    for step in steps(of: block) {
      switch step {
      case .norm(let role, _, _), .headNorm(let role, _): roles.insert(role)
      case .linear(let role, _, _):
        let whole = TensorRole.fused.first { $0.value.contains(role) }?.key
        roles.insert(whole.map { family.fused.contains($0) ? $0 : role } ?? role)
      case .experts:
        roles.formUnion([.router, .expertGate, .expertUp, .expertDown])
        if experts?.shared ?? 0 > 0 {
          roles.formUnion([.sharedGate, .sharedUp, .sharedDown, .sharedRouter])
        }
      case .attend: if hasSinks { roles.insert(.sinks) }
      case .rope, .activate, .add: break
      }
    }
    return roles
  }

  /// The shape of a linear layer of the first block; nil of other tensors.
  fileprivate func expected(_ role: TensorRole) -> Shape? {
    let members = TensorRole.fused[role] ?? [role]
    let shapes = members.map { shape(of: $0, block: 0) }
    guard shapes.allSatisfy({ $0.rows > 0 }) else { return nil }
    return [shapes.reduce(0) { $0 + $1.rows }, shapes[0].columns]
  }

  /// Whether a setting matters.
  fileprivate func uses(_ name: String) -> Bool {
    name != "num_experts_per_tok" || experts != nil
  }

  private var unturnedBlocks: [Int] { attention.indices.filter { attention[$0].rope == nil } }

  /// What a file of llama.cpp's computes in another way, a sentence each.
  fileprivate func differences(from written: ModelConfig, in architecture: String) -> [String] {
    func shown<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "none" }
    let fields: [(String, (ModelConfig) -> String)] = [
      ("activation", { "\($0.activation)" }), ("norms", { "\($0.norms)" }),
      ("head norms", { "\($0.headNorms)" }), ("ε of norms", { "\($0.normEpsilon)" }),
      ("parallel residual", { "\($0.isParallel)" }),
      ("scale of attention", { "\($0.attentionScale)" }),
      ("cap of scores", { shown($0.attentionCap) }), ("cap of logits", { shown($0.logitCap) }),
      ("scale of embeddings", { "\($0.embeddingScale)" }),
      ("scale of residuals", { "\($0.residualScale)" }),
      ("scale of logits", { "\($0.logitScale)" }),
      ("sum of experts' weights", { $0.experts.map { $0.normalizes ? "1" : "free" } ?? "none" }),
      ("blocks without experts", { "\($0.denseBlocks.sorted())" }),
      ("blocks without rotary positions", { "\($0.unturnedBlocks)" }),
    ]
    var notes = fields.filter { $0.1(self) != $0.1(written) }.map { name, value in
      "its \(name) is \(value(self)), where llama.cpp's \(architecture) computes with "
        + "\(value(written)): its results will differ"
    }
    if attention.map(\.window) != written.attention.map(\.window) {
      let window = attention.lazy.compactMap(\.window).first
      notes.append(
        "sliding_window is \(shown(window)); llama.cpp's \(architecture) attends "
          + (written.attention.contains { $0.window != nil }
            ? "to it in other blocks" : "to the whole context"))
    }
    let ropes = [self, written].map { config in
      config.attention.map { block in
        block.rope.map { config.ropes[$0] }.map { rope in
          var rope = rope
          rope.isInterleaved = false
          return rope
        }
      }
    }
    // Of the blocks that turn in both.
    if zip(ropes[0], ropes[1]).contains(where: { $0 != $1 && $0 != nil && $1 != nil }) {
      let isLong = self.ropes.contains { if case .longRope = $0.scaling { true } else { false } }
      notes.append(
        "rotary positions are scaled in a way that is not written: llama.cpp will differ from the "
          + "original \(isLong ? "everywhere" : "beyond its first context")")
    }
    return notes
  }
}
