/// What someone said in a conversation.
public struct ChatMessage: Sendable, Equatable {
  /// `system`, `user` or `assistant`.
  public let role: String
  public let content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// How a model is shown a conversation: a template in Jinja's language, as
/// `tokenizer_config.json`, `chat_template.jinja` and GGUF metadata have it, with what
/// transformers adds to the language: `raise_exception`, `strftime_now`, `{% generation %}`,
/// `{% break %}` and `{% continue %}`.
///
/// Of Jinja 3.1 there is what the templates of model families use, with Python's values and
/// their methods; what there is not is an error with its place. No template runs for ever:
/// steps, depth and sizes are limited.
public struct ChatTemplate: Sendable {
  private let statements: [TemplateStatement]

  /// Throws `.malformed`, `.unsupported` or `.limitExceeded`.
  public init(_ source: String) throws(ChatTemplateError) {
    statements = try TemplateParser.statements(of: source)
  }

  /// The text of a conversation, up to where the model's answer begins. `tokens` are the
  /// texts of special tokens by the names that templates know: `bos_token`, `eos_token`.
  public func render(
    _ messages: [ChatMessage], tokens: [String: String] = [:], on date: ChatDate
  ) throws(ChatTemplateError) -> String {
    var variables = tokens.mapValues { TemplateValue.string($0) }
    variables["messages"] = .list(
      messages.map { .members(["role": .string($0.role), "content": .string($0.content)]) })
    variables["tools"] = TemplateValue.none
    variables["documents"] = TemplateValue.none
    variables["add_generation_prompt"] = .bool(true)
    return try render(variables, on: date)
  }

  /// What the template writes with these variables.
  package func render(
    _ variables: [String: TemplateValue], on date: ChatDate
  ) throws(ChatTemplateError) -> String {
    try TemplateInterpreter.render(statements, variables, on: date)
  }
}

extension TokenizerSpec {
  /// The texts of the special tokens, by the names that chat templates know.
  public var specialTexts: [String: String] {
    let ids = [
      "bos_token": beginning, "eos_token": ending, "pad_token": padding,
      "unk_token": model.unknown,
    ]
    return ids.compactMapValues { id in
      guard let id else { return nil }
      let added = addedTokens.first { $0.id == id }?.content
      let known = vocabulary.indices.contains(Int(id)) ? Array(vocabulary[Int(id)]) : []
      return String(decoding: added ?? known, as: UTF8.self)
    }
  }
}
