import Testing

import Tokenizers

/// Whatever a file holds, reading it gives a tokenizer or an error in a sentence.
struct HostileTokenizerTests {
  private static let small = """
    {"added_tokens":[{"id":4,"content":"<s>","special":true,"lstrip":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace",
    "pattern":{"Regex":"b+"},"content":"a"}]},
    "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":
    "\\\\p{L}+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel"}]},
    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},
    {"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"id":"<s>","ids":[4]}}},
    "decoder":{"type":"ByteLevel"},
    "model":{"type":"BPE","vocab":{"a":0,"\\u0120":1,"aa":2,"\\ud83d\\ude00":3},
    "merges":["a a"]}}
    """

  /// Reads and uses a file; says whether it could be read.
  @discardableResult
  private func survives(json bytes: [UInt8]) -> Bool {
    do throws(TokenizerError) {
      return use(try Tokenizer(try TokenizerSpec(tokenizerJSON: bytes)))
    } catch {
      #expect(!error.description.isEmpty)
      return false
    }
  }

  @discardableResult
  private func survives(model bytes: [UInt8]) -> Bool {
    do throws(TokenizerError) {
      return use(try Tokenizer(try TokenizerSpec(sentencePieceModel: bytes)))
    } catch {
      #expect(!error.description.isEmpty)
      return false
    }
  }

  private func use(_ tokenizer: Tokenizer) -> Bool {
    let ids = tokenizer.encode("<s>ab aa\u{301} ▁x\n😀", addSpecial: true, parseSpecial: true)
    _ = tokenizer.decode(ids + [-1, .max], skipSpecial: true)
    return true
  }

  @Test func theSmallFileIsRead() throws {
    let tokenizer = try Tokenizer(TokenizerSpec(tokenizerJSON: Array(Self.small.utf8)))
    #expect(tokenizer.encode("b <s>", addSpecial: true, parseSpecial: true) == [4, 1, 0, 4])
  }

  @Test func cutShortAtEveryByte() {
    let bytes = Array(Self.small.utf8)
    for count in 0..<bytes.count { #expect(!survives(json: Array(bytes[..<count]))) }
  }

  @Test func withOneByteChanged() {
    var random = SeededGenerator(seed: 71)
    let bytes = Array(Self.small.utf8)
    for position in bytes.indices {
      var changed = bytes
      changed[position] = UInt8.random(in: 0x20...0x7E, using: &random)
      survives(json: changed)
    }
  }

  @Test func aModelCutShortAtEveryByte() throws {
    // Without its trainer's part, which says that it is of pairs, it is still a model.
    let bytes = try Reference.spmRules.bytes
    for count in stride(from: 0, to: bytes.count, by: 3) { survives(model: Array(bytes[..<count])) }
  }

  @Test func aModelWithOneByteChanged() throws {
    var random = SeededGenerator(seed: 72)
    for reference in [Reference.spmRules, .spmLlama] {
      let bytes = try reference.bytes
      for _ in 0..<300 {
        var changed = bytes
        changed[Int.random(in: 0..<bytes.count, using: &random)] =
          UInt8.random(in: 0...255, using: &random)
        survives(model: changed)
      }
    }
  }

  @Test(arguments: [
    #"{}"#, #"[]"#, #"{"model":null}"#, #"{"model":{"type":"BPE"}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":4000000000},"merges":[]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":1e300},"merges":[]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":0.5},"merges":[]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}"#,
    #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}}"#,
    #"{"model":{"type":"WordLevel","vocab":{"a":0}}}"#,
    #"{"model":{"type":"WordPiece","vocab":{"a":0},"unk_token":"[UNK]"}}"#,
    #"{"model":{"type":"Unigram","vocab":[["a",0],["b"]]}}"#,
    #"{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":7}}"#,
    #"{"added_tokens":[{"id":-5,"content":"x"}],"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
    #"{"added_tokens":[{"id":9}],"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
    #"{"normalizer":{"type":"New"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#,
    #"{"normalizer":{"type":"Sequence"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#,
    #"{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"},"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
    #"{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"},"model":{"type":"BPE","vocab":{},"merges":[]}}"#,
    #"{"post_processor":{"type":"BertProcessing","sep":["x",99],"cls":["y",98]},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#,
  ])
  func refuses(_ json: String) {
    #expect(!survives(json: Array(json.utf8)))
  }

  @Test func deepJSONIsRefused() {
    for open in ["[", #"{"a":"#] {
      #expect(!survives(json: Array(String(repeating: open, count: 100_000).utf8)))
    }
    let nested = String(repeating: #"{"type":"Sequence","normalizers":["#, count: 1000)
    #expect(!survives(json: Array(("{\"normalizer\":" + nested).utf8)))
  }

  @Test func protocolBufferWithHugeLengths() {
    let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
    #expect(!survives(model: [0x0A] + huge))
    #expect(!survives(model: [0x0A, 0x7F]))
    #expect(!survives(model: [0xFF] + huge))
    #expect(!survives(model: [0x0B, 0x0C]))
    #expect(!survives(model: [0x08] + huge))
  }

  @Test func aCharacterMapThatPointsOutside() throws {
    var random = SeededGenerator(seed: 73)
    for _ in 0..<500 {
      let size = Int.random(in: 1...40, using: &random) * 4
      let map =
        [UInt8(size), 0, 0, 0] + random.bytes(size + Int.random(in: 0...20, using: &random))
      var rules = SentencePieceRules()
      rules.charsMap = try CharsMap(map, place: "test")
      _ = rules.normalized(random.bytes(60))
      _ = rules.charsMap?.normalizedByGrapheme(Array(random.text().utf8))
    }
  }

  @Test func metadataThatContradictsItself() {
    var gguf = GGUFTokenizer(model: "gpt2", tokens: ["a", "b"])
    gguf.pre = "gpt-2"
    var broken: [GGUFTokenizer] = []
    gguf.merges = ["ab"]
    broken.append(gguf)
    gguf.merges = ["a "]
    broken.append(gguf)
    gguf.merges = []
    gguf.tokenTypes = [1]
    broken.append(gguf)
    gguf.tokenTypes = []
    gguf.pre = "?"
    broken.append(gguf)
    broken.append(GGUFTokenizer(model: "llama", tokens: ["a"]))
    broken.append(GGUFTokenizer(model: "gpt2", tokens: []))
    broken.append(GGUFTokenizer(model: "rwkv", tokens: ["a"]))
    for gguf in broken {
      #expect(throws: TokenizerError.self) { _ = try Tokenizer(TokenizerSpec(gguf: gguf)) }
    }
  }

  @Test func stepsCannotBlowTextUp() throws {
    let double = #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#
    let steps = repeatElement(double, count: 30).joined(separator: ",")
    let json = """
      {"normalizer":{"type":"Sequence","normalizers":[\(steps)]},
      "model":{"type":"BPE","vocab":{"a":0},"merges":[]}}
      """
    let tokenizer = try Tokenizer(TokenizerSpec(tokenizerJSON: Array(json.utf8)))
    // 2³⁰ without a limit.
    #expect(tokenizer.encode("a").count < 1 << 22)
    #expect(!survives(json: Array(json.replacing("]}", with: ",\(steps)]}").utf8)))
  }

  @Test func longWordsTakeNoQuadraticTime() throws {
    let clock = ContinuousClock()
    for reference in [Reference.gpt2, .llama2, .t5, .bert, .spmGemma, .spmUnigramIdentity] {
      let tokenizer = try Tokenizer(try reference.spec())
      let text = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
      // Quadratic time would be minutes.
      #expect(clock.measure { _ = tokenizer.encode(text) } < .seconds(20))
    }
  }

  @Test func aModelOfCharactersNamesWhatItLacks() throws {
    var spec = TokenizerSpec(model: .longestMatch(unknown: nil))
    spec.vocabulary = ByteStrings(["a", "b", "é", "ab"].map { Array($0.utf8) })
    spec.kinds = Array(repeating: .normal, count: 4)
    let tokenizer = try Tokenizer(spec)
    #expect(tokenizer.encode("abéb") == [3, 2, 1])
    #expect(tokenizer.firstUnknown(in: "abéb") == nil)
    #expect(tokenizer.firstUnknown(in: "abc") == 2)
    #expect(tokenizer.decode([0, 2]) == "aé")
  }
}
