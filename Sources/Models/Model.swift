public import Tensors

/// A language model: what it computes, and its tensors by what they are for, whatever a file
/// calls them. All shapes are checked.
public struct Model: Sendable {
  /// A tensor of a file, or some of its rows.
  public struct Part: Sendable {
    public let parameter: Parameter
    /// nil for all.
    public let rows: RowRuns?

    package init(parameter: Parameter, rows: RowRuns?) {
      self.parameter = parameter
      self.rows = rows
    }

    /// Rows, or values of a vector.
    public var count: Int { rows?.total ?? parameter.shape.dimensions[0] }
  }

  public let config: ModelConfig
  public let parts: [TensorID: Part]
  /// Whether the head is the token embedding.
  public let isHeadTied: Bool
  /// Whether each head's queries, keys and values stand together in the file.
  public let isHeadwise: Bool

  public subscript(id: TensorID) -> Part? { parts[id] }

  /// Numbers in all tensors, one that serves twice counted twice.
  public var weightCount: Int {
    parts.values.reduce(0) {
      $0 + $1.count * ($1.parameter.shape.dimensions.dropFirst().reduce(1, *))
    }
  }

  /// The model that parameters and settings describe; nil when they are of no family that is
  /// known. Throws `ModelError` when they are of one but something is missing or does not fit.
  public init?(
    _ parameters: Parameters, configuration: [String: String]
  ) throws(ModelError) {
    guard let (family, prefix) = ModelCatalog.family(of: parameters, Settings(configuration))
    else { return nil }
    let defaults = prefix.dialect == .llamaCpp ? [:] : family.defaults
    let settings = Settings(configuration.merging(defaults) { own, _ in own })
    var assembly = Assembly(parameters, family.names(prefix.dialect), prefix)
    let embedding = try assembly.outside(.tokenEmbedding)
    guard embedding.shape.dimensions.count == 2, embedding.shape.count > 0 else {
      throw ModelError("\(embedding.name) is \(embedding.shape) and should be a matrix")
    }
    var config = try family.config(settings, assembly.facts(embedding))
    let type = settings.text("model_type")
    if RowLayout(of: .query, in: prefix.dialect, type: type) == .interleaved {
      for index in config.ropes.indices { config.ropes[index].isInterleaved = true }
    }
    if let record = try BlockShapeRecord(settings.values) { try config.take(record) }
    try config.check()
    let fused = RowLayout(of: .queryKeyValue, in: prefix.dialect, type: type)
    try assembly.take(config, fused)
    isHeadwise = fused == .headwise
    self.config = config
    parts = assembly.parts
    isHeadTied = assembly.isHeadTied
  }

  /// The divisors of the rotary frequencies that a file has as a tensor, for a text of so many
  /// tokens. Throws what reading throws.
  public func ropeDivisors(length: Int, original: Int?) throws -> [Float]? {
    let isLong = original.map { length > $0 } ?? false
    let part =
      parts[TensorID(.ropeDivisors)]
      ?? parts[TensorID(isLong ? .longRopeDivisors : .shortRopeDivisors)]
    return try part?.parameter.tensor().array
  }
}

extension ModelConfig {
  /// The widths of a sliced model's blocks.
  fileprivate mutating func take(_ record: BlockShapeRecord) throws(ModelError) {
    guard record.headSize == headWidth else {
      throw ModelError(
        "its heads are \(headWidth) wide where its \(BlockShapeRecord.key) says "
          + "\(record.headSize)")
    }
    ownShapes = try record.shapes(
      blocks: blocks, heads: keyValueHeads, queries: heads / keyValueHeads)
  }

  /// Far beyond any model; sums and products of them fit.
  private static let widthLimit = 1 << 24
  private static let blockLimit = 1 << 12

  func check() throws(ModelError) {
    let widths = [
      ("width", width), ("heads", heads), ("head_dim", headWidth), ("hidden", hidden),
      ("vocabulary", vocabulary), ("queries", queryWidth),
    ]
    for (name, value) in widths where value > Self.widthLimit {
      throw ModelError("its \(name) of \(value) is beyond any model")
    }
    guard (1...Self.blockLimit).contains(blocks) else {
      throw ModelError("it has \(blocks) blocks")
    }
    for shape in ownShapes ?? [] where shape.hidden > Self.widthLimit {
      throw ModelError("a block has \(shape.hidden) hidden channels, which is beyond any model")
    }
    guard normEpsilon >= 0, attentionScale.isFinite else {
      throw ModelError("its norms have an ε of \(normEpsilon)")
    }
    for (name, cap) in [("scores", attentionCap), ("logits", logitCap)] {
      if let cap, cap <= 0 { throw ModelError("its \(name) are capped at \(cap)") }
    }
    if let experts, !(1...experts.count).contains(experts.active) {
      throw ModelError("\(experts.active) of \(experts.count) experts cannot be chosen")
    }
  }
}

/// Takes a model's parameters one by one and checks that they fit together.
private struct Assembly {
  let names: NameTable
  let prefix: NamePrefix
  let parameters: Parameters
  private(set) var parts: [TensorID: Model.Part] = [:]
  private(set) var isHeadTied = false

  init(_ parameters: Parameters, _ names: NameTable, _ prefix: NamePrefix) {
    self.parameters = parameters
    self.names = names
    self.prefix = prefix
  }

  /// Blocks are numbered from 0 without a gap.
  var blockCount: Int {
    let last = parameters.lazy.filter { $0.name.hasPrefix(prefix.stack) }
      .compactMap { $0.name.dropFirst(prefix.stack.count).split(separator: ".").first }
      .compactMap { Int($0) }.max()
    // A name may claim any number; there are not more blocks than tensors.
    return min(max(last ?? 0, 0), parameters.count) + 1
  }

  func facts(_ embedding: Parameter) -> Facts {
    let start = self
    return Facts(
      dialect: prefix.dialect, blocks: blockCount, vocabulary: embedding.shape.rows,
      width: embedding.shape.columns,
      positions: optionalOutside(.positionEmbedding)?.shape.dimensions.first,
      rows: { role, block in
        (start.layer(TensorID(role, block: block)).found
          ?? start.layer(TensorID(role, block: block, expert: 0)).found)?.shape.dimensions.first
      })
  }

  func outside(_ role: TensorRole) throws(ModelError) -> Parameter {
    if let found = optionalOutside(role) { return found }
    throw ModelError("\(prefix.outside[0] + (names.outside[role]?.first ?? "?")).weight is missing")
  }

  private func optionalOutside(_ role: TensorRole, _ suffix: String = ".weight") -> Parameter? {
    for name in names.outside[role] ?? [] {
      for start in prefix.dialect == .llamaCpp ? [""] : prefix.outside {
        if let found = parameters[start + name + suffix] { return found }
      }
    }
    return nil
  }

  private func layer(_ id: TensorID) -> (found: Parameter?, name: String) {
    var first: String?
    for name in names.layers[id.role] ?? [] {
      let layer = id.expert.map { name.replacing("#", with: "\($0)") } ?? name
      for suffix in id.isBias ? [".bias"] : [".weight", ""] {
        let full = "\(prefix.stack)\(id.block ?? 0).\(layer)\(suffix)"
        if let found = parameters[full] { return (found, full) }
        first = first ?? full
      }
    }
    return (nil, first ?? "\(prefix.stack)\(id.block ?? 0).\(id.role.rawValue)")
  }

  /// `fused` is how the rows of queries, keys and values stand that are one matrix.
  mutating func take(_ config: ModelConfig, _ fused: RowLayout) throws(ModelError) {
    let embedding = try outside(.tokenEmbedding)
    try put(
      embedding, TensorID(.tokenEmbedding), [config.vocabulary, config.width])
    try put(try outside(.finalNorm), TensorID(.finalNorm), [config.width])
    if let bias = optionalOutside(.finalNorm, ".bias") {
      try put(bias, TensorID(.finalNorm).bias, [config.width])
    }
    let head = optionalOutside(.head)
    isHeadTied = head == nil
    try put(head ?? embedding, TensorID(.head), [config.vocabulary, config.width])
    if let bias = optionalOutside(.head, ".bias") {
      try put(bias, TensorID(.head).bias, [config.vocabulary])
    }
    if config.hasPositions {
      let positions = try outside(.positionEmbedding)
      try put(
        positions, TensorID(.positionEmbedding),
        [max(positions.shape.dimensions.first ?? 0, config.context), config.width])
    }
    for role in [TensorRole.ropeDivisors, .longRopeDivisors, .shortRopeDivisors] {
      guard let divisors = optionalOutside(role), let rope = config.ropes.first else { continue }
      try put(divisors, TensorID(role), [rope.width / 2])
    }
    for block in 0..<config.blocks { try take(block, config, fused) }
  }

  private mutating func take(
    _ block: Int, _ config: ModelConfig, _ fused: RowLayout
  ) throws(ModelError) {
    for step in config.steps(of: block) {
      switch step {
      case .norm(let role, _, _):
        try need(TensorID(role, block: block), [config.width])
        try want(TensorID(role, block: block, isBias: true), [config.width])
      case .linear(let role, _, _):
        try takeLinear(role, block, config, fused)
      case .headNorm(let role, _):
        let heads = role == .queryNorm ? config.heads : config.keyValueHeads
        let count = config.headNorms == .whole ? heads * config.headWidth : config.headWidth
        try need(TensorID(role, block: block), [count])
      case .experts: try takeExperts(block, config)
      case .attend:
        if config.hasSinks {
          let heads = config.shape(of: block).queryHeads
          try need(TensorID(.sinks, block: block), [heads])
        }
      case .rope, .activate, .add: break
      }
    }
  }

  private mutating func takeExperts(_ block: Int, _ config: ModelConfig) throws(ModelError) {
    guard let experts = config.experts else { return }
    try need(TensorID(.router, block: block), [experts.count, config.width])
    try want(TensorID(.router, block: block, isBias: true), [experts.count])
    for expert in 0..<experts.count {
      for (role, shape) in [
        (TensorRole.expertGate, [experts.hidden, config.width]),
        (.expertUp, [experts.hidden, config.width]), (.expertDown, [config.width, experts.hidden]),
      ] {
        let id = TensorID(role, block: block, expert: expert)
        try need(id, Shape(shape))
        try want(id.bias, [shape[0]])
        if self.parts[id.bias] == nil {
          try takeStackedBias(id, rows: shape[0], experts: experts.count)
        }
      }
    }
    guard experts.shared > 0 else { return }
    try need(TensorID(.sharedGate, block: block), [experts.shared, config.width])
    try need(TensorID(.sharedUp, block: block), [experts.shared, config.width])
    try need(TensorID(.sharedDown, block: block), [config.width, experts.shared])
    // llama.cpp keeps it as a vector.
    let id = TensorID(.sharedRouter, block: block)
    if let found = layer(id).found, found.shape.dimensions.count == 1 {
      try put(found, id, [config.width])
    } else {
      try want(id, [1, config.width])
    }
  }

  /// llama.cpp keeps the biases of all experts as one matrix.
  private mutating func takeStackedBias(
    _ id: TensorID, rows: Int, experts: Int
  ) throws(ModelError) {
    guard let name = names.layers[id.role]?.first, name.hasSuffix(".#"), let expert = id.expert,
      let stack = parameters["\(prefix.stack)\(id.block ?? 0).\(name.dropLast(2)).bias"]
    else { return }
    try check(stack, [experts, rows])
    parts[id.bias] = Model.Part(
      parameter: stack, rows: RowRuns(first: expert * rows, count: rows))
  }

  private mutating func takeLinear(
    _ role: TensorRole, _ block: Int, _ config: ModelConfig, _ fused: RowLayout
  ) throws(ModelError) {
    let id = TensorID(role, block: block)
    if parts[id] != nil { return }
    let shape = config.shape(of: role, block: block)
    if layer(id).found == nil, let (joined, members) = Self.joined(role) {
      let whole = TensorID(joined, block: block)
      if let found = layer(whole).found {
        let isHeadwise = joined == .queryKeyValue && fused == .headwise
        guard !isHeadwise || config.heads == config.keyValueHeads else {
          throw ModelError(
            "\(found.name) has the rows of each head together, which are of \(config.heads) and "
              + "of \(config.keyValueHeads) heads")
        }
        var first = 0
        var runs: [TensorRole: RowRuns] = [:]
        for (number, member) in members.enumerated() {
          let count = config.shape(of: member, block: block).rows
          runs[member] =
            isHeadwise
            ? RowLayout.headwise(
              number, heads: config.shape(of: block).heads.count, size: config.headWidth)
            : RowRuns(first: first, count: count)
          first += count
        }
        let rows = members.reduce(0) { $0 + config.shape(of: $1, block: block).rows }
        try check(found, Shape([rows, shape.columns]))
        let bias = layer(whole.bias).found
        if let bias { try check(bias, [rows]) }
        put(found, bias, members, block, runs)
        return
      }
      // A family that always joins them has no name for one.
      if names.layers[role] == nil {
        let rows = members.reduce(0) { $0 + config.shape(of: $1, block: block).rows }
        guard rows == 0 else { return try need(whole, [rows, shape.columns]) }
        let empty = try absent(whole, [rows, shape.columns])
        put(
          empty, layer(whole.bias).found, members, block,
          Dictionary(uniqueKeysWithValues: members.map { ($0, RowRuns(first: 0, count: 0)) }))
        return
      }
    }
    if shape.dimensions.contains(0) {
      parts[id] = Model.Part(parameter: try absent(id, shape), rows: nil)
    } else {
      try need(id, shape)
    }
    try want(id.bias, [shape.rows])
  }

  /// Several layers that are rows of one tensor.
  private mutating func put(
    _ found: Parameter, _ bias: Parameter?, _ members: [TensorRole], _ block: Int,
    _ runs: [TensorRole: RowRuns]
  ) {
    for member in members {
      let part = TensorID(member, block: block)
      parts[part] = Model.Part(parameter: found, rows: runs[member])
      if let bias { parts[part.bias] = Model.Part(parameter: bias, rows: runs[member]) }
    }
  }

  /// A layer that slicing has left nothing of, and that no file has therefore.
  private func absent(_ id: TensorID, _ shape: Shape) throws(ModelError) -> Parameter {
    let (found, name) = layer(id)
    if let found {
      throw ModelError(
        "\(found.name) is \(found.shape) and should not be there, as its widths leave nothing "
          + "of it")
    }
    return Parameter(
      name: name, shape: shape, dtype: .f32,
      place: Place(block: id.block, layer: name, role: .linear), load: { Tensor(shape, []) })
  }

  /// The tensor that may have a layer's rows among others.
  private static func joined(_ role: TensorRole) -> (TensorRole, [TensorRole])? {
    TensorRole.fused.first { $0.value.contains(role) }.map { ($0.key, $0.value) }
  }

  private mutating func need(_ id: TensorID, _ shape: Shape) throws(ModelError) {
    let (found, name) = layer(id)
    guard let found else { throw ModelError("\(name) is missing") }
    try put(found, id, shape)
  }

  private mutating func want(_ id: TensorID, _ shape: Shape) throws(ModelError) {
    if let found = layer(id).found { try put(found, id, shape) }
  }

  private mutating func put(
    _ parameter: Parameter, _ id: TensorID, _ shape: Shape
  ) throws(ModelError) {
    try check(parameter, shape)
    parts[id] = Model.Part(parameter: parameter, rows: nil)
  }

  private func check(_ parameter: Parameter, _ shape: Shape) throws(ModelError) {
    guard parameter.shape == shape, parameter.dtype.isFloatingPoint else {
      throw ModelError(
        "\(parameter.name) is \(parameter.shape) of \(parameter.dtype.rawValue) and should be "
          + "\(shape) of floating point")
    }
  }
}
