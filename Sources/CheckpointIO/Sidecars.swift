internal import Models

/// Small files that say more about a checkpoint than it does itself: Hugging
/// Face's `config.json` and `generation_config.json`, a quantizer's settings, and
/// nanoGPT's `meta.pkl` beside it. What the checkpoint says wins, then what is named first here.
enum Sidecars {
  /// More than any configuration has a reason to be.
  static let limit = 4 << 20

  /// The files beside a checkpoint that belong to it: those that are read here, and those
  /// of its tokenizer.
  static let names =
    ["config.json", "generation_config.json", "meta.pkl"] + QuantizationSettings.files.map(\.name)
    + [
      "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
      "chat_template.jinja",
    ]

  static func read(beside path: String?, into index: inout CheckpointIndex) {
    MetadataConventions.read(into: &index)
    guard let path else { return }
    let folder = FilePath.folder(path)
    for name in ["config.json", "generation_config.json"] {
      guard let bytes = small(folder + name) else { continue }
      do {
        let json = try JSON(bytes)
        index.configuration.merge(Configuration.flat(json)) { own, _ in own }
        if index.quantization == nil {
          index.quantization = QuantizationSettings(configuration: json)
        }
      } catch {
        index.warnings.append("\(name) beside the file is ignored: \(error)")
      }
    }
    if index.configuration["model_type"] == nil, let bytes = small(folder + "params.json") {
      do {
        let settings = Configuration.original(try JSON(bytes))
        index.configuration.merge(settings) { own, _ in own }
      } catch {
        index.warnings.append("params.json beside the file is ignored: \(error)")
      }
    }
    SettingNames.complete(&index.configuration)
    readQuantization(in: folder, into: &index)
    if index.vocabulary == nil, let bytes = small(folder + "meta.pkl") {
      readVocabulary(bytes, into: &index)
    }
  }

  /// Of quantizers that say it in a file of their own.
  private static func readQuantization(in folder: String, into index: inout CheckpointIndex) {
    for (name, method) in QuantizationSettings.files where index.quantization == nil {
      guard let bytes = small(folder + name) else { continue }
      do {
        index.quantization = QuantizationSettings(file: try JSON(bytes), otherwise: method)
      } catch {
        index.warnings.append("\(name) beside the file is ignored: \(error)")
      }
    }
  }

  private static func readVocabulary(_ bytes: Bytes, into index: inout CheckpointIndex) {
    do {
      guard let texts = try PickledVocabulary.read(metaPickle: bytes) else { return }
      guard index.configuration["vocab_size"].map({ $0 == String(texts.count) }) ?? true else {
        index.warnings.append("meta.pkl beside the file has another vocabulary and is ignored")
        return
      }
      index.vocabulary = texts
    } catch {
      index.warnings.append("meta.pkl beside the file is ignored: \(error)")
    }
  }

  private static func small(_ path: String) -> Bytes? {
    guard let mapping = try? Mapping(path: path), mapping.count <= limit else { return nil }
    return Bytes(mapping)
  }
}

/// What Pare writes into a checkpoint's metadata, and reads back.
enum MetadataConventions {
  static let configuration = "pare.config"
  static let vocabulary = "pare.vocabulary"
  /// The widths of a sliced network's blocks, as JSON that only the network reads.
  static let blocks = "pare.blocks"

  /// The settings that a file with this metadata will carry; empty if it carries no settings.
  static func settings(in metadata: [String: String]) -> [String: String] {
    guard let text = metadata[configuration], let json = try? JSON(Bytes(Array(text.utf8)))
    else { return [:] }
    return Configuration.flat(json)
  }

  static func read(into index: inout CheckpointIndex) {
    for (key, value) in index.metadata where SettingNames.plain.contains(key) {
      if index.configuration[key] == nil { index.configuration[key] = value }
    }
    if let text = index.metadata[configuration] {
      if let json = try? JSON(Bytes(Array(text.utf8))) {
        index.configuration.merge(Configuration.flat(json)) { $1 }
      } else {
        index.warnings.append("metadata \(configuration) is no JSON object and is ignored")
      }
    }
    if let text = index.metadata[blocks] { index.configuration[blocks] = text }
    if index.vocabulary == nil, let text = index.metadata[vocabulary] {
      index.vocabulary = (try? JSON(Bytes(Array(text.utf8))))?.strings
      if index.vocabulary == nil {
        index.warnings.append("metadata \(vocabulary) is no JSON array of text and is ignored")
      }
    }
    SettingNames.complete(&index.configuration)
  }
}

/// A network's settings as flat text.
enum Configuration {
  /// The scalar members of a JSON object; those of the objects within that are known,
  /// as `rope_scaling.factor`, and the lists that are known with commas.
  static func flat(_ json: JSON, under prefix: String = "") -> [String: String] {
    guard case .object(let members) = json else { return [:] }
    var settings: [String: String] = [:]
    for member in members {
      let key = prefix + member.key
      if let text = member.value.scalarText {
        settings[key] = text
      } else if SettingNames.nested.contains(member.key) {
        settings.merge(flat(member.value, under: key + ".")) { $1 }
      } else if SettingNames.lists.contains(member.key), let texts = member.value.scalars {
        settings[key] = texts.joined(separator: ",")
      }
    }
    return settings
  }

  /// Of `params.json`, Meta's and Mistral's own.
  static func original(_ json: JSON) -> [String: String] {
    guard case .object(let members) = json else { return [:] }
    let experts = members.first { $0.key == "moe" }.map { flat($0.value) } ?? [:]
    return SettingNames.configuration(ofMeta: flat(json).merging(experts) { own, _ in own })
  }
}
