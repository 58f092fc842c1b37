internal import Models

/// A GGUF file's settings under the names that the rest of the program knows.
enum GGUFSettings {
  /// More blocks than any model has.
  private static let blockLimit = 1 << 12

  static func configuration(_ metadata: GGUFMetadata) -> [String: String] {
    guard case .text(let architecture) = metadata["general.architecture"] else { return [:] }
    var settings = SettingNames.configuration(
      ofGGUF: architecture,
      number: { key in
        metadata.entry(key).flatMap {
          $0.kind == .array || $0.kind == .text ? nil : metadata.shown($0)
        }
      },
      text: { if case .text(let text) = metadata[$0] { text } else { nil } },
      flags: { key in
        guard case .array(let count) = metadata[key], count <= blockLimit else { return nil }
        return metadata.numbers(key)?.map { $0 != 0 }
      })
    if settings["vocab_size"] == nil, case .array(let count) = metadata["tokenizer.ggml.tokens"] {
      settings["vocab_size"] = String(count)
    }
    return settings
  }
}
