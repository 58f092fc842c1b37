import Tensors
import TestSupport

/// GGUF files put together byte by byte.
struct GGUFBytes {
  var version: UInt32 = 3
  var alignment = 32
  private var pairs: [[UInt8]] = []
  private var infos: [[UInt8]] = []
  private var data: [UInt8] = []

  /// A metadata value with its type number.
  struct Value {
    let kind: UInt32
    let bytes: [UInt8]

    static func number<T: FixedWidthInteger>(_ kind: UInt32, _ number: T) -> Value {
      Value(kind: kind, bytes: GGUFBytes.little(number))
    }

    static func text(_ text: String) -> Value { Value(kind: 8, bytes: GGUFBytes.text(text)) }

    /// Elements of one kind.
    static func array(_ kind: UInt32, _ elements: [Value]) -> Value {
      Value(
        kind: 9,
        bytes: GGUFBytes.little(kind) + GGUFBytes.little(UInt64(elements.count))
          + elements.flatMap(\.bytes))
    }
  }

  mutating func add(_ key: String, _ value: Value) {
    pairs.append(Self.text(key) + Self.little(value.kind) + value.bytes)
  }

  /// A tensor with the row's length last; `offset` only to lie about it.
  mutating func add(
    _ name: String, type: UInt32, _ dimensions: [Int], _ bytes: [UInt8], offset: UInt64? = nil
  ) {
    while data.count % alignment != 0 { data.append(0) }
    infos.append(
      Self.text(name) + Self.little(UInt32(dimensions.count))
        + dimensions.reversed().flatMap { Self.little(UInt64($0)) } + Self.little(type)
        + Self.little(offset ?? UInt64(data.count)))
    data += bytes
  }

  var bytes: [UInt8] {
    var bytes = Array("GGUF".utf8) + Self.little(version) + Self.little(UInt64(infos.count))
    bytes += Self.little(UInt64(pairs.count)) + pairs.flatMap { $0 } + infos.flatMap { $0 }
    while bytes.count % alignment != 0 { bytes.append(0) }
    return bytes + data
  }

  static func little<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
    (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: number >> T(8 * $0)) }
  }

  static func text(_ text: String) -> [UInt8] {
    little(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  /// Two blocks of a small model, with tensors of several formats, seeded.
  static func model(seed: UInt64 = 1) -> GGUFBytes {
    var random = SplitMix64(seed: seed)
    var file = GGUFBytes()
    file.add("general.architecture", .text("llama"))
    file.add("llama.block_count", .number(4, UInt32(2)))
    file.add("llama.rope.freq_base", .number(6, Float(10_000).bitPattern))
    file.add(
      "llama.attention.head_count_kv", .array(5, [.number(5, Int32(1)), .number(5, Int32(2))]))
    file.add("tokenizer.ggml.tokens", .array(8, ["<s>", "a", "é"].map { .text($0) }))
    func noise(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: 0...59, using: &random) }
    }
    file.add("token_embd.weight", type: 1, [3, 32], noise(192))
    for block in 0..<2 {
      file.add("blk.\(block).ffn_up.weight", type: 2, [2, 32], noise(36))
      file.add("blk.\(block).attn_norm.weight", type: 0, [5], noise(20))
      file.add("blk.\(block).attn_q.weight", type: 12, [1, 256], noise(144))
    }
    file.add("output.weight", type: 8, [3, 32], noise(102))
    return file
  }
}
