import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Folders in the layouts of other quantizers, from the command line, and in their own tools.
@Suite struct QuantizedFolderTests {
  static let layouts = ["gptq", "awq", "compressed-tensors"]
  /// The Python that the layouts' own tools are looked for in.
  static let python = ProcessInfo.processInfo.environment["PARE_PEERS_PYTHON"]

  /// A Llama of two blocks with 32 tokens, as Hugging Face's libraries have it.
  private func llama(in scratch: Scratch) throws {
    let folder = scratch.url.appendingPathComponent("llama")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var shapes: [(String, Shape)] = [
      ("model.embed_tokens", [32, 64]), ("model.norm", [64]), ("lm_head", [32, 64]),
    ]
    for block in 0..<2 {
      shapes += [
        ("input_layernorm", [64]), ("post_attention_layernorm", [64]),
        ("self_attn.q_proj", [64, 64]), ("self_attn.k_proj", [32, 64]),
        ("self_attn.v_proj", [32, 64]), ("self_attn.o_proj", [64, 64]),
        ("mlp.gate_proj", [128, 64]), ("mlp.up_proj", [128, 64]), ("mlp.down_proj", [64, 128]),
      ].map { ("model.layers.\(block).\($0.0)", $0.1) }
    }
    let parameters = shapes.enumerated().map { number, entry in
      var random = SplitMix64(seed: UInt64(number))
      let values = (0..<entry.1.count).map { _ in Float.random(in: -0.125...0.125, using: &random) }
      let tensor = Tensor(entry.1, values)
      return Parameter(
        name: entry.0 + ".weight", shape: entry.1, dtype: .f32,
        place: Place(block: nil, layer: entry.0, role: .other), load: { tensor })
    }
    try SavePlan.make(parameters: Parameters(parameters), form: .dense(nil))
      .write(to: folder.appendingPathComponent("model.safetensors").path)
    let vocabulary = (0..<32).map { #""w\#($0)": \#($0)"# }.joined(separator: ", ")
    let files = [
      "config.json": """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
       "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 32, "hidden_act": "silu",
       "max_position_embeddings": 64, "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
       "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2, "dtype": "float32"}
      """,
      "tokenizer.json": """
      {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
       "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
       "decoder": null, "model": {"type": "WordLevel", "unk_token": "w0", "vocab": {\(vocabulary)}}}
      """,
      "tokenizer_config.json": """
      {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "w0", "bos_token": "w1",
       "eos_token": "w2", "pad_token": "w3"}
      """,
    ]
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
  }

  private func quantize(_ layout: String, _ scheme: String, to output: String) -> [String] {
    [
      "quantize", "llama", "-o", output, "--layout", layout, "--scheme", scheme, "--bits", "4",
      "--granularity", "group", "--group-size", "32", "--json",
    ]
  }

  @Test(arguments: layouts) func aFolderIsWrittenAndRead(layout: String) throws {
    let scratch = try Scratch()
    try llama(in: scratch)
    let made = try Program.run(quantize(layout, "affine", to: "out"), in: scratch)
    #expect(made.status == 0, "\(made.error)")
    #expect(made.fields["output"] as? String == "out/model.safetensors")
    #expect(
      made.fields["files"] as? [String] == [
        "out/config.json", "out/tokenizer.json", "out/tokenizer_config.json",
        "out/model.safetensors",
      ])
    #expect((made.fields["encodings"] as? [String: Int])?[layout] == 14)
    let error = try #require(made.fields["layer_error"] as? Double)
    #expect(0 < error && error < 0.2)
    // From one layout into another, with the same weights.
    for other in Self.layouts {
      let words = ["convert", "out", "-o", "as-\(other)", "--layout", other, "--json"]
      let outcome = try Program.run(words, in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.fields["layer_error"] as? Double == 0)
      #expect((outcome.fields["losses"] as? [Any])?.isEmpty == true)
    }
    let again = try Program.run(quantize(layout, "affine", to: "out"), in: scratch)
    #expect(again.status == 1 && again.error.contains("--force overwrites it"))
    let forced = try Program.run(
      quantize(layout, "symmetric", to: "out") + ["--force"], in: scratch)
    #expect(forced.status == 0, "\(forced.error)")
  }

  @Test(arguments: [
    (
      ["quantize", "llama", "-o", "x", "--layout", "awq", "--bits", "3"], Int32(1),
      "codes of 3 bits"
    ),
    (["quantize", "llama", "-o", "no/x", "--layout", "awq"], 1, "cannot make the folder no/x"),
    (["quantize", "llama", "-o", "llama/config.json", "--layout", "awq"], 1, "it is no folder"),
    (["convert", "llama", "-o", "x", "--layout", "gptq"], 1, "no linear layer lies on a grid"),
    (["convert", "llama", "-o", "llama", "--layout", "gptq"], 1, "is there already"),
    (
      ["convert", "llama", "-o", "llama", "--layout", "gptq", "--force"], 1,
      "it belongs to the checkpoint that is open"
    ),
    (["convert", "llama", "-o", "x", "--layout", "gptq", "--packed"], 2, "excludes --packed"),
    (["convert", "llama", "-o", "x", "--layout", "gptq", "--dtype", "f16"], 2, "excludes --dtype"),
    (["convert", "llama", "-o", "x", "--layout", "gptq", "--slice"], 2, "excludes --layout"),
    (["convert", "llama", "-o", "x", "--layout", "exl2"], 2, "--layout"),
    (
      ["prune", "llama", "-o", "x", "--layout", "gptq", "--type", "q4_0"], 2,
      "it excludes --type"
    ),
    (
      ["quantize", CommandLineSavingTests.model, "-o", "x", "--layout", "awq"], 1,
      "there is no config.json beside"
    ),
  ])
  func refusesWithASentence(_ arguments: [String], _ status: Int32, _ part: String) throws {
    let scratch = try Scratch()
    try llama(in: scratch)
    let outcome = try Program.run(arguments, in: scratch)
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.error.hasPrefix("pare: ") && outcome.error.contains(part), "\(outcome.error)")
    #expect(scratch.names == ["llama"])
  }

  /// Weights as the layouts' own tools read them; see the script.
  @Test(
    .enabled(if: python != nil),
    arguments: layouts.flatMap { layout in ["symmetric", "affine"].map { (layout, $0) } })
  func theToolsOfTheLayoutReadTheSameWeights(layout: String, scheme: String) throws {
    let scratch = try Scratch()
    try llama(in: scratch)
    let commands = [
      quantize(layout, scheme, to: "out"),
      ["convert", "out", "-o", "d.safetensors", "--dtype", "f32"],
    ]
    for command in commands {
      let outcome = try Program.run(command, in: scratch)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    let script = Fixtures.root.appendingPathComponent("Benchmarks/quantized_loads.py").path
    let running = try Program.start(
      [script, "out", "d.safetensors"], of: try #require(Self.python), in: scratch,
      environment: ["PATH": "/usr/bin:/bin"])
    running.process.waitUntilExit()
    let outcome = try running.outcome()
    if outcome.status == 77 {
      print("\(layout): \(outcome.output)")
      return
    }
    #expect(outcome.status == 0, "\(outcome.error.suffix(2000))")
    #expect(outcome.output.contains("14 layers are equal"), "\(outcome.output.suffix(500))")
  }
}
