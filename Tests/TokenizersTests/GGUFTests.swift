import Testing

import Tokenizers

/// Metadata of GGUF files gives the tokens that the file it was converted from gives.
struct GGUFTests {
  /// A GPT-2 vocabulary as the converter writes it.
  static func metadata(of reference: Reference, pre: String) throws -> GGUFTokenizer {
    let root = try JSONParser.parse(try reference.bytes)
    let vocabulary = try #require(root["model"]?["vocab"]?.members)
    var tokens = [String](repeating: "", count: vocabulary.count)
    for token in vocabulary { tokens[try #require(token.value.integer)] = token.key }
    for token in try #require(root["added_tokens"]?.elements)
    where token["id"]?.integer == tokens.count {
      tokens.append(try #require(token["content"]?.text))
    }
    var gguf = GGUFTokenizer(model: "gpt2", tokens: tokens)
    gguf.pre = pre
    gguf.tokenTypes = tokens.indices.map { $0 == 0 || $0 == tokens.count - 1 ? 3 : 1 }
    gguf.merges = try #require(root["model"]?["merges"]?.elements).map {
      try #require($0.elements).compactMap(\.text).joined(separator: " ")
    }
    return gguf
  }

  @Test(arguments: [
    (Reference.gpt2, "gpt-2"), (.llama3, "llama-bpe"), (.o200k, "gpt-4o"),
    (.deepseek3, "deepseek-v3"), (.smollm, "smollm"),
  ])
  func bytePairs(_ reference: Reference, _ pre: String) throws {
    let gguf = try Tokenizer(TokenizerSpec(gguf: Self.metadata(of: reference, pre: pre)))
    let json = try Tokenizer(try reference.spec())
    var random = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let text = random.text()
      #expect(gguf.encode(text) == json.encode(text), "\(String(reflecting: text))")
    }
  }

  @Test func sentencePiece() throws {
    let spec = try Reference.spmGemma.spec()
    guard case .bytePairs(let rules) = spec.model, case .scores(let scores) = rules.order else {
      Issue.record("not a model of scored pairs")
      return
    }
    var gguf = GGUFTokenizer(
      model: "llama", tokens: spec.vocabulary.map { String(decoding: $0, as: UTF8.self) })
    gguf.scores = scores
    gguf.tokenTypes = spec.kinds.map { Int($0.rawValue) }
    gguf.addsSpacePrefix = false
    let tokenizer = try Tokenizer(TokenizerSpec(gguf: gguf))
    let own = try Tokenizer(spec)
    var random = SeededGenerator(seed: 12)
    for _ in 0..<300 {
      let text = random.text()
      #expect(tokenizer.encode(text) == own.encode(text), "\(String(reflecting: text))")
    }
    #expect(tokenizer.encode("a", addSpecial: true).first == 1)
  }

  @Test func templatesFollowTheFile() throws {
    var gguf = try Self.metadata(of: .gpt2, pre: "gpt-2")
    (gguf.beginning, gguf.ending) = (0, 0)
    #expect(try TokenizerSpec(gguf: gguf).prefix.isEmpty)
    (gguf.addsBeginning, gguf.addsEnding) = (true, true)
    let spec = try TokenizerSpec(gguf: gguf)
    #expect(spec.prefix == [0] && spec.suffix == [0])
  }

  @Test func controlTokensAreKnownByName() throws {
    var gguf = try Self.metadata(of: .gpt2, pre: "gpt-2")
    let normal = gguf.tokens.count
    gguf.tokens += ["<|im_end|>", "</s>"]
    gguf.tokenTypes += [4, 1]
    for name in [nil, "Phi-3 Mini"] {
      gguf.name = name
      let tokenizer = try Tokenizer(TokenizerSpec(gguf: gguf))
      let ids = tokenizer.encode("<|im_end|>  </s>", parseSpecial: true)
      #expect(ids.first == Int32(normal) && ids.last == Int32(normal) + 1)
      #expect((ids.count == 2) == (name != nil))
      #expect(tokenizer.encode("<|im_end|>").count > 1)
    }
  }

  @Test func everyNamedSplitCompiles() throws {
    let names = [
      "default", "llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "deepseek-llm",
      "deepseek-coder", "deepseek-v3", "falcon", "mpt", "starcoder", "gpt-2", "phi-2", "jais-2",
      "refact", "command-r", "qwen2", "qwen35", "stablelm2", "olmo", "dbrx", "smaug-bpe",
      "poro-chat", "chatglm-bpe", "glm4", "viking", "jais", "tekken", "smollm", "codeshell",
      "bloom", "exaone", "exaone-moe", "chameleon", "minerva-7b", "gpt-4o", "llama4", "superbpe",
      "tiny_aya", "youtu", "bailingmoe", "seed-coder", "hunyuan", "kimi-k2", "minicpm5", "laguna",
      "ufakzeka", "grok-2", "gemma4", "modern-bert", "roberta-bpe",
    ]
    for name in names {
      let split = try LlamaCppSplit(name: name)
      for pattern in split.patterns { _ = try Pattern(pattern, place: name) }
    }
    #expect(throws: TokenizerError.self) { _ = try LlamaCppSplit(name: "none of these") }
  }
}
