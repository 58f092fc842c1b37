internal import CheckpointIO
internal import Foundation
internal import Tensors
internal import TestSupport

extension Reader {
  /// Small inputs that the reader takes: what mutations begin with.
  public var seeds: [[UInt8]] {
    get throws {
      switch self {
      case .safetensors: try [SmallFile.network(["a": "b"]), Seeds.packed(), Seeds.types]
      case .pytorch: [ZipBytes.pytorch(rows: 3, columns: 4)]
      case .pickle: [ZipBytes.pickle(rows: 3, columns: 4), Seeds.storedPickle]
      case .gguf: try [Seeds.gguf(), Seeds.blocks(.q4_0), Seeds.blocks(.q6K)]
      case .npy: [Seeds.array("<f4", "(2, 3)", 24), Seeds.array(">i2", "(4,)", 8)]
      case .npz:
        [
          ZipBytes.archive([
            ("a.npy", Seeds.array("<f8", "(2, 3)", 48)), ("b.npy", Seeds.array("|b1", "()", 1)),
          ])
        ]
      case .metadata:
        [
          Array(
            """
            {"n_head": 2, "n_layer": 1, "bias": false, "activation_function": "gelu_new",
             "layer_norm_epsilon": 1e-5, "block_size": 4}\u{0}["\\n", "a", "b", "\\u00e9"]\u{0}\
            {"blocks": [{"keys": [3], "mlp": 7, "values": [4]}], "head_size": 4}
            """.utf8)
        ]
      case .shards:
        [
          Array(
            """
            {"metadata": {"total_size": 48}, "weight_map": {
             "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
            """.utf8)
        ]
      case .configuration:
        [Array(#"{"n_head": 2, "architectures": ["a"], "eos_token_id": 3, "x": null}"#.utf8)]
      case .vocabulary: [Seeds.vocabulary]
      case .llama: [Array(Seeds.llama.utf8), Array(Seeds.mixtral.utf8)]
      case .tokenizer: [Seeds.byteLevel, Seeds.sentencePiece, Seeds.unigram].map { Array($0.utf8) }
      case .importance: try [Seeds.importance(.gguf), Seeds.importance(.old)]
      case .recipe: Seeds.recipes.map { Array($0.utf8) }
      case .session: [Array(Seeds.session.utf8)]
      case .log: [Array((Seeds.log + Seeds.log).utf8)]
      case .state: [Array(Seeds.state.utf8)]
      }
    }
  }
}

enum Seeds {
  static let llama = """
    {"model_type": "llama", "num_attention_heads": 2, "num_key_value_heads": 1,
     "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_parameters": {"rope_theta": 500000,
     "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 32}, "bos_token_id": 1, "eos_token_id": [2, 3]}
    """
  static let mixtral = """
    {"model_type": "gemma3_text", "num_attention_heads": 2, "num_key_value_heads": 1,
     "max_position_embeddings": 64, "sliding_window": 4, "layer_types": ["sliding_attention"],
     "query_pre_attn_scalar": 16, "rope_scaling": {"type": "yarn", "factor": 2,
     "original_max_position_embeddings": 32, "beta_fast": 32}}
    """
  static let byteLevel = """
    {"added_tokens": [{"id": 5, "content": "<|end|>", "special": true}],
     "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits",
     "individual_digits": true}, {"type": "ByteLevel", "use_regex": true}]},
     "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}]},
     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "\\u0120": 3}, "merges": ["a b"]}}
    """
  static let sentencePiece = """
    {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 4, "content":
     "\\u2581\\u2581", "special": false}], "normalizer": {"type": "Prepend", "prepend": "_"},
     "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
     "vocab": {"<unk>": 0, "<0x0A>": 1, "a": 2, "aa": 3}, "merges": [["a", "a"]]}}
    """
  static let unigram = """
    {"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first"}, "model": {"type": "Unigram",
     "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5], ["b", -2e1]]}}
    """

  /// A bitmap, codes in groups, bit depths, and what is left of blocks.
  static func packed() throws -> [UInt8] {
    let shape: Shape = [6, 16]
    func parameter(_ name: String, _ grid: QuantizationGrid?) -> Parameter {
      let values = (0..<shape.count).map { index -> Float in
        index % 2 == 0 && name != "packed" ? 0 : 0.25 * Float(index % 7 - 3)
      }
      let tensor = Tensor(shape, values)
      return Parameter(
        name: "h.0.\(name).weight", shape: shape, dtype: .f32,
        place: Place(block: 0, layer: name, role: .linear), grid: grid, load: { tensor })
    }
    let groups = QuantizationGrid(
      bits: 3, codes: -4...3, groupSize: 8, scales: [Float](repeating: 0.25, count: 12))
    let depths = QuantizationGrid(
      depths: [Float](repeating: 3, count: 6), exponents: [Float](repeating: -2, count: 6),
      columns: 16)
    return try file {
      try SavePlan.make(
        parameters: Parameters([
          parameter("bitmap", nil), parameter("packed", groups), parameter("channels", depths),
          prunedBlocks(),
        ]), form: .packed
      ).write(to: $0)
    }
  }

  private static func prunedBlocks() -> Parameter {
    let shape: Shape = [2, 64]
    let values = Tensor(shape, (0..<shape.count).map { Float($0 % 13) - 6 })
    let blocks = values.blocks(of: .q5_0) ?? []
    let kept = unsafe blocks.withUnsafeBytes {
      unsafe Tensor(shape, dequantizing: $0, from: .q5_0)
    }
    let half = (kept ?? values).array.enumerated().map { $0 % 2 == 0 ? $1 : 0 }
    return Parameter(
      name: "h.0.blocks.weight", shape: shape, dtype: .f32,
      place: Place(block: 0, layer: "blocks", role: .linear), load: { Tensor(shape, half) }
    ).storedIn(StoredBlocks(.q5_0) { blocks })
  }

  /// The small network's matrices in blocks.
  static func blocks(_ format: BlockFormat) throws -> [UInt8] {
    let tensor = Tensor([2, 256], (0..<512).map { Float($0 % 11) - 5 })
    let parameter = Parameter(
      name: "blk.0.ffn_up.weight", shape: tensor.shape, dtype: .f32,
      place: Place(block: 0, layer: "ffn_up", role: .linear), load: { tensor })
    return try file {
      try GGUFPlan.make(parameters: Parameters([parameter]), storage: .blocks(format)).write(to: $0)
    }
  }

  /// What an importance matrix weighs the errors of.
  static let weighted: Parameter = {
    let tensor = Tensor([2, 32], (0..<64).map { Float($0 % 11) - 5 })
    return Parameter(
      name: "blk.0.a.weight", shape: tensor.shape, dtype: .f32,
      place: Place(block: 0, layer: "a", role: .linear), load: { tensor })
  }()

  static func importance(_ form: ImportanceMatrix.Form) throws -> [UInt8] {
    let sums = (1...32).map { Float($0) }
    let matrix = ImportanceMatrix(
      [
        weighted.name: .init(sums: sums, counts: [4]),
        "b": .init(sums: sums, counts: [2, 1]),
      ], datasets: ["t"], chunkCount: 2, chunkSize: 2)
    return try file { try matrix.write(to: SaveOutput($0, overwrite: true), as: form) }
  }

  private static func file(_ write: (String) throws -> Void) throws -> [UInt8] {
    let folder = TemporaryFolder()
    try write(folder.file("seed"))
    return TemporaryFolder.bytes(folder.file("seed"))
  }

  /// A tensor of each type of the specification, without axes.
  static let types: [UInt8] = {
    let sizes = [
      ("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("I64", 8),
      ("U64", 8), ("I8", 1), ("BOOL", 1),
    ]
    var end = 0
    let entries = sizes.map { name, size in
      defer { end += size }
      return #""\#(name)":{"dtype":"\#(name)","shape":[],"data_offsets":[\#(end),\#(end + size)]}"#
    }
    let header = "{\(entries.joined(separator: ","))}"
    return ZipBytes.little(header.utf8.count, 8) + Array(header.utf8)
      + [UInt8](repeating: 1, count: end)
  }()

  static func array(_ type: String, _ shape: String, _ count: Int) -> [UInt8] {
    let header = "{'descr': '\(type)', 'fortran_order': True, 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + ZipBytes.little(header.utf8.count, 2)
      + Array(header.utf8) + [UInt8](repeating: 1, count: count)
  }

  /// Version 3, a pair of each kind, and two tensors of numbers.
  static func gguf() -> [UInt8] {
    func text(_ text: String) -> [UInt8] {
      ZipBytes.little(text.utf8.count, 8) + Array(text.utf8)
    }
    func pair(_ key: String, _ kind: Int, _ value: [UInt8]) -> [UInt8] {
      text(key) + ZipBytes.little(kind, 4) + value
    }
    let sizes = [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (12, 8)]
    let tokens = ZipBytes.little(8, 4) + ZipBytes.little(2, 8) + text("a") + text("\u{E9}")
    let nested =
      ZipBytes.little(9, 4) + ZipBytes.little(1, 8) + ZipBytes.little(0, 4)
      + ZipBytes.little(3, 8) + [1, 2, 3]
    let pairs =
      sizes.map { pair("k\($0)", $0, [UInt8](repeating: 1, count: $1)) } + [
        pair("general.architecture", 8, text("llama")), pair("tokenizer.ggml.tokens", 9, tokens),
        pair("nested", 9, nested), pair("llama.block_count", 4, ZipBytes.little(1, 4)),
      ]
    let infos = ["blk.0.a.weight", "output.weight"].enumerated().map { index, name in
      text(name) + ZipBytes.little(2, 4) + ZipBytes.little(4, 8) + ZipBytes.little(2, 8)
        + ZipBytes.little(0, 4) + ZipBytes.little(32 * index, 8)
    }
    var bytes =
      Array("GGUF".utf8) + ZipBytes.little(3, 4) + ZipBytes.little(infos.count, 8)
      + ZipBytes.little(pairs.count, 8) + pairs.flatMap { $0 } + infos.flatMap { $0 }
    while bytes.count % 32 != 0 { bytes.append(0) }
    return bytes + [UInt8](repeating: 1, count: 64)
  }

  /// `data.pkl` of a checkpoint that PyTorch wrote: the archive's first entry.
  static let storedPickle: [UInt8] = {
    let file = TemporaryFolder.bytes(Fixtures.path("tiny-bf16.pt"))
    guard file.count > 30 else { return [0x80, 2, 0x4E, 0x2E] }
    let start = 30 + Int(file[26]) + Int(file[27]) << 8 + Int(file[28]) + Int(file[29]) << 8
    let end = file.indices.dropFirst(start).first { file[$0...].starts(with: [0x50, 0x4B]) }
    return Array(file[start..<(end ?? file.count)])
  }()

  /// `{"itos": {0: "a", 1: "b"}, "chars": ["a", "b"]}`.
  static let vocabulary: [UInt8] = {
    let (a, b) = (ZipBytes.text("a"), ZipBytes.text("b"))
    let numbers: [UInt8] = [0x7D, 0x28, 0x4B, 0] + a + [0x4B, 1] + b + [0x75]
    let list: [UInt8] = [0x5D, 0x28] + a + b + [0x65]
    return [0x80, 2, 0x7D, 0x28] + ZipBytes.text("chars") + list + ZipBytes.text("itos") + numbers
      + [0x75, 0x2E]
  }()

  static let recipes = [
    """
    # pare recipe
    pare: 1
    passes:
      - prune: {method: magnitude, amount: 0.5, scope: layer}
        layers: ["block.*.mlp.*", "\\u00e9\\x41"]
      - quantize: {bits: 4}
        names: ["transformer.h.0.attn.c_attn.weight"]
      - allocate:
    """,
    "pare: '1'\npasses:\n- quantize: {bits: \"8\"}\n  layers: >-\n    a\n    b\n",
  ]

  static let session = """
    {"current":1,"lastVisited":[{"child":1,"parent":0}],"nextNumber":3,"place":{"view":"layer"},
    "revisions":[{"id":0,"metrics":{"weights":10,"loss":"inf","fileBytes":20}},{"id":1,
    "metrics":{"weights":10,"kl":0.5,"agreement":0.25},"parent":0,"step":{"layers":{"all":{}},
    "pass":"prune","settings":[{"name":"amount","value":"0.5"}]}},{"id":2,"metrics":{"weights":10},
    "parent":1,"step":{"layers":{"matching":{"_0":["*"]}},"pass":"trained","settings":[
    {"name":"step","value":"7"},{"name":"path","value":"0123456789abcdef.safetensors"}]}}],
    "startedRun":{"output":"/x","textPath":"/y"},"textKey":"t","version":1}
    """

  static let log = """
    {"parameters":107,"program":"pare train","settings":\(settings),"trainingTokens":1003,\
    "validationTokens":111,"vocabulary":65}
    {"elapsed":1.28,"gradientNorm":12.1,"loss":4.25,"rate":0.01,"step":1,"tokensPerSecond":3000}
    {"event":"paused","step":2}

    """

  static let state = #"{"elapsed":1.5,"settings":\#(settings),"step":3,"text":"abc"}"#

  private static let settings = """
    {"accumulate":1,"batch":16,"context":256,"dropout":0.1,"length":{"steps":{"_0":1758}},\
    "optimizer":{"adamW":{"beta1":0.9,"beta2":0.99,"decay":0,"epsilon":1e-08,"rate":0.003},\
    "clip":0,"method":"muon","muon":{"decay":0.1,"iterations":5,"momentum":0.95,"rate":0.02}},\
    "precision":"bf16","schedule":{"constantThenLinear":{"share":0.4,"warmup":50}},"seed":1337,\
    "threads":2,"validateEvery":250}
    """
}
