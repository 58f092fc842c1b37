import CheckpointIO
import Tensors
import TestSupport
import Testing

/// "Nothing lost" is said only where settings, tokenizer and chat template are kept too.
@Suite struct LeftBehindTests {
  private static let settings = """
    "model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2,
    "hidden_act": "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    "rope_theta": 10000, "num_hidden_layers": 2, "hidden_size": 8, "vocab_size": 10,
    "intermediate_size": 12, "tie_word_embeddings": false
    """

  private func folder(_ more: String = "", _ tensors: [LlamaFolder.Tensor]? = nil) -> LlamaFolder {
    LlamaFolder(
      testDescription: "llama", configuration: "{\(Self.settings)\(more)}",
      tensors: tensors
        ?? LlamaFolder.outside + LlamaFolder.head
        + LlamaFolder.blocks(LlamaFolder.attention + LlamaFolder.norm + LlamaFolder.feedForward))
  }

  private func losses(_ folder: LlamaFolder) throws -> [String] {
    try folder.converted().plan.losses.map(\.description)
  }

  @Test func settingsThatTheFileHoldsAreNotLost() throws {
    #expect(try losses(folder()).isEmpty)
  }

  @Test func settingsThatItDoesNotSayAreNamed() throws {
    #expect(
      try losses(folder(#", "attention_dropout": 0.1, "use_cache": true"#))
        == ["2 pairs of metadata not held (attention_dropout, use_cache)"])
    // Without a tokenizer the numbers of its special tokens are not written.
    #expect(
      try losses(folder(#", "bos_token_id": 1"#)) == ["1 pair of metadata not held (bos_token_id)"])
  }

  @Test func aChatTemplateWithoutATokenizerIsTold() throws {
    let llama = folder()
    llama.write("chat_template.jinja", "{{ messages }}")
    #expect(try losses(llama) == ["1 pair of metadata not held (the chat template)"])
    llama.write("tokenizer.model", "?")
    #expect(
      try losses(llama) == [
        "1 pair of metadata not held (the chat template)",
        "1 pair of metadata not held (the tokenizer)",
      ])
  }

  @Test func aModelThatIsNotKnownKeepsItsSettingsAndLosesItsTokenizer() throws {
    let other = LlamaFolder(
      testDescription: "other", configuration: #"{"model_type": "nobody", "use_cache": true}"#,
      tensors: folder().tensors)
    other.write("tokenizer.json", "{}")
    #expect(try losses(other) == ["1 pair of metadata not held (the tokenizer)"])
  }

  @Test func filesBesideAreNotInOtherFormats() throws {
    let llama = folder()
    llama.write("tokenizer.json", "{}")
    llama.write("chat_template.jinja", "{{ messages }}")
    let source = try llama.open()
    let wanted = "2 files beside the checkpoint not held (tokenizer.json, chat_template.jinja)"
    let dense = try SavePlan.make(
      parameters: source.parameters, of: source, form: .dense(nil))
    #expect(dense.losses.map(\.description) == [wanted])
    #expect(dense.losses.allSatisfy { !$0.changesValues })
  }

  @Test func blocksOfDifferentWidthsAreTold() throws {
    var tensors = folder().tensors
    for (index, tensor) in tensors.enumerated() where tensor.name.contains("layers.1.mlp") {
      tensors[index].shape = tensor.shape.map { $0 == 12 ? 10 : $0 }
    }
    let notes = try folder("", tensors).converted().plan.notes
    #expect(
      notes.contains(
        "llama.cpp will refuse the file: its llama has blocks of one width, and "
          + "'model.layers.1.mlp.gate_proj.weight' is 10 × 8"), "\(notes)")
    #expect(try !folder().converted().plan.notes.contains { $0.contains("one width") })
  }
}
