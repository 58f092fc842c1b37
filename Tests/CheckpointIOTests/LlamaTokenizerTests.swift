import CheckpointIO
import Foundation
import TestSupport
import Testing

/// Tokenizers of Hugging Face folders in GGUF files.
@Suite struct LlamaTokenizerTests {
  private static let prefix = "tokenizer.ggml."

  private func metadata(
    _ tokenizer: String?, _ settings: String? = nil
  ) throws -> (metadata: GGUFMetadata, notes: [String]) {
    let model = LlamaFolder(
      testDescription: "llama", configuration: LlamaFolder.llama.configuration,
      tensors: LlamaFolder.llama.tensors)
    let (plan, _, file) = try model.converted(tokenizer: tokenizer, settings: settings)
    return (try #require(file.gguf), plan.notes)
  }

  private static let byteLevel = """
    {"added_tokens": [{"id": 6, "content": "<|end|>", "special": false},
                      {"id": 7, "content": "<tool>", "special": false},
                      {"id": 0, "content": "<s>", "special": true}],
     "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
     "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3, "\\u0120a": 5,
               "\\u0120": 4}, "merges": ["a b", "\\u0120 a"]}}
    """

  @Test func aByteLevelTokenizerIsWritten() throws {
    let (metadata, notes) = try metadata(
      Self.byteLevel,
      #"{"bos_token": {"content": "<s>"}, "eos_token": "<|end|>", "add_bos_token": true, "#
        + #""chat_template": [{"name": "x", "template": "1"}, {"name": "default", "template": "2"}]}"#
    )
    #expect(metadata["tokenizer.ggml.model"] == .text("gpt2"))
    #expect(metadata["tokenizer.ggml.pre"] == .text("gpt-2"))
    #expect(
      metadata.texts("tokenizer.ggml.tokens")
        == ["<s>", "a", "b", "ab", "\u{120}", "\u{120}a", "<|end|>", "<tool>", "[PAD8]", "[PAD9]"])
    #expect(metadata.numbers("tokenizer.ggml.token_type") == [3, 1, 1, 1, 1, 1, 3, 4, 5, 5])
    #expect(metadata.texts("tokenizer.ggml.merges") == ["a b", "\u{120} a"])
    #expect(metadata["tokenizer.ggml.bos_token_id"] == .unsigned(0))
    #expect(metadata["tokenizer.ggml.eos_token_id"] == .unsigned(6))
    #expect(metadata["tokenizer.ggml.add_bos_token"] == .bool(true))
    #expect(metadata["tokenizer.ggml.add_eos_token"] == .bool(false))
    #expect(metadata["tokenizer.chat_template"] == .text("2"))
    #expect(notes.contains { $0.hasPrefix("2 rows of the embedding have no token") })
  }

  @Test func aSentencePieceTokenizerIsWritten() throws {
    let (metadata, _) = try metadata(
      """
      {"added_tokens": [{"id": 0, "content": "<unk>", "special": true},
                        {"id": 1, "content": "<s>", "special": true},
                        {"id": 9, "content": "\\u2581\\u2581", "special": false}],
       "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "x"},
                      {"type": "Replace", "pattern": {"String": " "}, "content": "x"}]},
       "post_processor": {"type": "TemplateProcessing", "single": [
         {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A"}}]},
       "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
         "vocab": {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "a": 3, "b": 4, "bb": 5, "abb": 6, "ab": 7},
         "merges": [["b", "b"], ["a", "b"], ["a", "bb"], ["ab", "b"]]}}
      """, #"{"bos_token": "<s>", "unk_token": "<unk>"}"#)
    #expect(metadata["tokenizer.ggml.model"] == .text("llama"))
    #expect(
      metadata.texts("tokenizer.ggml.tokens")
        == ["<unk>", "<s>", "<0x0A>", "a", "b", "bb", "abb", "ab", "[PAD8]", "  "])
    #expect(metadata.numbers("tokenizer.ggml.token_type") == [2, 3, 6, 1, 1, 1, 1, 1, 5, 4])
    let scores = try #require(metadata.numbers("tokenizer.ggml.scores"))
    // The merge that comes first has the best score.
    #expect(scores[5] == 0 && scores[7] == -1 && scores[6] == -2 && scores[3] < scores[6])
    #expect(metadata["tokenizer.ggml.add_space_prefix"] == .bool(true))
    #expect(metadata["tokenizer.ggml.add_bos_token"] == .bool(true))
    #expect(metadata["tokenizer.ggml.unknown_token_id"] == .unsigned(0))
  }

  @Test func aUnigramTokenizerIsWritten() throws {
    let (metadata, _) = try metadata(
      """
      {"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "never"},
       "model": {"type": "Unigram", "unk_id": 1, "vocab": [["a", -1.5], ["<unk>", 0], ["b", -2]]}}
      """)
    #expect(metadata["tokenizer.ggml.model"] == .text("t5"))
    #expect(metadata.numbers("tokenizer.ggml.scores")?.prefix(3) == [-1.5, 0, -2])
    #expect(metadata.numbers("tokenizer.ggml.token_type")?.prefix(3) == [1, 2, 1])
    #expect(metadata["tokenizer.ggml.add_space_prefix"] == .bool(false))
  }

  /// Two ways to write é, which Swift takes for one text.
  @Test func tokensDifferByTheirBytes() throws {
    let (metadata, _) = try metadata(
      #"{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "merges": [], "vocab": "#
        + #"{"\u00e9": 0, "e\u0301": 1, "x": 2}}}"#)
    let tokens = try #require(metadata.texts("tokenizer.ggml.tokens"))
    #expect(Array(tokens[0].utf8) == [0xC3, 0xA9] && Array(tokens[1].utf8) == [0x65, 0xCC, 0x81])
    #expect(Set(tokens.map { Array($0.utf8) }).count == tokens.count)
  }

  @Test func noTextStandsTwice() throws {
    let (metadata, notes) = try metadata(
      #"{"pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": [{"id": 3, "content": "a"}, "#
        + #"{"id": 12, "content": "z"}], "model": {"type": "BPE", "merges": [], "#
        + #""vocab": {"a": 0, "b": 1, "[PAD2]": 5, "c": 1}}}"#)
    let tokens = try #require(metadata.texts("tokenizer.ggml.tokens"))
    #expect(tokens.count == 10 && Set(tokens).count == 10)
    #expect(tokens[3] == "a" && tokens[1] == "c" && tokens[2] == "[[PAD2]]")
    #expect(notes.contains { $0.hasPrefix("1 tokens of tokenizer.json are left out") })
  }

  static let names = [
    ("gpt-2", #"{"type": "ByteLevel", "use_regex": true}"#),
    ("gpt-2", #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}]}"#),
    (
      "smollm",
      #"{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, "#
        + #"{"type": "ByteLevel", "use_regex": true}]}"#
    ),
    (
      "llama-bpe", split(#"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"#)
    ),
    ("qwen2", split(#"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"#)),
    ("default", split("x+")),
    (
      "default",
      #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}"#
    ),
  ]

  private static func split(_ start: String) -> String {
    let rest = #"| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"#
    return #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ""#
      + start + rest + #""}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "#
      + #""add_prefix_space": false, "use_regex": false}]}"#
  }

  @Test(arguments: names) func thePreTokenizerHasLlamaCppsName(_ name: String, _ json: String)
    throws
  {
    let (metadata, notes) = try metadata(
      #"{"pre_tokenizer": \#(json), "model": {"type": "BPE", "ignore_merges": true, "merges": [], "#
        + #""vocab": {"a": 0}}}"#)
    #expect(metadata["tokenizer.ggml.pre"] == .text(name))
    #expect(notes.contains { $0.contains("is not known") } == (name == "default"))
  }

  @Test func withoutATokenizerItIsSaid() throws {
    let (metadata, notes) = try metadata(nil)
    #expect(metadata["tokenizer.ggml.model"] == .text("none"))
    #expect(metadata["tokenizer.ggml.tokens"] == nil)
    #expect(notes.contains { $0.hasPrefix("there is no tokenizer.json") })
    let words = try self.metadata(#"{"model": {"type": "WordPiece", "vocab": {"a": 0}}}"#)
    #expect(words.metadata["tokenizer.ggml.model"] == .text("none"))
    #expect(words.notes.contains { $0.contains("'WordPiece'") })
  }

  @Test(arguments: [
    ("{", "invalid JSON"), ("[]", "no model"),
    (#"{"model": {"vocab": 3, "merges": []}}"#, "characters"),
    (#"{"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": []}}"#, "no object"),
    (
      #"{"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": -1}}}"#,
      "'a' has no number"
    ),
    (
      #"{"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 1}}}"#,
      "no merges"
    ),
    (
      #"{"decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {}, "merges": [3]}}"#,
      "merge 0"
    ),
    (#"{"model": {"type": "Unigram", "vocab": [["a", "x"]]}}"#, "piece 0"),
    (
      #"{"added_tokens": [{"id": 1e9}], "model": {"type": "Unigram", "vocab": []}}"#,
      "added token 0"
    ),
  ])
  func damagedTokenizersAreRefused(_ json: String, _ part: String) throws {
    do {
      let notes = try metadata(json).notes
      #expect(notes.contains { $0.contains(part) })
    } catch let error as CheckpointError {
      #expect(error.description.contains("tokenizer.json"))
      #expect(error.description.contains(part), "\(error)")
    }
  }

  private static let smollm2 = ProcessInfo.processInfo.environment["PARE_SMOLLM2"]

  /// SmolLM2's tokenizer, made a tokenizer.json of, comes back as it was.
  @Test(.enabled(if: smollm2 != nil)) func aRealTokenizerComesBack() throws {
    let path = try #require(Self.smollm2)
    let original = try #require(try Checkpoint.open(path).gguf)
    let tokens = try #require(original.texts(Self.prefix + "tokens"))
    let kinds = try #require(original.numbers(Self.prefix + "token_type"))
    let added: [[String: Any]] = tokens.indices.filter { kinds[$0] == 3 }.map {
      ["id": $0, "content": tokens[$0], "special": true]
    }
    let json: [String: Any] = [
      "added_tokens": added,
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [
          ["type": "Digits", "individual_digits": true], ["type": "ByteLevel", "use_regex": true],
        ],
      ],
      "model": [
        "type": "BPE", "merges": original.texts(Self.prefix + "merges") ?? [],
        "vocab": Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) }),
      ],
    ]
    let text = String(
      decoding: try JSONSerialization.data(withJSONObject: json), as: UTF8.self)
    let model = LlamaFolder(
      testDescription: "llama", configuration: LlamaFolder.llama.configuration,
      tensors: LlamaFolder.llama.tensors.map {
        $0.name.contains("embed") || $0.name.contains("head")
          ? ($0.name, $0.other, [tokens.count, 8]) : $0
      })
    let file = try #require(try model.converted(tokenizer: text).file.gguf)
    for key in ["tokens", "merges"] {
      #expect(file.texts(Self.prefix + key) == original.texts(Self.prefix + key))
    }
    #expect(file.numbers(Self.prefix + "token_type") == kinds)
    #expect(file[Self.prefix + "pre"] == original[Self.prefix + "pre"])
  }
}
