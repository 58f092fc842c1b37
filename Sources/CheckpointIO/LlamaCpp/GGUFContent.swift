internal import Models
internal import Tensors

/// What a GGUF file made of a checkpoint holds: its tensors and its metadata.
struct GGUFContent {
  private(set) var sources: [GGUFSource] = []
  private(set) var pairs: [GGUFPair] = []
  private(set) var notes: [String] = []
  private(set) var omissions: [String] = []
  private(set) var losses: [SaveLoss] = []
  /// Of the tensors' places in the file.
  private(set) var alignment = GGUFHeader.defaultAlignment
  /// Whether the checkpoint is a GGUF file itself, and whether it was made of one.
  private var (isGGUF, isFromGGUF) = (false, false)

  /// Throws `CheckpointError.invalidConversion` for settings and tokenizers that llama.cpp
  /// could not use.
  init(
    _ parameters: Parameters, of checkpoint: Checkpoint?, _ metadata: [String: String] = [:]
  ) throws(CheckpointError) {
    guard let checkpoint else {
      sources = ExpertStack.folded(Array(parameters))
      return
    }
    let isSliced = (metadata[Self.blocks] ?? checkpoint.configuration[Self.blocks]) != nil
    if let own = checkpoint.gguf {
      sources = ExpertStack.folded(Array(parameters))
      pairs = GGUFPairs.own(own)
      if let record = metadata[Self.blocks] {
        pairs.removeAll { $0.key == Self.blocks }
        pairs.append(GGUFPair(Self.blocks, record))
      }
      takeHidden(of: MetadataConventions.settings(in: metadata))
      if isSliced { notes = ["\(Self.sliced): llama.cpp will not load the file"] }
      (isGGUF, isFromGGUF) = (checkpoint.format == GGUFFormat.name, true)
      if case .unsigned(let number) = own[GGUFHeader.alignmentKey] {
        if number <= Self.alignmentLimit {
          alignment = Int(number)
        } else {
          pairs.removeAll { $0.key == GGUFHeader.alignmentKey }
        }
      }
      return
    }
    switch isSliced
      ? .unknown(reason: Self.sliced)
      : try Self.family(
        of: checkpoint, parameters,
        checkpoint.configuration.merging(MetadataConventions.settings(in: metadata)) { $1 })
    {
    case .known(let translation): try add(parameters, of: checkpoint, translation)
    case .unknown(let reason):
      sources = parameters.map { GGUFSource($0) }
      pairs = GGUFPairs.unknown(checkpoint, metadata)
      notes = ["\(reason): names are kept, and llama.cpp will not load the file"]
      losses = LeftBehind.losses(of: checkpoint, pairs: pairs, architecture: nil)
    }
  }

  /// The names that `parameters` of a checkpoint have in a GGUF file, by their own; those of
  /// experts one by one. Throws as `init`.
  static func names(
    of parameters: Parameters, of checkpoint: Checkpoint
  ) throws(CheckpointError) -> [String: String] {
    var names: [String: String] = [:]
    for parameter in parameters { names[parameter.name] = parameter.name }
    guard checkpoint.gguf == nil, checkpoint.configuration[blocks] == nil,
      case .known(let translation) = try family(
        of: checkpoint, parameters, checkpoint.configuration)
    else { return names }
    for parameter in parameters {
      names[parameter.name] = try LlamaModel.target(of: parameter, translation)?.name
    }
    return names
  }

  /// Says how wide the MLPs are now, where a pass has made all of them narrower.
  private mutating func takeHidden(of settings: [String: String]) {
    guard let hidden = settings[ModelConfig.hiddenSetting].flatMap({ UInt32($0) }),
      let place = pairs.firstIndex(where: { $0.key.hasSuffix(".feed_forward_length") })
    else { return }
    pairs[place] = GGUFPair(pairs[place].key, hidden)
  }

  private static let blocks = MetadataConventions.blocks
  private static let sliced =
    "blocks of llama.cpp's models are equally wide, and this model is sliced"

  /// A page; more would only make the file larger.
  private static let alignmentLimit = 4096

  /// Whether the pairs of a GGUF file still speak the truth about `tensors`, which mostly
  /// have `type`: all are stored as they were in it.
  func describes(_ tensors: [GGUFTensor], ofType type: UInt32?) -> Bool {
    guard tensors.allSatisfy(\.isOwn) else { return false }
    if isGGUF || tensors.contains(where: \.isKept) { return true }
    // Values may have been blocks, or of another type, in the file that they came from.
    let claimed = pairs.first { $0.key == GGUFPairs.typeKey }
    return claimed.map { GGUFPairs.isType($0, type) } ?? isFromGGUF
  }

  private mutating func add(
    _ parameters: Parameters, of checkpoint: Checkpoint, _ translation: GGUFTranslation
  ) throws(CheckpointError) {
    let model = try LlamaModel(parameters, of: checkpoint, translation)
    let architecture = translation.family.architecture
    sources = ExpertStack.folded(model.parameters)
    pairs = [
      GGUFPair(GGUFPairs.architectureKey, architecture),
      GGUFPair("general.type", "model"),
      GGUFPair(
        "general.name", CheckpointLocation.modelName(checkpoint.path) ?? checkpoint.name),
    ]
    pairs += translation.settings.map { GGUFPair("\(architecture).\($0.key)", $0.value) }
    let rows = translation.config.vocabulary
    let folder = try TokenizerFolder(beside: checkpoint.path)
    let tokenizer =
      if folder.tokenizer == nil, let characters = checkpoint.vocabulary {
        LlamaTokenizer(characters: characters, rows: rows)
      } else {
        try LlamaTokenizer(folder, rows: rows)
      }
    pairs += tokenizer.pairs + GGUFPairs.other(Self.metadata(of: checkpoint, translation))
    notes = model.notes + tokenizer.notes
    omissions = Self.omissions(model.leftOut)
    losses =
      model.leftOut.map { _ in SaveLoss(.place) }
      + LeftBehind.losses(of: checkpoint, pairs: pairs, architecture: architecture)
  }

  /// Tensors that are left out for the same reason, in one sentence.
  private static func omissions(_ leftOut: [(name: String, reason: String)]) -> [String] {
    let shown = 3
    return Dictionary(grouping: leftOut, by: \.reason).sorted { $0.key < $1.key }.map {
      let names = $1.prefix(shown).map(\.name.quoted).joined(separator: ", ")
      let rest = $1.count > shown ? " and \($1.count - shown) more" : ""
      return "\($1.count == 1 ? "tensor" : "tensors") \(names)\(rest): \($0)"
    }
  }

  /// The checkpoint's own pairs, and what Pare reads again of GPTs: settings and vocabulary
  /// that llama.cpp has no words for.
  private static func metadata(
    of checkpoint: Checkpoint, _ translation: GGUFTranslation
  ) -> [String: String] {
    var metadata = SavedMetadata.of(checkpoint, adding: [:])
    // Which names share a tensor is settled here.
    for tensor in checkpoint.stored { metadata[tensor.name] = nil }
    metadata[SavedMetadata.layoutKey] = nil
    metadata[MetadataConventions.configuration] =
      translation.keptSettings.map { JSONText.object($0) }
    return metadata
  }

  private enum Found {
    case known(GGUFTranslation)
    case unknown(reason: String)
  }

  private static func family(
    of checkpoint: Checkpoint, _ parameters: Parameters, _ settings: [String: String]
  ) throws(CheckpointError) -> Found {
    if Set(parameters.compactMap { TensorName($0.name).stack }).count > 1 {
      return .unknown(reason: "the checkpoint has several stacks of blocks")
    }
    do {
      if let found = try GGUFTranslation(parameters, configuration: settings) {
        return .known(found)
      }
    } catch {
      throw .invalidConversion(reason: error.description)
    }
    return .unknown(
      reason: settings["model_type"].map {
        "no names of llama.cpp's are known for models of type \($0.quoted)"
      } ?? "no setting says what model_type this is")
  }
}

extension GGUFPair {
  init(_ key: String, _ value: GGUFSetting.Value) {
    switch value {
    case .count(let count): self.init(key, UInt32(clamping: count))
    case .number(let number): self.init(key, number)
    case .text(let text): self.init(key, text)
    case .flag(let flag): self.init(key, flag)
    case .flags(let flags): self.init(key, flags)
    }
  }
}
