import CheckpointIO
import Foundation
import Jobs
import TestSupport
import Testing
import Tokenizers
import Transformers
import Workspace

/// Measurements of models with families of their own, from files as people have them.
@Suite struct ModelMeasuringTests {
  private let folder = TemporaryFolder()
  private static let llama = SharedData.packageRoot + "/Checkpoints/families/llama"

  private struct Expected: Decodable {
    let ids: [Int]
    let nll: Double
  }

  private func expected() throws -> Expected {
    try JSONDecoder().decode(
      Expected.self,
      from: Data(contentsOf: URL(fileURLWithPath: Self.llama + "/expected.json")))
  }

  private func evaluate(
    _ words: String, of checkpoint: Checkpoint? = nil, protocol rule: EvaluationProtocol = .windows,
    context: Int? = nil
  ) throws -> Transformers.Evaluation {
    let path = try folder.write(Array(words.utf8), to: "tokens")
    let checkpoint = try checkpoint ?? Checkpoint.open(Self.llama)
    return try Headless.evaluate(
      checkpoint, on: .tokens(path), protocol: rule, context: context, in: JobContext()
    ).evaluation
  }

  @Test func tokenNumbersGiveTheReferenceLoss() throws {
    let expected = try expected()
    let words = expected.ids.map(String.init).joined(separator: "\n ")
    for rule in [EvaluationProtocol.text, .windows] {
      let found = try evaluate(words, protocol: rule)
      #expect(abs(found.loss - expected.nll) < 1e-5 * expected.nll)
      #expect(found.tokens == expected.ids.count - 1)
    }
    // Second halves of whole windows.
    let halves = try evaluate(words + " 9 9", protocol: .llamaCpp, context: 6)
    #expect(halves.tokens == 2 * 2 && halves.context == 6)
    #expect(halves.loss.isFinite)
  }

  private func sentence(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func whatCannotBeMeasuredIsSaid() throws {
    let outside = sentence { _ = try evaluate("1 2 64 3") }
    #expect(outside == "Token 64 at position 2 is outside the vocabulary of 64.")
    #expect(sentence { _ = try evaluate("1 two") } == "tokens: word 2 is no token number")
    #expect(
      sentence { _ = try evaluate("7") }
        == "tokens is too short: at least 2 tokens are needed to measure")
    #expect(
      sentence { _ = try evaluate("1 2 3", context: 4096) }
        == "4096 tokens are more than the context of 128.")
  }

  /// A model that a tokenizer lies beside; `count` tokens of one character each.
  private func model(tokens count: Int) throws -> Checkpoint {
    let model = folder.path + "/model\(count)"
    try FileManager.default.copyItem(atPath: Self.llama, toPath: model)
    let characters = (0..<count).map { (String(Unicode.Scalar(UInt8(33 + $0))), $0) }
    let vocabulary = String(
      decoding: try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: characters)),
      as: UTF8.self)
    let json =
      #"{"model":{"type":"BPE","vocab":\#(vocabulary),"merges":[]},"#
      + #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},"#
      + #""decoder":{"type":"ByteLevel"},"added_tokens":[]}"#
    try Data(json.utf8).write(to: URL(fileURLWithPath: model + "/tokenizer.json"))
    return try Checkpoint.open(model)
  }

  @Test func aTokenizerBesideTheModelIsUsed() throws {
    let checkpoint = try model(tokens: 50)
    let text = try folder.write(Array("0123456789".utf8), to: "text")
    let found = try Headless.evaluate(checkpoint, on: .file(text), in: JobContext())
    #expect(found.measuredOn == "text, 9 tokens")
    let numbers = try evaluate((15...24).map(String.init).joined(separator: " "), protocol: .text)
    #expect(found.evaluation.loss == numbers.loss)
    let written = try Headless.write(
      with: checkpoint.model, of: checkpoint, prompt: .text("012"), count: 5,
      sampling: Sampling(temperature: 0), in: JobContext())
    #expect(written.tokens.count == 5)
    #expect(written.text.count == written.tokens.count { $0 < 50 })
  }

  /// What a model is given of a conversation, and where it ends.
  @Test func aConversationIsWrittenByItsTemplate() throws {
    let date = try #require(ChatDate("2026-01-31"))
    let asked = Prompt.conversation(Conversation(system: "01", question: "234", date: date))
    let plain = try model(tokens: 50)
    let path = try #require(plain.path)
    let place = path[..<(try #require(path.lastIndex(of: "/")))]
    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(place)/\(name)"))
    }
    func answer(_ prompt: Prompt) throws -> (prompt: String, tokens: [Int]) {
      let checkpoint = try Checkpoint.open(path)
      let written = try Headless.write(
        with: checkpoint.model, of: checkpoint, prompt: prompt, count: 20,
        sampling: Sampling(temperature: 0), in: JobContext())
      return (written.prompt, written.tokens)
    }
    #expect(
      sentence { _ = try answer(asked) }
        == "the checkpoint has no chat template, in its file or beside it")
    let template = "{% for m in messages %}{{ m.role[0] | upper }}{{ m.content }}{% endfor %}A"
    try write(
      #"{"chat_template": [{"name": "x", "template": "X"}, "#
        + #"{"name": "default", "template": "\#(template)"}]}"#, "tokenizer_config.json")
    let first = try answer(asked)
    #expect(first.prompt == "S01U234A")
    // The same tokens as the text it is written as.
    #expect(try answer(.text("S01U234A")).tokens == first.tokens)
    // A file of its own goes before the configuration.
    try write("{{ raise_exception('not ' + messages[1].content) }}", "chat_template.jinja")
    #expect(
      sentence { _ = try answer(asked) }
        == "the chat template refuses this conversation at line 1: not 234")
    try write(template, "chat_template.jinja")
    // Ended by config.json's own.
    #expect((8..<20).contains(first.tokens.count) && !first.tokens.contains(2))
    // Whatever of a list of end tokens comes first ends it.
    let (early, late) = (first.tokens[3], first.tokens[6])
    try write(#"{"eos_token_id": [\#(late), \#(early), 99999]}"#, "generation_config.json")
    let end = try #require(first.tokens.firstIndex { $0 == early || $0 == late })
    #expect(try answer(asked).tokens == Array(first.tokens[..<end]))
    try write(#"{"eos_token_id": \#(late)}"#, "generation_config.json")
    let other = try #require(first.tokens.firstIndex(of: late))
    #expect(try answer(asked).tokens == Array(first.tokens[..<other]))
  }

  @Test func aTokenizerThatDoesNotFitIsRefused() throws {
    let checkpoint = try model(tokens: 70)
    let text = try folder.write(Array("0123456789".utf8), to: "text")
    #expect(
      sentence { _ = try Headless.evaluate(checkpoint, on: .file(text), in: JobContext()) }
        == "its tokenizer has a token 69 where the model has 64 tokens")
  }
}
