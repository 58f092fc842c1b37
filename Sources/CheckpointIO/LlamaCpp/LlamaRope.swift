internal import Glibc
internal import Tensors

/// How a model turns queries and keys by their position, in llama.cpp's words.
struct LlamaRope {
  /// Pairs under `ARCHITECTURE.`.
  private(set) var pairs: [LlamaModel.Setting] = []
  /// What each frequency is divided by, where that differs between them (Llama 3's).
  private(set) var factors: [Float]?

  /// Throws `invalidConversion` for settings that make no sense.
  init(
    _ settings: inout LlamaSettings, headWidth: Int, isSliding: Bool
  ) throws(CheckpointError) {
    let base =
      try settings.number(LlamaSettings.rope("rope_theta") + ["rope_theta"]) ?? Self.usualBase
    pairs = [
      ("rope.dimension_count", .count(headWidth)), ("rope.freq_base", .number(base)),
    ]
    if isSliding {
      let local = try settings.number([
        "rope_parameters.sliding_attention.rope_theta", "rope_local_base_freq",
      ])
      if let local { pairs.append(("rope.freq_base_swa", .number(local))) }
    }
    let names = LlamaSettings.rope("rope_type") + ["rope_scaling.type"]
    let known = settings.settings
    let type = names.lazy.compactMap { known[$0] }.first ?? "default"
    switch type {
    case "default": break
    case "linear": try scale("linear", &settings)
    case "yarn": try addYaRN(&settings)
    case "llama3" where settings.family.architecture == LlamaFamily.llama.architecture:
      factors = try Self.llama3Factors(&settings, base: base, headWidth: headWidth)
    default:
      settings.note(
        "rotary positions are scaled by \(type.quoted), which is not written: llama.cpp will "
          + "differ from the original beyond its first context")
    }
  }

  private static let usualBase: Float = 10_000

  private mutating func scale(
    _ type: String, _ settings: inout LlamaSettings
  ) throws(CheckpointError) {
    pairs.append(("rope.scaling.type", .text(type)))
    if let factor = try settings.number(LlamaSettings.rope("factor")) {
      pairs.append(("rope.scaling.factor", .number(factor)))
    }
  }

  private mutating func addYaRN(_ settings: inout LlamaSettings) throws(CheckpointError) {
    try scale("yarn", &settings)
    if let length = try settings.countIfPresent(
      LlamaSettings.rope("original_max_position_embeddings"))
    {
      pairs.append(("rope.scaling.original_context_length", .count(length)))
    }
    for (key, name) in [
      ("yarn_attn_factor", "attention_factor"), ("yarn_beta_fast", "beta_fast"),
      ("yarn_beta_slow", "beta_slow"),
    ] {
      if let number = try settings.number(LlamaSettings.rope(name)) {
        pairs.append(("rope.scaling.\(key)", .number(number)))
      }
    }
  }

  /// Llama 3.1 slows long waves by a factor, leaves short ones alone, and goes from one to
  /// the other between (Dubey et al., 2024; `rope_type` llama3 of Hugging Face).
  private static func llama3Factors(
    _ settings: inout LlamaSettings, base: Float, headWidth: Int
  ) throws(CheckpointError) -> [Float] {
    let factor = try settings.number(LlamaSettings.rope("factor")) ?? 8
    let low = try settings.number(LlamaSettings.rope("low_freq_factor")) ?? 1
    let high = try settings.number(LlamaSettings.rope("high_freq_factor")) ?? 4
    let length =
      try settings.number(LlamaSettings.rope("original_max_position_embeddings")) ?? 8192
    return (0..<headWidth / 2).map { index in
      let wave = 2 * Float.pi * pow(base, Float(2 * index) / Float(headWidth))
      let turns = length / wave
      if turns > high { return 1 }
      if turns < low { return factor }
      let share = high == low ? 1 : (turns - low) / (high - low)
      return 1 / ((1 - share) / factor + share)
    }
  }
}
