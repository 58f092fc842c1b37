internal import ArgumentParser
internal import CheckpointIO
internal import Transformers

/// What a checkpoint may not say of its network.
struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How many attention heads the network has, where no checkpoint says it.",
      valueName: "number"))
  var heads: Int?

  @Option(
    help: ArgumentHelp(
      "Which GELU it computes with: gelu, or gelu_new, the tanh form of GPT-2.",
      valueName: "name"))
  var activation: Activation?

  /// The words of `config.json`.
  enum Activation: String, ExpressibleByArgument, CaseIterable {
    case gelu
    case geluNew = "gelu_new"
  }

  func validate() throws {
    if let heads, heads < 1 {
      throw ValidationError("--heads is a whole number from 1 up, not \(heads)")
    }
  }

  /// The options' names that were given.
  var given: [String] {
    [("--heads", heads != nil), ("--activation", activation != nil)].filter(\.1).map(\.0)
  }

  /// In the words of configurations.
  var settings: [String: String] {
    var settings: [String: String] = [:]
    if let heads {
      for key in ["n_head", "num_attention_heads"] { settings[key] = String(heads) }
    }
    settings["activation_function"] = activation?.rawValue
    return settings
  }

  /// Opens the checkpoint at `path` with these settings, and tells on stderr what is odd about
  /// it; of one that is `run`, also what is taken for granted.
  func open(_ path: String, toRun isRun: Bool) throws -> Checkpoint {
    let checkpoint = try Checkpoint.openingTellingOddities(path, settings: settings)
    if isRun { checkpoint.tellAssumption() }
    return checkpoint
  }
}

extension Checkpoint {
  /// Tells on stderr what its network takes for granted.
  func tellAssumption() {
    let assumption = Network.assumption(of: parameters, configuration: configuration)
    if let assumption { StandardError.write("pare: \(sentence(name)): \(assumption)\n") }
  }
}
