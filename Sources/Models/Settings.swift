/// A model's settings under the flat names of Hugging Face's `config.json`, read by kind.
public struct Settings: Sendable {
  public let values: [String: String]

  public init(_ values: [String: String]) { self.values = values }

  /// The first of some names that is set.
  private func entry(_ names: [String]) -> (name: String, text: String)? {
    for name in names { if let text = values[name] { return (name, text) } }
    return nil
  }

  public func text(_ names: String...) -> String? { entry(names)?.text }

  /// A whole number from 0 on; nil where it is not set. Throws `ModelError`.
  public func integer(_ names: String...) throws(ModelError) -> Int? {
    guard let (name, text) = entry(names) else { return nil }
    guard let value = Int(text), (0...Self.limit).contains(value) else {
      throw ModelError("its setting \(name) is \(text), which is no count")
    }
    return value
  }

  /// A whole number from 1 on that has to be there. Throws `ModelError`.
  public func count(_ names: String...) throws(ModelError) -> Int {
    guard let (name, text) = entry(names) else {
      throw ModelError("no setting says \(names[0])")
    }
    guard let value = Int(text), (1...Self.limit).contains(value) else {
      throw ModelError("its setting \(name) is \(text), which is no count")
    }
    return value
  }

  /// A finite number; nil where it is not set. Throws `ModelError`.
  public func number(_ names: String...) throws(ModelError) -> Float? {
    guard let (name, text) = entry(names) else { return nil }
    guard let value = Float(text), value.isFinite else {
      throw ModelError("its setting \(name) is \(text), which is no number")
    }
    return value
  }

  public func flag(_ names: String...) -> Bool? { entry(names).map { $0.text == "true" } }

  /// A list, `short_factor` of LongRoPE. Throws `ModelError`.
  public func numbers(_ names: String...) throws(ModelError) -> [Float]? {
    guard let (name, text) = entry(names) else { return nil }
    let values = text.split(separator: ",").map { Float($0) }
    guard values.allSatisfy({ $0?.isFinite ?? false }) else {
      throw ModelError("its setting \(name) is no list of numbers")
    }
    return values.compactMap(\.self)
  }

  /// Larger counts are no model's.
  private static let limit = Int(UInt32.max)
}

extension Settings {
  /// The rotary embedding that `config.json` describes, in either way of transformers, or for
  /// one kind of block, as `rope_parameters.full_attention`. Throws `ModelError`.
  func rope(
    width: Int, context: Int, base: Float = 10_000, kind: String? = nil
  ) throws(ModelError) -> Rope {
    let prefixes =
      (kind.map { ["rope_parameters.\($0)."] } ?? []) + ["rope_parameters.", "rope_scaling.", ""]
    func name(_ key: String) -> String? { prefixes.map { $0 + key }.first { values[$0] != nil } }
    func number(_ key: String) throws(ModelError) -> Float? {
      guard let name = name(key) else { return nil }
      return try self.number(name)
    }
    func integer(_ key: String) throws(ModelError) -> Int? {
      guard let name = name(key) else { return nil }
      return try self.integer(name)
    }
    var rope = Rope(base: try number("rope_theta") ?? base, width: width)
    guard rope.base > 0, width > 0, width.isMultiple(of: 2) else {
      throw ModelError(
        "its rotary embedding turns \(width) channels from a base of \(rope.base), "
          + "which cannot be")
    }
    let said = (name("rope_type") ?? name("type")).flatMap { values[$0] } ?? "default"
    let original = try integer("original_max_position_embeddings")
    let usual = said == "yarn" ? original.map { Float(context) / Float(max($0, 1)) } : nil
    let factor = try number("factor") ?? usual ?? 1
    guard factor > 0, original.map({ $0 > 0 }) ?? true else {
      throw ModelError("its rope scaling has a factor of \(factor)")
    }
    switch said {
    case "default", "none", "mrope": break
    case "linear": rope.scaling = .linear(factor: factor)
    case "dynamic": rope.scaling = .dynamic(factor: factor, original: context)
    case "llama3":
      let (low, high) = (
        try number("low_freq_factor") ?? 1, try number("high_freq_factor") ?? 4
      )
      rope.scaling = .llama3(
        factor: factor, low: low, high: high, original: original ?? context)
    case "yarn":
      let truncates = name("truncate").map { values[$0] != "false" } ?? true
      rope.scaling = .yarn(
        factor: factor, fast: try number("beta_fast") ?? 32, slow: try number("beta_slow") ?? 1,
        original: original ?? context, truncates: truncates)
      rope.factor = try number("attention_factor") ?? Rope.yarnFactor(factor)
      if let scale = try number("mscale"), let whole = try number("mscale_all_dim"), scale != 0,
        whole != 0, name("attention_factor") == nil
      {
        rope.factor = Rope.yarnFactor(factor, scale) / Rope.yarnFactor(factor, whole)
      }
    case "longrope", "su":
      let first = try self.integer("original_max_position_embeddings") ?? original ?? context
      guard let short = try numbers(name("short_factor") ?? "short_factor"),
        let long = try numbers(name("long_factor") ?? "long_factor"), short.count == width / 2,
        long.count == width / 2, !(short + long).contains(where: { $0 <= 0 })
      else { throw ModelError("its rope scaling has no factor for each pair of channels") }
      rope.scaling = .longRope(short: short, long: long, original: first)
      let stretch =
        try self.integer("original_max_position_embeddings") == nil
        && name("factor") != nil ? factor : Float(context) / Float(first)
      rope.factor = try number("attention_factor") ?? Rope.longFactor(stretch, original: first)
    default: throw ModelError("its rope scaling \(said) is not supported")
    }
    return rope
  }

  /// The function that `hidden_act` names. Throws `ModelError`.
  func activation(_ usual: ModelConfig.Activation) throws(ModelError) -> ModelConfig.Activation {
    switch text("hidden_activation", "hidden_act", "activation_function") {
    case nil: return usual
    case "silu", "swish": return .silu
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh": return .geluTanh
    case "relu": return .relu
    case let other?: throw ModelError("its activation \(other) is not supported")
    }
  }
}

extension Rope {
  /// 0.1 m ln s + 1 (Peng et al., 2023, equation 22).
  static func yarnFactor(_ factor: Float, _ scale: Float = 1) -> Float {
    factor <= 1 ? 1 : 0.1 * scale * Float(logarithm(Double(factor))) + 1
  }

  /// √(1 + ln s / ln L) (Ding et al., 2024).
  static func longFactor(_ stretch: Float, original: Int) -> Float {
    stretch <= 1
      ? 1 : Float((1 + logarithm(Double(stretch)) / logarithm(Double(original))).squareRoot())
  }
}
