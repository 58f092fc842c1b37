/// A checkpoint's settings as llama.cpp wants them, looked up under the names that
/// `config.json` has for them.
struct LlamaSettings {
  let settings: [String: String]
  let family: LlamaFamily
  /// What was taken because no file says otherwise, and what llama.cpp does not hold.
  private(set) var notes: [String] = []

  init(_ settings: [String: String], _ family: LlamaFamily) {
    self.settings = settings
    self.family = family
    for (key, values) in family.assumed.sorted(by: { $0.key < $1.key }) {
      guard let value = settings[key], !values.contains(value) else { continue }
      notes.append(
        "\(key) is \(value.quoted), where llama.cpp's \(family.architecture) computes with "
          + "\((values.first ?? "").quoted): its results will differ")
    }
  }

  mutating func note(_ note: String) { notes.append(note) }

  /// Where rotary settings stand, in the words of several generations of `config.json`.
  static func rope(_ key: String) -> [String] {
    ["rope_parameters.full_attention.", "rope_parameters.", "rope_scaling."].map { $0 + key }
  }

  /// The text of the first of several names that is there; a default of the family's is
  /// noted.
  private mutating func text(_ names: [String]) -> (name: String, text: String)? {
    if let name = names.first(where: { settings[$0] != nil }), let text = settings[name] {
      return (name, text)
    }
    guard let name = names.first(where: { family.defaults[$0] != nil }),
      let text = family.defaults[name]
    else { return nil }
    notes.append("no setting says \(name); \(text) is written, which Hugging Face takes then")
    return (name, text)
  }

  /// A whole number above 0 that 32 bits hold. Throws `invalidConversion` for others, and
  /// where there is none.
  mutating func count(_ names: String...) throws(CheckpointError) -> Int {
    guard let found = try countIfPresent(names) else {
      throw .invalidConversion(
        reason: "no setting says \(names[0]), which llama.cpp asks for; it stands in config.json")
    }
    return found
  }

  /// The same; nil where there is none.
  mutating func countIfPresent(_ names: [String]) throws(CheckpointError) -> Int? {
    guard let (name, text) = text(names) else { return nil }
    guard let value = Int(text), value > 0, UInt32(exactly: value) != nil else {
      throw .invalidConversion(reason: "the setting \(name) is \(text.quoted), which is no count")
    }
    return value
  }

  /// A finite number above 0. Throws `invalidConversion` for others.
  mutating func number(_ names: [String]) throws(CheckpointError) -> Float? {
    guard let (name, text) = text(names) else { return nil }
    guard let value = Float(text), value.isFinite, value > 0 else {
      throw .invalidConversion(
        reason: "the setting \(name) is \(text.quoted), which is no number above 0")
    }
    return value
  }

  /// Whether a setting is `true`.
  func isTrue(_ name: String) -> Bool { settings[name] == "true" }
}
