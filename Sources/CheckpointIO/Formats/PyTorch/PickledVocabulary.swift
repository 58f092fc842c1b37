/// Token texts as training scripts pickle them.
enum PickledVocabulary {
  /// Larger than any tokenizer's vocabulary.
  static let limit = 1 << 20

  /// `chars` (text or list), `itos` (list, or dictionary by number), or
  /// `vocabulary`, of an object with these members.
  static func read(
    _ graph: PickleGraph, _ members: [(key: String, value: PickleValue.Reference)]
  ) -> [String]? {
    for key in ["chars", "itos", "vocabulary"] {
      guard let member = members.first(where: { $0.key == key }) else { continue }
      if let texts = texts(graph, member.value) { return texts }
    }
    return nil
  }

  /// nanoGPT's `meta.pkl`.
  static func read(metaPickle bytes: Bytes) throws(CheckpointError) -> [String]? {
    let graph = try PickleInterpreter.run(bytes)
    return read(graph, graph.members(graph.root))
  }

  private static func texts(
    _ graph: PickleGraph, _ reference: PickleValue.Reference
  ) -> [String]? {
    if case .string(let characters) = graph[reference] {
      guard characters.utf8.count <= limit else { return nil }
      return characters.unicodeScalars.map { String($0) }
    }
    if let elements = graph.elements(reference) {
      guard elements.count <= limit else { return nil }
      return all(elements.map { text(graph, $0) })
    }
    var texts: [String?] = []
    for (key, value) in graph.members(reference) {
      guard let number = Int(key), number >= 0, number < limit else { return nil }
      while texts.count <= number { texts.append(nil) }
      texts[number] = text(graph, value)
    }
    return texts.isEmpty ? nil : all(texts)
  }

  private static func all(_ texts: [String?]) -> [String]? {
    let known = texts.compactMap { $0 }
    return known.count == texts.count ? known : nil
  }

  private static func text(_ graph: PickleGraph, _ reference: PickleValue.Reference) -> String? {
    if case .string(let text) = graph[reference] { return text }
    return nil
  }
}
