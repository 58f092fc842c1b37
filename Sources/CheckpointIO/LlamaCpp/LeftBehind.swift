internal import Models

/// What stands beside a checkpoint, or in its settings, and not in the file made of it.
enum LeftBehind {
  /// Files of a tokenizer that only the folder has.
  private static let files = [
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json",
  ]

  /// The tokenizer's files beside a checkpoint, which safetensors and PyTorch files do not
  /// hold.
  static func files(beside path: String?) -> [SaveLoss] {
    let names = found(beside: path)
    return names.isEmpty
      ? [] : [SaveLoss(.file, from: names.joined(separator: ", "), count: names.count)]
  }

  /// Names of the tokenizer's files beside a checkpoint.
  static func found(beside path: String?) -> [String] {
    guard let path else { return [] }
    let folder = FilePath.folder(path)
    return files.filter { FileIdentity(path: folder + $0) != nil }
  }
}

// MARK: - In GGUF

extension LeftBehind {
  /// What a file of these pairs does not hold: settings of a model that llama.cpp
  /// calls `architecture`, the tokenizer, the chat template.
  static func losses(
    of checkpoint: Checkpoint, pairs: [GGUFPair], architecture: String?
  ) -> [SaveLoss] {
    let keys = Set(pairs.map(\.key))
    var losses = architecture.map { settings(checkpoint.configuration, keys, $0) } ?? []
    let files = found(beside: checkpoint.path)
    let hasTokens = keys.contains("tokenizer.ggml.tokens")
    if !hasTokens, files.contains(where: { $0.hasPrefix("tokenizer.") || $0 == "vocab.json" }) {
      losses.append(SaveLoss(.metadata, from: "the tokenizer"))
    }
    let folder = try? TokenizerFolder(beside: checkpoint.path)
    let hasTemplate = folder?.chatTemplate != nil || files.contains { $0.hasPrefix("chat_") }
    if hasTemplate, !keys.contains("tokenizer.chat_template") {
      losses.append(SaveLoss(.metadata, from: "the chat template"))
    }
    return losses
  }

  private static func settings(
    _ settings: [String: String], _ keys: Set<String>, _ architecture: String
  ) -> [SaveLoss] {
    if keys.contains(MetadataConventions.configuration) { return [] }
    let left = SettingNames.lost(
      settings.keys.filter { !$0.hasPrefix("pare.") }, in: keys, architecture: architecture
    ).sorted()
    guard !left.isEmpty else { return [] }
    let shown = 8
    let rest = left.count > shown ? " and \(left.count - shown) more" : ""
    return [
      SaveLoss(
        .metadata, from: left.prefix(shown).joined(separator: ", ") + rest, count: left.count)
    ]
  }
}
