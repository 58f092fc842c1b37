internal import Compression
internal import Training
internal import Workspace

/// Settings of a training run as the dials of a sheet; what is not a dial is as the
/// preset of `pare train` and `pare compress` has it.
struct TrainingDials: Dialed {
  enum Aim: String, Sendable, Hashable, Codable, CaseIterable { case target, gamma }
  enum Method: String, Sendable, Hashable, Codable, CaseIterable { case adamw, muon }

  static let name = "training"
  static let summary = "train or self-compress the open checkpoint"
  static let dials: [Dial<TrainingDials>] = [
    .choice(
      "aim", \.aim, help: "bits to reach, or a fixed price of a bit", when: \.isCompressing),
    .number(
      "target", \.target, in: 0.05...16, step: 0.05, help: "bits per weight to reach",
      when: { $0.isCompressing && $0.aim == .target }),
    .number(
      "gamma", \.gamma, in: 0...100, step: 0.001, help: "price of one bit per weight, in nats",
      when: { $0.isCompressing && $0.aim == .gamma }),
    .integer("steps", \.steps, in: 1...1_000_000, step: 50, help: "steps of training"),
    .choice("optimizer", \.optimizer, help: "what trains the blocks' matrices"),
    .number(
      "learning-rate", \.rate, in: 0...1, step: 0.0005, help: "highest learning rate"),
    .integer("batch", \.batch, in: 1...1024, help: "windows of text in a batch"),
    .integer("context", \.context, in: 1...65_536, step: 16, help: "tokens of a window, at most"),
    .integer("validate-every", \.validateEvery, in: 0...1_000_000, step: 50, help: "steps"),
  ]

  var isCompressing = true
  var aim = Aim.target
  var target = 0.55
  var gamma = CompressionSettings().gamma
  var steps = 2000
  var optimizer = Method.muon
  var rate = 0.02
  var batch = 16
  var context = 256
  var validateEvery = 250

  init() {
    let settings = TrainingPreset.shakespeareChar.settings
    if case .steps(let count) = settings.length { steps = count }
    // Through text, so that the nearest decimal fraction is shown.
    rate = Double("\(settings.optimizer.rate)") ?? rate
    (batch, context) = (settings.batch, settings.context)
    validateEvery = settings.validateEvery
  }

  var title: String { isCompressing ? "self-compress" : "train" }

  /// The settings of the run.
  var runSettings: TrainingSettings {
    var settings = TrainingPreset.shakespeareChar.settings
    settings.length = .steps(steps)
    settings.optimizer.method = optimizer == .muon ? .muon : .adamw
    switch settings.optimizer.method {
    case .muon: settings.optimizer.muon.rate = Float(rate)
    case .adamw: settings.optimizer.adamW.rate = Float(rate)
    }
    (settings.batch, settings.context, settings.validateEvery) = (batch, context, validateEvery)
    guard isCompressing else { return settings }
    settings.compression =
      switch aim {
      case .target: .toward(target)
      case .gamma: CompressionSettings(gamma: gamma)
      }
    return settings
  }
}

/// What a sheet that starts a training run knows beside its dials.
public struct TrainingDraft: Sendable, Hashable {
  let textPath: String
  let output: String
  let overwrite: Bool

  /// From the words of `compress [TEXT] [-o FILE] [--force] [--target 0.6 …]`, on `usualText` if
  /// they name no text.
  init(
    _ words: [String], dials: inout TrainingDials, checkpoint: String, usualText: String?
  ) throws {
    var text: String?
    var output: String?
    var overwrite = false
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--force" {
        overwrite = true
      } else if word == "-o" || word == "--output" {
        guard let path = rest.popFirst() else { throw CommandError("\(word) needs a file") }
        output = FilePaths.expanded(path)
      } else if word.hasPrefix("--") {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
        let name = parts.first ?? ""
        guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
          throw CommandError("--\(name) needs a value")
        }
        dials = try dials.setting(name, toText: value)
        TrainingDials.Aim(rawValue: name).map { dials.aim = $0 }
        try dials.checkMatters(name)
      } else if text == nil {
        text = FilePaths.expanded(word)
      } else {
        throw CommandError("one text file is trained on; a name with blanks stands in quotes")
      }
    }
    guard let text = text ?? usualText else {
      throw CommandError(
        "a text file is needed: \(dials.isCompressing ? "compress" : "train") TEXT")
    }
    textPath = text
    self.overwrite = overwrite
    let stem = checkpoint.split(separator: ".").dropLast().joined(separator: ".")
    self.output =
      output
      ?? "\(stem.isEmpty ? checkpoint : stem)-\(dials.isCompressing ? "compressed" : "trained")"
      + ".safetensors"
  }

  /// The run with these settings.
  func request(_ dials: TrainingDials) -> TrainingRequest {
    TrainingRequest(
      textPath: textPath, output: output, overwrite: overwrite, settings: dials.runSettings)
  }
}
