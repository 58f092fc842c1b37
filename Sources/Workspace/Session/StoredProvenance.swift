internal import Compression

/// Where a revision's weights come from, as a session's file has it. Under `pass` is the name
/// of a pass, or a word that no pass has:
///
///     {"pass": "prune", "settings": [{"name": "amount", "value": "0.5"}], "layers": {"all": {}}}
///     {"pass": "load", "settings": [{"name": "path", "value": "/models/other.gguf"}], …}
///     {"pass": "trained", "settings": [{"name": "step", "value": "600"},
///       {"name": "path", "value": "0123456789abcdef.safetensors"}], …}
///
/// Other settings of `load` and `trained` are passed over, as are their layers.
enum StoredProvenance: Codable, Hashable {
  struct Setting: Codable, Hashable {
    let name: String
    let value: String
  }

  case pass(name: String, settings: [Setting], layers: LayerSelection)
  case loaded(path: String?)
  /// `file` is a name in the folder of weights beside the session.
  case trained(file: String, step: Int)

  init(_ provenance: Provenance) {
    switch provenance {
    case .pass(let step):
      self = .pass(
        name: step.passName,
        settings: step.writtenSettings.map { Setting(name: $0.name, value: $0.value) },
        layers: step.layers)
    case .loaded(let loaded): self = .loaded(path: loaded.path)
    case .trained(let trained):
      let name = trained.file?.split(separator: "/").last
      self = .trained(file: name.map(String.init) ?? "", step: trained.step)
    }
  }

  /// The name of the file beside the session that has the weights; nil where there is none.
  var weightFile: String? {
    if case .trained(let file, _) = self { file } else { nil }
  }

  /// Throws `PassError` for a pass of another version.
  func restored(weightsIn folder: String) throws -> Provenance {
    switch self {
    case .pass(let name, let settings, let layers):
      .pass(
        try Step(
          passName: name, settings: settings.map { (name: $0.name, text: $0.value) },
          layers: layers))
    case .loaded(let path): .loaded(LoadedWeights(path: path))
    case .trained(let file, let step):
      .trained(TrainedWeights(file: "\(folder)/\(file)", step: step))
    }
  }
}

extension StoredProvenance {
  private enum CodingKeys: String, CodingKey { case pass, settings, layers }

  /// What stands for a pass where there is none.
  private enum Word: String { case loaded = "load", trained }

  private static let (path, step) = ("path", "step")

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let pass = try fields.decode(String.self, forKey: .pass)
    let settings = try fields.decode([Setting].self, forKey: .settings)
    func value(_ name: String) -> String? { settings.first { $0.name == name }?.value }
    switch Word(rawValue: pass) {
    case .loaded: self = .loaded(path: value(Self.path))
    case .trained:
      guard let step = Int(value(Self.step) ?? "0"), step >= 0 else {
        throw DecodingError.dataCorruptedError(
          forKey: .settings, in: fields, debugDescription: "a step is no count")
      }
      self = .trained(file: value(Self.path) ?? "", step: step)
    case nil:
      self = .pass(
        name: pass, settings: settings,
        layers: try fields.decode(LayerSelection.self, forKey: .layers))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .pass(let name, let settings, let layers):
      try fields.encode(name, forKey: .pass)
      try fields.encode(settings, forKey: .settings)
      try fields.encode(layers, forKey: .layers)
    case .loaded(let path):
      let settings = path.map { [Setting(name: Self.path, value: $0)] } ?? []
      try encode(.loaded, settings, to: &fields)
    case .trained(let file, let step):
      let settings = [
        Setting(name: Self.step, value: String(step)), Setting(name: Self.path, value: file),
      ]
      try encode(.trained, settings, to: &fields)
    }
  }

  private func encode(
    _ word: Word, _ settings: [Setting], to fields: inout KeyedEncodingContainer<CodingKeys>
  ) throws {
    try fields.encode(word.rawValue, forKey: .pass)
    try fields.encode(settings, forKey: .settings)
    // Earlier versions read it.
    try fields.encode(LayerSelection.matching(["*"]), forKey: .layers)
  }
}
