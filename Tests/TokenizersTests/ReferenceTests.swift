import Testing

import Tokenizers

/// Tokens are those of the Hugging Face library and of SentencePiece.
struct ReferenceTests {
  @Test(arguments: Reference.all)
  func idsAreTheLibrarys(_ reference: Reference) throws {
    let tokenizer = try Tokenizer(try reference.spec())
    let parsesSpecial = reference.kind == .json
    for item in try reference.parsedCases() {
      let ids = tokenizer.encode(item.text, parseSpecial: parsesSpecial)
      #expect(ids == item.ids, "\(String(reflecting: item.text))")
      // Again, from the cache.
      #expect(tokenizer.encode(item.text, parseSpecial: parsesSpecial) == ids)
      guard let decoded = item.decoded else { continue }
      #expect(tokenizer.decode(item.ids).utf8.elementsEqual(decoded.utf8))
    }
  }

  @Test(arguments: Reference.all)
  func streamingGivesTheSameText(_ reference: Reference) throws {
    let tokenizer = try Tokenizer(try reference.spec())
    for item in try reference.parsedCases() {
      var decoder = StreamingDecoder(tokenizer)
      var text = item.ids.map { decoder.append($0) }.joined()
      text += decoder.finish()
      #expect(text.utf8.elementsEqual(tokenizer.decode(item.ids).utf8))
    }
  }

  @Test(arguments: Reference.byteLevel)
  func bytesComeBack(_ reference: Reference) throws {
    let tokenizer = try Tokenizer(try reference.spec())
    var random = SeededGenerator(seed: 17)
    for _ in 0..<200 {
      let text = Array(random.text().utf8)
      #expect(tokenizer.decodeBytes(tokenizer.encode(text)) == text)
      let noise = random.bytes(40)
      #expect(tokenizer.decodeBytes(tokenizer.encode(noise)) == noise)
    }
  }

  @Test func randomTokensStreamAsTheyDecode() throws {
    var random = SeededGenerator(seed: 5)
    for reference in [Reference.gpt2, .llama2, .t5, .bert, .spmGemma] {
      let tokenizer = try Tokenizer(try reference.spec())
      for _ in 0..<100 {
        let ids = (0..<30).map { _ in
          Int32.random(in: -2..<Int32(tokenizer.count) + 2, using: &random)
        }
        var decoder = StreamingDecoder(tokenizer, skipSpecial: true)
        let text = ids.map { decoder.append($0) }.joined() + decoder.finish()
        #expect(text.utf8.elementsEqual(tokenizer.decode(ids, skipSpecial: true).utf8))
      }
    }
  }

  @Test func streamingHoldsBackHalfACharacter() throws {
    let tokenizer = try Tokenizer(try Reference.gpt2.spec())
    let smile = tokenizer.encode("😀")
    try #require(smile.count > 1)
    var decoder = StreamingDecoder(tokenizer)
    for id in smile.dropLast() { #expect(decoder.append(id).isEmpty) }
    #expect(decoder.append(smile[smile.count - 1]) == "😀")
    #expect(decoder.finish().isEmpty)
  }

  @Test func longTextsGiveTheTokensOfTheirWords() throws {
    // Above the length where pairs are kept in a heap, and cut or not at "▁".
    let tokenizer = try Tokenizer(try Reference.llama2.spec())
    var uncut = try Reference.llama2.spec()
    uncut.normalizers.append(.replace(.literal(Array("zz".utf8)), with: Array("z".utf8)))
    var random = SeededGenerator(seed: 3)
    let text = (0..<40).map { _ in random.text() }.joined(separator: " ")
    #expect(tokenizer.encode(text).count > 100)
    #expect(try Tokenizer(uncut).encode(text) == tokenizer.encode(text))
  }

  @Test func namesAndKindsOfTokens() throws {
    let tokenizer = try Tokenizer(try Reference.llama3.spec())
    let end = try #require(tokenizer.id(of: "<|end|>"))
    #expect(tokenizer.isSpecial(end))
    #expect(tokenizer.bytes(of: end) == Array("<|end|>".utf8))
    #expect(tokenizer.id(of: " the").map { tokenizer.bytes(of: $0) } == Array(" the".utf8))
    #expect(tokenizer.id(of: "no such token at all") == nil)
    #expect(tokenizer.bytes(of: -1).isEmpty)
    #expect(tokenizer.bytes(of: Int32(tokenizer.count)).isEmpty)
    #expect(!tokenizer.isSpecial(.max))
    #expect(tokenizer.encode("<|end|>", parseSpecial: true) == [end])
    #expect(tokenizer.encode("<|end|>", parseSpecial: false).count > 1)
    #expect(tokenizer.decode([end, tokenizer.encode("a")[0]], skipSpecial: true) == "a")
  }

  @Test func threadsMayShareATokenizer() async throws {
    let tokenizer = try Tokenizer(try Reference.o200k.spec())
    let text = "The quick brown fox doesn't jump over 1234 lazy dogs. Ünïcödé 日本語\n"
    let alone = tokenizer.encode(text)
    await withTaskGroup(of: [Int32].self) { group in
      for _ in 0..<32 { group.addTask { tokenizer.encode(text) } }
      for await ids in group { #expect(ids == alone) }
    }
  }
}
