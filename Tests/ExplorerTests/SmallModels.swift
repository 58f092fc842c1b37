import CheckpointIO
import Foundation
import TestSupport
import Tensors

/// Checkpoints made for a test: a small GPT, and files that are odd.
enum SmallModels {
  /// A tensor of a file: its name, shape and values.
  struct Entry {
    let name: String
    let shape: [Int]
    let values: [Float]

    init(_ name: String, _ shape: [Int], _ values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }

    /// With seeded values.
    init(_ name: String, _ shape: [Int], _ random: inout SplitMix64, scale: Float = 0.4) {
      self.init(
        name, shape,
        (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &random) * scale })
    }
  }

  static let characters = Array("abcdefg\n").map(String.init)

  /// Two blocks, 32 wide, context 16, eight characters: it runs.
  static func gpt() -> (entries: [Entry], metadata: [String: String]) {
    var random = SplitMix64(seed: 11)
    let width = 32
    var list = [
      Entry("wte.weight", [characters.count, width], &random, scale: 1),
      Entry("wpe.weight", [16, width], &random),
    ]
    for block in 0..<2 {
      let name = "h.\(block)."
      list += [
        Entry(name + "ln_1.weight", [width], &random, scale: 1),
        Entry(name + "attn.c_attn.weight", [3 * width, width], &random),
        Entry(name + "attn.c_proj.weight", [width, width], &random),
        Entry(name + "ln_2.weight", [width], &random, scale: 1),
        Entry(name + "mlp.c_fc.weight", [4 * width, width], &random),
        Entry(name + "mlp.c_proj.weight", [width, 4 * width], &random),
      ]
    }
    list.append(Entry("ln_f.weight", [width], &random, scale: 1))
    let vocabulary = characters.map { $0 == "\n" ? "\"\\n\"" : "\"\($0)\"" }
    return (
      list,
      [
        "pare.config": #"{"n_head": 2, "block_size": 16}"#,
        "pare.vocabulary": "[\(vocabulary.joined(separator: ","))]",
      ]
    )
  }

  /// Files that a drawing may stumble over, by what is odd in them.
  static let odd: [String] = [
    "nothing", "vectors only", "80 blocks", "100 kinds", "a kind a block", "strange names",
    "no numbers", "empty",
    "thin", "mixture", "odd experts",
  ]

  /// A dense block, and two of four experts each.
  static func mixture() -> [Entry] {
    var random = SplitMix64(seed: 23)
    let width = 16
    return (0..<3).flatMap { block in
      let name = "model.layers.\(block)."
      let attention = [Entry(name + "self_attn.o_proj.weight", [width, width], &random)]
      guard block > 0 else {
        return attention + [Entry(name + "mlp.up_proj.weight", [2 * width, width], &random)]
      }
      let experts = (0..<4).flatMap { expert in
        [
          Entry(name + "mlp.experts.\(expert).up_proj.weight", [8, width], &random),
          Entry(name + "mlp.experts.\(expert).down_proj.weight", [width, 8], &random),
        ]
      }
      return attention + experts + [Entry(name + "mlp.gate.weight", [4, width], &random)]
    }
  }

  static func entries(_ name: String) -> [Entry] {
    var random = SplitMix64(seed: 5)
    switch name {
    case "nothing": return []
    case "vectors only":
      return [Entry("h.0.ln_1.weight", [9], &random), Entry("bias", [3], &random)]
    case "80 blocks":
      return (0..<80).flatMap { block in
        ["self_attn.q_proj", "mlp.up_proj"].map {
          Entry("model.layers.\(block).\($0).weight", [4, 6], &random)
        }
      }
    case "100 kinds":
      return (0..<100).map { Entry("h.\($0 % 2).mlp.odd\($0).weight", [3, 5], &random) }
    case "a kind a block":
      return (0..<40).map { Entry("h.\($0).mlp.odd\(40 - $0).weight", [3, 5], &random) }
    case "mixture": return mixture()
    case "odd experts":
      return [
        Entry("h.0.mlp.experts.7.w.weight", [3, 5], &random),
        Entry("h.0.mlp.experts.007.w.weight", [3, 5], &random),
        Entry("h.1.mlp.gate.weight", [2, 5], &random),
        Entry("h.1.mlp.experts.0.w.weight", [0, 5], []),
        Entry("h.1.mlp.experts.4.w.weight", [3, 5], &random),
        Entry("h.2.mlp.gate.weight", [2, 2], [.nan, .nan, .infinity, 0]),
        Entry("h.2.mlp.experts.0.w.weight", [2, 2], [.nan, .nan, .nan, .nan]),
        Entry("h.2.mlp.experts.1.w.weight", [2, 2], [3e38, -3e38, 3e38, 3e38]),
        Entry("h.2.mlp.experts.1.v.weight", [2, 3, 4], &random),
      ]
    case "strange names":
      return [
        "h.0.\u{1B}[31mred.weight", "h.0.漢字漢字漢字漢字.weight", "h.1.e\u{301}\u{200D}👩‍👩‍👧.weight", "\t\n",
      ]
      .map { Entry($0, [7, 3], &random) }
    case "no numbers":
      return [
        Entry("h.0.a.weight", [2, 3], [.nan, .infinity, -.infinity, 0, 1, -1]),
        Entry("h.0.b.weight", [2, 2], [.nan, .nan, .nan, .nan]),
        Entry("h.1.a.weight", [2, 2], [3e38, -3e38, .leastNonzeroMagnitude, 0]),
        Entry("h.1.b.weight", [2, 2], [.infinity, .infinity, .infinity, .infinity]),
        Entry("h.2.a.weight", [2, 2], [0, 0, 0, 0]),
      ]
    case "empty":
      return [
        Entry("h.0.a.weight", [0, 4], []), Entry("h.0.b.weight", [4, 0], []),
        Entry("h.1.a.weight", [4, 4], &random), Entry("wte.weight", [0, 0], []),
      ]
    default:
      return [
        Entry("h.0.a.weight", [1, 500], &random), Entry("h.0.b.weight", [500, 1], &random),
        Entry("h.1.a.weight", [1, 1], &random), Entry("h.1.b.weight", [2, 3, 4], &random),
      ]
    }
  }

  /// Opens the small GPT.
  static func open(in folder: TemporaryFolder) throws -> Checkpoint {
    let (entries, metadata) = gpt()
    return try open(entries, metadata, in: folder)
  }

  static func open(
    _ entries: [Entry], _ metadata: [String: String] = [:], in folder: TemporaryFolder
  ) throws -> Checkpoint {
    let path = folder.file("small.safetensors")
    TemporaryFolder.write(try bytes(entries, metadata), to: path)
    return try Checkpoint.open(path)
  }

  /// safetensors: eight bytes of length, a header in JSON, the values.
  private static func bytes(_ entries: [Entry], _ metadata: [String: String]) throws -> [UInt8] {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var offset = 0
    var values: [UInt8] = []
    for entry in entries {
      let end = offset + entry.values.count * 4
      header[entry.name] = [
        "dtype": "F32", "shape": entry.shape, "data_offsets": [offset, end],
      ]
      offset = end
      for value in entry.values {
        let bits = value.bitPattern
        values += (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt32($0))) }
      }
    }
    var text = Array(try JSONSerialization.data(withJSONObject: header, options: .sortedKeys))
    while text.count % 8 != 0 { text.append(0x20) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    return length + text + values
  }
}
