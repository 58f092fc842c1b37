import CheckpointIO
import Tensors
import TestSupport
import Testing

/// GGUF headers: what they say, and what is refused.
@Suite struct GGUFTests {
  private func open(_ file: GGUFBytes) throws(CheckpointError) -> Checkpoint {
    try Checkpoint.open(bytes: file.bytes, name: "made")
  }

  private func sentence(_ file: GGUFBytes) -> String {
    do {
      return "opened with \(try open(file).tensors.count) tensors"
    } catch {
      return error.description
    }
  }

  @Test(arguments: [2, 3] as [UInt32])
  func everyKindOfMetadataIsRead(version: UInt32) throws {
    var file = GGUFBytes()
    file.version = version
    file.add("u8", .number(0, UInt8(200)))
    file.add("i8", .number(1, Int8(-100)))
    file.add("u16", .number(2, UInt16(60_000)))
    file.add("i16", .number(3, Int16(-30_000)))
    file.add("u32", .number(4, UInt32.max))
    file.add("i32", .number(5, Int32.min))
    file.add("f32", .number(6, Float(0.1).bitPattern))
    file.add("bool", .number(7, UInt8(1)))
    file.add("text", .text("déjà vu"))
    file.add("u64", .number(10, UInt64.max))
    file.add("i64", .number(11, Int64.min))
    file.add("f64", .number(12, 0.1.bitPattern))
    file.add("numbers", .array(3, [-1, 2, 3].map { .number(3, Int16($0)) }))
    file.add("texts", .array(8, ["a", "", "日"].map { .text($0) }))
    let inner = GGUFBytes.Value.array(4, [.number(4, UInt32(7))])
    file.add("many", .array(8, (0..<17).map { .text("\($0)") }))
    file.add("arrays", .array(9, [inner, inner]))
    let checkpoint = try open(file)
    let metadata = try #require(checkpoint.gguf)
    #expect(metadata["u8"] == .unsigned(200))
    #expect(metadata["i8"] == .signed(-100))
    #expect(metadata["u16"] == .unsigned(60_000))
    #expect(metadata["i16"] == .signed(-30_000))
    #expect(metadata["u32"] == .unsigned(UInt64(UInt32.max)))
    #expect(metadata["i32"] == .signed(Int64(Int32.min)))
    #expect(metadata["f32"] == .real(Double(Float(0.1))))
    #expect(metadata["bool"] == .bool(true))
    #expect(metadata["text"] == .text("déjà vu"))
    #expect(metadata["u64"] == .unsigned(.max))
    #expect(metadata["i64"] == .signed(.min))
    #expect(metadata["f64"] == .real(0.1))
    #expect(metadata["arrays"] == .array(count: 2))
    #expect(metadata["nothing"] == nil)
    #expect(metadata.texts("texts") == ["a", "", "日"])
    #expect(metadata.numbers("numbers") == [-1, 2, 3])
    #expect(metadata.texts("numbers") == nil && metadata.numbers("texts") == nil)
    #expect(checkpoint.metadata["numbers"] == "[-1, 2, 3]")
    #expect(checkpoint.metadata["texts"] == "[a, , 日]")
    #expect(checkpoint.metadata["many"] == "17 texts")
    #expect(checkpoint.metadata["arrays"] == "2 arrays")
    #expect(checkpoint.metadata["f32"] == "0.1")
    #expect(metadata.keys.count == 16)
  }

  @Test func namesBecomeBlocksLayersAndRoles() throws {
    let checkpoint = try open(.model())
    #expect(checkpoint.format == "gguf")
    #expect(checkpoint.blockMap.blocks.map(\.name) == ["blk.0", "blk.1"])
    #expect(checkpoint.blockMap.layers == ["attn_norm", "attn_q", "ffn_up"])
    #expect(checkpoint.blockMap.linearLayers == ["attn_q", "ffn_up"])
    let roles = checkpoint.tensors.map(\.place.role)
    #expect(roles == [.embedding, .linear, .norm, .linear, .linear, .norm, .linear, .head])
    #expect(checkpoint.configuration["model_type"] == "llama")
    #expect(checkpoint.configuration["n_layer"] == "2")
    #expect(checkpoint.configuration["vocab_size"] == "3")
    #expect(checkpoint.configuration["num_key_value_heads"] == nil)
    #expect(checkpoint.gguf?.texts("tokenizer.ggml.tokens") == ["<s>", "a", "é"])
  }

  /// The layers of llama, GPT-2, Gemma, Falcon, BERT and mixtures of experts.
  @Test func layersStandInTheOrderOfUse() throws {
    let names = [
      "ffn_down", "ffn_down_exps", "ffn_gate", "ffn_up", "ffn_gate_inp", "ffn_norm",
      "post_ffw_norm", "attn_output", "attn_v", "attn_k", "attn_q", "attn_qkv", "attn_k_norm",
      "attn_norm", "post_attention_norm",
    ]
    var file = GGUFBytes()
    for name in names {
      let shape = name.hasSuffix("norm") ? [1] : [1, 1]
      file.add("blk.0.\(name).weight", type: 0, shape, [0, 0, 0, 0])
    }
    file.add("rope_freqs.weight", type: 0, [1], [0, 0, 0, 0])
    let checkpoint = try open(file)
    #expect(
      checkpoint.blockMap.layers == [
        "attn_norm", "attn_qkv", "attn_q", "attn_k", "attn_k_norm", "attn_v", "attn_output",
        "post_attention_norm", "ffn_norm", "ffn_gate_inp", "ffn_gate", "ffn_up", "ffn_down",
        "ffn_down_exps", "post_ffw_norm",
      ])
    #expect(checkpoint.tensors.last?.place.role == .buffer)
  }

  @Test func theRowsLengthComesFirst() throws {
    var file = GGUFBytes()
    file.add("a", type: 24, [2, 3], [1, 2, 3, 4, 5, 6])
    file.add("b", type: 27, [], GGUFBytes.little(Int64(-9)))
    let checkpoint = try open(file)
    let tensor = try #require(try checkpoint.parameters["a"]?.tensor())
    #expect(tensor.shape == [2, 3] && tensor[1, 0] == 4)
    #expect(try checkpoint.parameters["b"]?.tensor().array == [-9])
  }

  @Test(arguments: [8, 64, 4096])
  func alignmentIsTheFiles(alignment: Int) throws {
    var file = GGUFBytes()
    file.alignment = alignment
    file.add("general.alignment", .number(4, UInt32(alignment)))
    for name in ["a", "b"] { file.add(name, type: 0, [1], GGUFBytes.little(Float(2).bitPattern)) }
    let checkpoint = try open(file)
    #expect(checkpoint.tensors.allSatisfy { $0.byteRange.lowerBound % alignment == 0 })
    #expect(try checkpoint.parameters["b"]?.tensor().array == [2])
  }

  @Test func headersThatNoWriterMakesAreRefused() {
    func refusal(_ change: (inout GGUFBytes) -> Void) -> String {
      var file = GGUFBytes()
      change(&file)
      return sentence(file)
    }
    #expect(refusal { $0.version = 1 }.contains("version 1, where versions 2 and 3"))
    #expect(refusal { $0.version = 3 << 24 }.contains("big-endian"))
    #expect(
      refusal { $0.add("general.alignment", .number(4, UInt32(24))) }
        .contains("not a power of two"))
    #expect(
      refusal { file in (0..<2).forEach { _ in file.add("k", .text("")) } }
        .contains("'k' is there twice"))
    #expect(refusal { $0.add("k", .number(13, UInt8(0))) }.contains("no metadata type 13"))
    #expect(
      refusal {
        $0.add("k", .array(4, [])); $0.add("t", .init(kind: 8, bytes: [255, 255]))
      }
      .contains("metadata 't' at byte"))
    #expect(
      refusal { $0.add("a", type: 0, [1], [0, 0, 0, 0], offset: 7) }
        == "tensor 'a' begins at data byte 7, no multiple of 32")
    #expect(
      refusal { $0.add("a", type: 8, [2, 33], []) }
        == "tensor 'a' has rows of 33, and Q8_0 needs multiples of 32")
    #expect(refusal { $0.add("a", type: 0, [1, 1, 1, 1, 1], []) }.contains("more than 4"))
    #expect(refusal { $0.add("a", type: 0, [2], [0, 0, 0, 0]) }.contains("ends at byte"))
    #expect(
      refusal { file in
        (0..<2).forEach { file.add("\($0)", type: 0, [1], [0, 0, 0, 0], offset: 0) }
      } == "tensors '0' and '1' overlap in the file")
    #expect(
      refusal { file in (0..<2).forEach { _ in file.add("a", type: 0, [1], [0, 0, 0, 0]) } }
        .contains("'a' is listed twice"))
    #expect(
      refusal { $0.add(String(repeating: "n", count: 8193), type: 0, [1], [0, 0, 0, 0]) }
        == "the length of a tensor's name exceeds the limit of 8,192")
    var nested = GGUFBytes.Value.array(4, [])
    for _ in 0..<4 { nested = .array(9, [nested]) }
    #expect(refusal { $0.add("k", nested) } == "the nesting of metadata 'k' exceeds the limit of 4")
  }

  @Test func unreadableTypesAreListed() throws {
    var file = GGUFBytes()
    file.add("a", type: 4, [32], [UInt8](repeating: 0, count: 40))
    file.add("b", type: 36, [1, 256], [UInt8](repeating: 0, count: 50))
    file.add("c", type: 999, [1], [0])
    let checkpoint = try open(file)
    #expect(checkpoint.tensors.map(\.dtypeName) == ["Q4_2", "IQ4_NL_4_4", "type 999"])
    #expect(checkpoint.tensors.map(\.byteRange.count) == [64, 64, 1])
    #expect(checkpoint.parameters.isEmpty)
    #expect(
      checkpoint.warnings == [
        "tensor 'a' has the type 'Q4_2', which is listed but not read; 2 more are of types that "
          + "are not read"
      ])
  }

  /// The data would begin after the file's end, but nothing has to be there.
  @Test(arguments: [0, 2, 999] as [UInt32]) func aFileMayEndWithItsHeader(type: UInt32) throws {
    var file = GGUFBytes()
    file.add("a", type: type, [0], [])
    // Magic, version and counts; name, axes, a length, type and offset.
    let header = 24 + 9 + 4 + 8 + 4 + 8
    let checkpoint = try Checkpoint.open(bytes: Array(file.bytes.prefix(header)), name: "made")
    #expect(checkpoint.tensors.map(\.byteRange) == [header..<header])
    for parameter in checkpoint.parameters { #expect(try parameter.tensor().array.isEmpty) }
  }

  /// What few bytes claim is compared with the bytes that are there.
  @Test func countsBeyondTheFileAreRefusedAtOnce() {
    for (offset, count) in [(8, UInt64.max), (8, 1 << 40), (16, .max), (16, 1 << 32)] {
      var bytes = GGUFBytes.model().bytes
      bytes.replaceSubrange(offset..<offset + 8, with: GGUFBytes.little(count))
      #expect(throws: CheckpointError.self) { try Checkpoint.open(bytes: bytes, name: "made") }
    }
  }
}
