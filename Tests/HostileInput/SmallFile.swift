internal import Foundation
internal import TestSupport

/// Small safetensors files that inputs are put into, or beside.
enum SmallFile {
  /// A GPT of one block, 8 wide, with 4 tokens, and this metadata.
  static func network(_ metadata: [String: String]) -> [UInt8] {
    let width = 8
    let shapes: [(String, [Int])] = [
      ("wte.weight", [4, width]), ("wpe.weight", [4, width]), ("h.0.ln_1.weight", [width]),
      ("h.0.attn.c_attn.weight", [3 * width, width]), ("h.0.attn.c_proj.weight", [width, width]),
      ("h.0.ln_2.weight", [width]), ("h.0.mlp.c_fc.weight", [2 * width, width]),
      ("h.0.mlp.c_proj.weight", [width, 2 * width]), ("ln_f.weight", [width]),
    ]
    return file(shapes, metadata.merging(["n_head": "2"]) { own, _ in own })
  }

  /// A Llama of one block, 8 wide, with 8 tokens.
  static let llama: [UInt8] = {
    let block = "model.layers.0."
    let shapes: [(String, [Int])] = [
      ("model.embed_tokens", [8, 8]), ("model.norm", [8]), (block + "input_layernorm", [8]),
      (block + "self_attn.q_proj", [8, 8]), (block + "self_attn.k_proj", [4, 8]),
      (block + "self_attn.v_proj", [4, 8]), (block + "self_attn.o_proj", [8, 8]),
      (block + "post_attention_layernorm", [8]), (block + "mlp.gate_proj", [12, 8]),
      (block + "mlp.up_proj", [12, 8]), (block + "mlp.down_proj", [8, 12]),
    ]
    return file(shapes.map { ($0.0 + ".weight", $0.1) }, [:])
  }()

  /// One matrix of that name.
  static func one(_ name: String) -> [UInt8] { file([(name, [2, 3])], [:]) }

  /// A PyTorch file of this pickle, with storages `0`, `1`, … as PyTorch's small files have.
  static func archive(pickle: [UInt8]) -> [UInt8] {
    ZipBytes.archive([("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8))] + storages)
  }

  private static let storages: [(name: String, bytes: [UInt8])] = (0..<24).map { number in
    ("m/data/\(number)", [UInt8](repeating: 1, count: 1 << 13))
  }

  /// The input cut at its zero bytes into the texts of these keys.
  static func texts(_ bytes: [UInt8], keys: [String]) -> [String: String] {
    let parts = bytes.split(
      separator: 0, maxSplits: keys.count - 1, omittingEmptySubsequences: false)
    var texts: [String: String] = [:]
    for (key, part) in zip(keys, parts) where !part.isEmpty {
      texts[key] = String(decoding: part, as: UTF8.self)
    }
    return texts
  }

  /// The file with the length in front that its header has, if it is another: mutations
  /// rarely get both right. Nil where no header ends.
  static func withTrueLength(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count > 8, let end = bytes.lastIndex(of: UInt8(ascii: "}")), end >= 8 else {
      return nil
    }
    let length = ZipBytes.little(end - 7, 8)
    return bytes.starts(with: length) ? nil : length + bytes[8...]
  }

  private static func file(_ shapes: [(String, [Int])], _ metadata: [String: String]) -> [UInt8] {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    for (name, shape) in shapes {
      let begin = end
      end += 4 * shape.reduce(1, *)
      header[name] = ["dtype": "F32", "shape": shape, "data_offsets": [begin, end]]
    }
    let text = (try? JSONSerialization.data(withJSONObject: header, options: .sortedKeys)) ?? Data()
    let values = (0..<end / 4).flatMap { ZipBytes.little(Float($0 % 7).bitPattern, 4) }
    return ZipBytes.little(text.count, 8) + Array(text) + values
  }
}
