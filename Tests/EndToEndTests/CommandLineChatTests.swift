import Foundation
import Testing

/// A question to a tiny model, from the words of the command line to what it is given.
@Suite struct CommandLineChatTests {
  /// A model whose tokenizer has printable characters and two special tokens.
  private func model(in scratch: Scratch, template: String?) throws -> String {
    let folder = scratch.url.appendingPathComponent("model")
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: Fixtures.checkpoint("families/llama")), to: folder)
    let characters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234.?Ġ")
    var vocabulary: [String: Int] = [:]
    for (id, character) in characters.enumerated() { vocabulary[String(character)] = id }
    let marks = ["<|begin|>", "<|im_end|>"].enumerated().map { place, mark in
      ["id": 60 + place, "content": mark, "special": true]
    }
    let tokenizer: [String: Any] = [
      "model": ["type": "BPE", "vocab": vocabulary, "merges": []],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "decoder": ["type": "ByteLevel"], "added_tokens": marks,
    ]
    try JSONSerialization.data(withJSONObject: tokenizer).write(
      to: folder.appendingPathComponent("tokenizer.json"))
    var config: [String: Any] = ["bos_token": "<|begin|>"]
    config["chat_template"] = template
    try JSONSerialization.data(withJSONObject: config).write(
      to: folder.appendingPathComponent("tokenizer_config.json"))
    return "model"
  }

  private static let template = """
    {{ bos_token }}{% for m in messages %}
      {% if m.role == 'system' %}
    {{ m.content }}.
      {%- else %}
    {{ m.role + m.content }}<|im_end|>
      {%- endif %}
    {% endfor %}
    {{ strftime_now('%d') }}
    """

  @Test func theModelIsAskedByItsTemplate() throws {
    let scratch = try Scratch()
    let file = try model(in: scratch, template: Self.template)
    let words = ["generate", file, "--chat", "--date", "2024-01-31", "-p", "Who?", "--tokens", "3"]
    let outcome = try Program.run(words + ["--system", "Be", "--json"], in: scratch)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.fields["prompt"] as? String == "<|begin|>Be.userWho?<|im_end|>31")
    let text = try #require(outcome.fields["text"] as? String)
    // The answer alone is shown.
    let shown = try Program.run(words + ["--system", "Be"], in: scratch)
    #expect(shown.output == text + "\n")
    // Another day is another prompt.
    let other = try Program.run(
      words.map { $0 == "2024-01-31" ? "2024-01-01" : $0 } + ["--json"], in: scratch)
    #expect(other.fields["prompt"] as? String == "<|begin|>userWho?<|im_end|>01")
  }

  @Test func whatCannotBeAskedIsSaid() throws {
    let scratch = try Scratch()
    let file = try model(in: scratch, template: "\n{% include 'a' %}")
    let words = ["generate", file, "-p", "a", "--tokens", "1"]
    let outcome = try Program.run(words + ["--chat"], in: scratch)
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    #expect(
      outcome.error
        == "pare: the chat template has {% include %} at line 2, which is not supported\n")
    for (more, sentence) in [
      (["--system", "x"], "--system needs --chat"),
      (["--date", "2024-01-31"], "--date needs --chat"),
      (["--chat", "--date", "x"], "--date is a day as 2026-01-31, not x"),
    ] {
      let outcome = try Program.run(words + more, in: scratch)
      #expect(outcome.status == 2 && outcome.error.contains(sentence), "\(outcome.error)")
    }
    let silent = try Program.run(["generate", file, "--chat"], in: scratch)
    #expect(silent.status == 2 && silent.error.contains("--chat needs a question"))
    for checkpoint in [
      Fixtures.checkpoint("families/llama"), Fixtures.checkpoint("tiny.safetensors"),
    ] {
      let outcome = try Program.run(
        ["generate", checkpoint, "--chat", "-p", "a"], in: scratch)
      #expect(outcome.status == 1, "\(outcome.error)")
    }
  }
}
