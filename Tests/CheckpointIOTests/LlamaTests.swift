import CheckpointIO
import Tensors
import TestSupport
import Testing

/// GGUF files made of Hugging Face folders, as llama.cpp asks for them.
@Suite struct LlamaTests {
  @Test(arguments: LlamaFolder.all) func namesAreLlamaCpps(_ model: LlamaFolder) throws {
    let (plan, _, file) = try model.converted()
    #expect(plan.omissions.isEmpty)
    let added = file.parameters.filter { parameter in
      !model.tensors.contains { $0.other == parameter.name }
    }
    // GPT-2's biases that are not there.
    #expect(added.allSatisfy { model.testDescription == "gpt2" && $0.place.role == .bias })
    for tensor in model.tensors {
      let parameter = try #require(file.parameters[tensor.other], "\(tensor.other)")
      #expect(parameter.shape.count == tensor.shape.reduce(1, *))
    }
    // Experts are stacked in the file.
    let stacks = plan.entries.filter { $0.name.contains("_exps.weight") }
    #expect(stacks.allSatisfy { $0.shape.dimensions.count == 3 && $0.shape.dimensions[0] == 3 })
    #expect(stacks.isEmpty == !model.tensors.contains { $0.other.contains("_exps.") })
    #expect(file.gguf?["general.architecture"] == .text(architecture(of: model)))
  }

  private func architecture(of model: LlamaFolder) -> String {
    model.testDescription == "mixtral" ? "llama" : model.testDescription
  }

  @Test(arguments: LlamaFolder.all) func valuesAreTheSame(_ model: LlamaFolder) throws {
    let (_, source, file) = try model.converted()
    let expected = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0.other) })
    for (first, second) in [(source, file), (file, source)] {
      let matching = ParameterMatching(first, second)
      #expect(matching.pairs.count == model.tensors.count)
      for pair in matching.pairs {
        let names = [pair.first.name, pair.second.name]
        #expect(names.contains { name in expected[name].map { names.contains($0) } ?? false })
        let tensors = try pair.tensors(threads: 2, shouldStop: { false })
        #expect(
          tensors.first.array.map(\.bitPattern) == tensors.second.array.map(\.bitPattern),
          "\(pair.first.name)")
      }
    }
  }

  /// Row h d + 2 j + s in GGUF is row h d + s d/2 + j in safetensors.
  @Test func rowsOfQueriesAndKeysAreReordered() throws {
    let (plan, source, file) = try LlamaFolder.llama.converted()
    for (name, other, heads) in [("q_proj", "attn_q", 4), ("k_proj", "attn_k", 2)] {
      let from = try #require(
        try source.parameters["model.layers.1.self_attn.\(name).weight"]?.tensor())
      let to = try #require(try file.parameters["blk.1.\(other).weight"]?.tensor())
      for (head, pair, half) in [(0, 0, 1), (heads - 1, 1, 0), (heads - 1, 1, 1), (0, 1, 0)] {
        for column in 0..<8 {
          #expect(
            to[head * 4 + 2 * pair + half, column] == from[head * 4 + half * 2 + pair, column])
        }
      }
    }
    #expect(plan.notes.contains { $0.contains("4 query and key tensors") })
    let again = try GGUFPlan.make(parameters: file.parameters, of: file, storage: .own)
    try again.write(to: LlamaFolder.llama.folder.file("again.gguf"))
    #expect(
      TemporaryFolder.bytes(LlamaFolder.llama.folder.file("again.gguf"))
        == TemporaryFolder.bytes(LlamaFolder.llama.folder.file("a.gguf")))
  }

  @Test func settingsAreThoseOfTheFolder() throws {
    func check(_ model: LlamaFolder, _ prefix: String, _ counts: [String: UInt64]) throws {
      let metadata = try #require(try model.converted().file.gguf)
      for (key, count) in counts {
        #expect(metadata["\(prefix).\(key)"] == .unsigned(count), "\(prefix).\(key)")
      }
    }
    let common: [String: UInt64] = [
      "block_count": 2, "context_length": 64, "embedding_length": 8, "attention.head_count": 4,
      "attention.head_count_kv": 2, "attention.key_length": 4, "attention.value_length": 4,
      "rope.dimension_count": 4, "vocab_size": 10,
    ]
    try check(LlamaFolder.llama, "llama", common.merging(["feed_forward_length": 12]) { $1 })
    try check(
      LlamaFolder.mixtral, "llama",
      common.merging(["feed_forward_length": 6, "expert_count": 3, "expert_used_count": 2]) { $1 })
    try check(
      LlamaFolder.all[6], "qwen2moe",
      ["expert_feed_forward_length": 6, "expert_shared_feed_forward_length": 10])
    try check(
      LlamaFolder.gpt2, "gpt2",
      [
        "block_count": 2, "context_length": 16, "attention.head_count": 2,
        "feed_forward_length": 32,
      ])
    let llama = try #require(try LlamaFolder.llama.converted().file.gguf)
    #expect(llama["llama.rope.freq_base"] == .real(20000))
    #expect(llama["llama.attention.layer_norm_rms_epsilon"] == .real(Double(Float(1e-5))))
    #expect(llama["general.file_type"] == .unsigned(0))
    let gemma = try #require(try LlamaFolder.gemma.converted().file.gguf)
    #expect(gemma["gemma3.attention.sliding_window"] == .unsigned(16))
    #expect(gemma.numbers("gemma3.attention.sliding_window_pattern") == [0, 1])
    #expect(gemma["gemma3.rope.freq_base_swa"] == .real(1000))
  }

  private func edited(_ model: LlamaFolder, _ old: String, _ new: String) -> LlamaFolder {
    LlamaFolder(
      testDescription: model.testDescription,
      configuration: model.configuration.split(separator: old, omittingEmptySubsequences: false)
        .joined(separator: new),
      tensors: model.tensors)
  }

  @Test func matricesTakeTheTypeAskedFor() throws {
    for (storage, type) in [(GGUFStorage.values(.f16), "F16"), (.values(.bf16), "BF16")] {
      let (plan, _, file) = try LlamaFolder.mixtral.converted(storage: storage)
      for entry in plan.entries {
        let isWide = entry.shape.dimensions.count == 1 || entry.name.contains("ffn_gate_inp")
        #expect(entry.type == (isWide ? "F32" : type), "\(entry.name)")
      }
      #expect(file.gguf?["general.file_type"] == .unsigned(type == "F16" ? 1 : 32))
    }
  }

  @Test func aTiedHeadIsNotWrittenTwice() throws {
    let tied = edited(.llama, #""tie_word_embeddings": false"#, #""tie_word_embeddings": true"#)
    let source = try tied.open()
    let embedding = try #require(try source.parameters["model.embed_tokens.weight"]?.tensor())
    let head = try #require(source.parameters["lm_head.weight"])
    let plan = try GGUFPlan.make(
      parameters: source.parameters.replacing([
        head.replacing(embedding, grid: nil, mask: nil)
      ]), of: source, storage: .own)
    #expect(!plan.entries.contains { $0.name == "output.weight" })
    #expect(plan.omissions.isEmpty && !plan.losses.contains { $0.kind == .place })
    #expect(plan.notes.contains { $0.contains("lm_head.weight") })
  }

  @Test func biasesThatAreMissingAreZeros() throws {
    let (plan, _, file) = try LlamaFolder.gpt2.converted()
    #expect(plan.notes.contains { $0.hasPrefix("11 biases of zeros are written") })
    for name in ["blk.1.ffn_up.bias", "blk.0.attn_norm.bias", "output_norm.bias"] {
      #expect(try file.parameters[name]?.tensor().array.allSatisfy { $0 == 0 } == true, "\(name)")
    }
    let bias = try #require(file.parameters["blk.0.attn_qkv.bias"])
    #expect(try bias.tensor().array.contains { $0 != 0 })
  }

  /// Wavelengths of frequencies 1, 1/100 at base 10,000: of 32 positions, 5 turns and 0.05.
  @Test func llama3sFrequenciesAreWritten() throws {
    let scaled = edited(
      .llama, #""rope_theta": 20000.0"#,
      #""rope_theta": 10000, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "#
        + #""low_freq_factor": 1.0, "high_freq_factor": 4.0, "#
        + #""original_max_position_embeddings": 32}"#)
    let (plan, _, file) = try scaled.converted()
    #expect(try file.parameters["rope_freqs.weight"]?.tensor().array == [1, 8])
    #expect(plan.notes.contains { $0.hasPrefix("rope_freqs.weight is written") })
  }

  @Test func gemmasScoresAreScaledByItsNorms() throws {
    let wide = edited(.gemma, #""query_pre_attn_scalar": 4"#, #""query_pre_attn_scalar": 16"#)
    let (plan, source, file) = try wide.converted()
    let name = "model.layers.0.self_attn.q_norm.weight"
    let from = try #require(try source.parameters[name]?.tensor().array)
    let to = try #require(try file.parameters["blk.0.attn_q_norm.weight"]?.tensor().array)
    #expect(zip(from, to).allSatisfy { ($0 + 1) / 2 == $1 })
    #expect(plan.notes.contains { $0.contains("multiplied by 0.5") })
  }

  @Test func whatLlamaCppDoesNotKnowKeepsItsNames() throws {
    let other = edited(.llama, #""llama""#, #""zebra""#)
    let (plan, source, file) = try other.converted()
    #expect(file.parameters.map(\.name) == source.parameters.map(\.name))
    #expect(plan.notes.count == 1 && plan.notes[0].contains("'zebra'"))
    #expect(plan.notes[0].hasSuffix("llama.cpp will not load the file"))
  }

  @Test func whatHasNoPlaceIsLeftOut() throws {
    let model = LlamaFolder(
      testDescription: "llama", configuration: LlamaFolder.llama.configuration,
      tensors: LlamaFolder.llama.tensors.dropLast(2) + [
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "", [2]),
        ("model.layers.1.self_attn.extra.weight", "", [2, 2]),
      ])
    let (plan, _, _) = try model.converted()
    #expect(plan.omissions.count == 1)
    #expect(plan.omissions[0].contains("inv_freq") && plan.omissions[0].contains("no place"))
    #expect(plan.losses.contains { $0.kind == .place && $0.count == 2 })
    #expect(
      plan.notes.contains { $0.contains("will refuse the file") && $0.contains("blk.1.ffn_down") })
  }

  @Test(arguments: [
    (#""num_attention_heads": 4"#, #""num_attention_heads": "many""#, "many, which is no count"),
    (
      #""num_attention_heads": 4"#, #""num_attention_heads": 3"#,
      "3 heads of 4 cannot share 2 heads of keys"
    ),
    (#""num_attention_heads": 4"#, #""num_attention_heads": 16"#, "keys"),
    (
      #""num_attention_heads": 4"#, #""num_attention_heads": 2"#,
      "q_proj.weight is 16 × 8 and should be 8 × 8"
    ),
    (#""num_attention_heads": 4"#, #""num_attention_heads": 99999999999"#, "no count"),
    (#""num_attention_heads": 4,"#, "", "no setting says num_attention_heads"),
    (
      #""num_key_value_heads": 2"#, #""num_key_value_heads": 3"#,
      "4 heads of 4 cannot share 3 heads of keys"
    ),
    (#""max_position_embeddings": 64,"#, "", "no setting says max_position_embeddings"),
    (#""rms_norm_eps": 1e-5"#, #""rms_norm_eps": -1"#, "its norms have an ε of -1"),
    (#""rope_theta": 20000.0"#, #""rope_theta": 1e999"#, "1e999, which is no number"),
    (#""rope_theta": 20000.0"#, #""rope_theta": -1"#, "from a base of -1.0, which cannot be"),
  ])
  func settingsThatMakeNoSenseAreRefused(_ old: String, _ new: String, _ part: String) throws {
    let error = #expect(throws: CheckpointError.self) { try edited(.llama, old, new).converted() }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }
}

/// Stacks of experts in GGUF files.
@Suite struct ExpertStackTests {
  private func file(_ tensors: [(String, [Int])]) throws -> Checkpoint {
    var file = GGUFBytes()
    var next: UInt8 = 0
    for (name, shape) in tensors {
      let bytes = (0..<4 * shape.reduce(1, *)).map { _ in
        next = next &* 31 &+ 7
        return next & 0x3F
      }
      file.add(name, type: 0, shape, bytes)
    }
    return try Checkpoint.open(bytes: file.bytes, name: "made")
  }

  @Test func expertsAreMatricesOfTheirOwn() throws {
    let checkpoint = try file([("blk.1.ffn_up_exps.weight", [3, 4, 5]), ("a", [2])])
    #expect(
      checkpoint.parameters.map(\.name)
        == (0..<3).map { "blk.1.ffn_up_exps.\($0).weight" } + ["a"])
    #expect(checkpoint.parameters.prefix(3).allSatisfy { $0.shape == [4, 5] })
    #expect(checkpoint.parameters.map(\.place.expert) == [0, 1, 2, nil])
    #expect(checkpoint.parameters[0].place.kind == "ffn_up_exps.*")
    let ranges = checkpoint.tensors.prefix(3).map(\.byteRange)
    #expect(ranges[0].upperBound == ranges[1].lowerBound && ranges[1].count == 80)
  }

  @Test func theyAreStackedAgain() throws {
    let folder = TemporaryFolder()
    let checkpoint = try file([
      ("b", [2, 32]), ("blk.0.ffn_down_exps.weight", [4, 8, 32]), ("c", [3]),
    ])
    for storage in [GGUFStorage.own, .blocks(.q8_0)] {
      let plan = try GGUFPlan.make(
        parameters: checkpoint.parameters, of: checkpoint, storage: storage)
      #expect(plan.entries.map(\.name) == ["b", "blk.0.ffn_down_exps.weight", "c"])
      #expect(plan.entries[1].shape == [4, 8, 32])
      try plan.write(to: folder.file("a"))
      #expect(TemporaryFolder.bytes(folder.file("a")).count == plan.byteCount)
      let again = try Checkpoint.open(folder.file("a"))
      for (first, second) in zip(checkpoint.parameters, again.parameters) {
        #expect(first.name == second.name && first.shape == second.shape)
        if storage == .own {
          #expect(haveSameBits(try first.tensor(), try second.tensor()), "\(first.name)")
        }
      }
    }
  }

  @Test func whatIsNoStackStaysAsItIs() throws {
    let checkpoint = try file([
      ("blk.0.ffn_up_exps.weight", [3, 4]), ("blk.0.ffn_up_exps.bias", [3, 4, 5]),
      ("blk.0.ffn_up_shexp.weight", [3, 4, 5]), ("blk.1.ffn_up_exps.weight", [0, 4, 5]),
    ])
    #expect(checkpoint.parameters.count == 4)
    #expect(checkpoint.parameters.allSatisfy { $0.place.expert == nil })
    #expect(throws: CheckpointError.duplicateTensor(name: "blk.0.ffn_up_exps.1.weight")) {
      try file([
        ("blk.0.ffn_up_exps.weight", [2, 4, 5]), ("blk.0.ffn_up_exps.1.weight", [4, 5]),
      ])
    }
  }

  @Test func aStackWithAGapStaysInParts() throws {
    let names = [0, 2].map { "blk.0.ffn_up_exps.\($0).weight" }
    let plan = try GGUFPlan.make(
      parameters: Parameters(names.map { Samples.tensor(.f32, [4, 5], seed: 1, name: $0) }),
      storage: .own)
    #expect(plan.entries.map(\.name) == names)
  }
}
