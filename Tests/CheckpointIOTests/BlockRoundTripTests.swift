import CheckpointIO
import Tensors
import TestSupport
import Testing

/// GGUF to safetensors and back.
@Suite struct BlockRoundTripTests {
  let folder = TemporaryFolder()

  static let writable = BlockFormat.allCases.filter(\.isWritable)
  /// Formats whose quantizer finds the scale of its own values again. The others search
  /// for the least error, and may settle on another scale.
  static let repeatable: [BlockFormat] = [
    .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .tq1_0, .tq2_0, .mxfp4,
  ]

  /// A GGUF file of one type with a tokenizer's tables.
  private func file(_ format: BlockFormat) throws -> (checkpoint: Checkpoint, bytes: [UInt8]) {
    var header = GGUFBytes()
    header.add("general.architecture", .text("llama"))
    header.add("llama.block_count", .number(4, UInt32(1)))
    let tokens = (0..<300).map { GGUFBytes.Value.text("token \($0)") }
    header.add("tokenizer.ggml.tokens", .array(8, tokens))
    header.add(
      "tokenizer.ggml.scores",
      .array(
        6,
        (0..<300).map {
          .number(6, (Float($0) / 7).bitPattern)
        }))
    let bare = try Checkpoint.open(bytes: header.bytes, name: "bare")
    var random = SplitMix64(seed: 9)
    let parameters = ["token_embd.weight", "blk.0.attn_q.weight", "blk.0.attn_norm.weight"].map {
      let shape: Shape = $0.hasSuffix("norm.weight") ? [512] : [32, 512]
      let tensor = Tensor(
        shape,
        (0..<shape.count).map { _ in
          (0..<6).reduce(Float(-3)) { sum, _ in sum + Float.random(in: 0..<1, using: &random) }
        })
      return Samples.parameter($0, .f32, tensor)
    }
    let plan = try GGUFPlan.make(
      parameters: Parameters(parameters), of: bare, storage: .blocks(format))
    let path = folder.file("source.gguf")
    try plan.write(to: path)
    return (try Checkpoint.open(path), TemporaryFolder.bytes(path))
  }

  private func back(
    _ source: Checkpoint, through form: SaveForm, _ format: BlockFormat
  ) throws -> (between: SavedFile, bytes: [UInt8]) {
    let between = try saved(Array(source.parameters), of: source, form: form, in: folder)
    let plan = try GGUFPlan.make(
      parameters: between.checkpoint.parameters, of: between.checkpoint, storage: .blocks(format))
    try plan.write(to: folder.file("back.gguf"))
    return (between, TemporaryFolder.bytes(folder.file("back.gguf")))
  }

  @Test(arguments: writable) func packedGivesBackTheSameFile(format: BlockFormat) throws {
    let source = try file(format)
    let (between, bytes) = try back(source.checkpoint, through: .packed, format)
    let isSame = bytes == source.bytes
    #expect(isSame)
    let stored = between.checkpoint.tensors.filter { $0.encoding == "blocks" }
    #expect(stored.count == 2)
    #expect(between.bytes.count < source.bytes.count * 3 / 2)
    for parameter in source.checkpoint.parameters {
      let other = try #require(between.checkpoint.parameters[parameter.name])
      #expect(haveSameBits(try other.tensor(), try parameter.tensor()))
    }
    #expect(between.checkpoint.gguf?.texts("tokenizer.ggml.tokens")?.count == 300)
    #expect(between.checkpoint.metadata["pare.gguf"] == nil, "it is no text to be shown")
    let again = try saved(
      Array(between.checkpoint.parameters), of: between.checkpoint, form: .packed, in: folder,
      as: "again.safetensors")
    let isSameAgain = again.bytes == between.bytes
    #expect(isSameAgain)
    let codes = between.checkpoint.codes(of: "token_embd.weight")
    #expect(codes?.codes.array == source.checkpoint.codes(of: "token_embd.weight")?.codes.array)
    #expect(codes != nil)
  }

  @Test(arguments: repeatable) func denseGivesBackTheSameFile(format: BlockFormat) throws {
    let source = try file(format)
    let isSame = try back(source.checkpoint, through: .dense(nil), format).bytes == source.bytes
    #expect(isSame)
  }

  /// A file as others write it: its own type's number among the keys, blocks of several
  /// types, a place for tensors of its own.
  private func foreign(types: Bool, alignment: Int?) -> [UInt8] {
    var file = GGUFBytes()
    file.add("general.architecture", .text("llama"))
    if types { file.add("general.file_type", .number(4, UInt32(15))) }
    if let alignment {
      file.alignment = alignment
      file.add("general.alignment", .number(4, UInt32(alignment)))
    }
    file.add("llama.block_count", .number(4, UInt32(1)))
    if types { file.add("general.quantization_version", .number(4, UInt32(2))) }
    file.add("tokenizer.ggml.tokens", .array(8, ["a", "b"].map { .text($0) }))
    let noise = (0..<2048).map { UInt8(truncatingIfNeeded: $0 * 31 % 60) }
    file.add("token_embd.weight", type: 8, [9, 32], Array(noise.prefix(306)))
    file.add("blk.0.attn_q.weight", type: 12, [1, 256], Array(noise.prefix(144)))
    file.add("blk.0.attn_norm.weight", type: 0, [5], Array(noise.prefix(20)))
    file.add("blk.0.ffn_up.weight", type: 2, [3, 32], Array(noise.prefix(54)))
    let bytes = file.bytes
    return bytes
      + [UInt8](
        repeating: 0, count: (file.alignment - bytes.count % file.alignment) % file.alignment)
  }

  @Test(arguments: [true, false], [nil, 32, 64, 1])
  func keysStayInTheirOrder(types: Bool, alignment: Int?) throws {
    let bytes = foreign(types: types, alignment: alignment)
    let source = try Checkpoint.open(bytes: bytes, name: "a")
    let packed = try saved(Array(source.parameters), of: source, form: .packed, in: folder)
    for (number, checkpoint) in [source, packed.checkpoint].enumerated() {
      let plan = try GGUFPlan.make(
        parameters: checkpoint.parameters, of: checkpoint, storage: .own)
      #expect(plan.byteCount == bytes.count)
      let same = folder.file("same\(number).gguf")
      try plan.write(to: same)
      let isSame = TemporaryFolder.bytes(same) == bytes
      #expect(isSame)
      // Of another type, it says so at the same place.
      let other = try GGUFPlan.make(
        parameters: checkpoint.parameters, of: checkpoint, storage: .blocks(.q8_0))
      try other.write(to: folder.file("other\(number).gguf"))
      let gguf = try #require(try Checkpoint.open(folder.file("other\(number).gguf")).gguf)
      #expect(gguf["general.file_type"] == .unsigned(7))
      #expect(gguf["general.quantization_version"] == .unsigned(2))
      if types { #expect(gguf.keys == source.gguf?.keys) }
    }
    // Values are no longer of the type that the file had.
    let dense = try saved(
      Array(source.parameters), of: source, form: .dense(nil), in: folder, as: "d.safetensors")
    let plan = try GGUFPlan.make(
      parameters: dense.checkpoint.parameters, of: dense.checkpoint, storage: .own)
    try plan.write(to: folder.file("dense.gguf"))
    let gguf = try #require(try Checkpoint.open(folder.file("dense.gguf")).gguf)
    #expect(gguf["general.file_type"] == (types ? .unsigned(0) : nil))
  }

  /// Files of ggml's own library and of llama.cpp.
  @Test(.enabled(if: SharedData.isPresent), arguments: ["samples/all_ggml_types.gguf"])
  func realFilesComeBackToTheLastByte(name: String) throws {
    let source = try Checkpoint.open(SharedData.path(name))
    let bytes = TemporaryFolder.bytes(SharedData.path(name))
    let packed = try saved(Array(source.parameters), of: source, form: .packed, in: folder)
    for (number, checkpoint) in [source, packed.checkpoint].enumerated() {
      let plan = try GGUFPlan.make(
        parameters: checkpoint.parameters, of: checkpoint, storage: .own)
      let same = folder.file("same\(number).gguf")
      try plan.write(to: same)
      let isSame = TemporaryFolder.bytes(same) == bytes
      #expect(isSame)
    }
  }

  /// A pass makes values of the blocks it changes, and of no others.
  @Test func blocksGoWhereAPassChanges() throws {
    let source = try file(.q4_0).checkpoint
    let name = "blk.0.attn_q.weight"
    let changed = try #require(source.parameters[name])
    let zeros = Tensor(changed.shape, [Float](repeating: 0, count: changed.shape.count))
    let parameters = source.parameters.replacing([
      changed.replacing(zeros, grid: nil, mask: nil)
    ])
    let file = try saved(Array(parameters), of: source, form: .packed)
    let encodings = Dictionary(
      uniqueKeysWithValues: file.checkpoint.tensors.map { ($0.name, $0.encoding) })
    #expect(encodings[name] == "bitmap" && encodings["token_embd.weight"] == "blocks")
    #expect(try file.checkpoint.parameters[name]?.tensor().array == zeros.array)
  }

  @Test(arguments: [
    (#""blocks":"Q9_9""#, "its blocks are not named"), (#""blocks":"Q4_0""#, "numbers instead of"),
    (#""blocks":"Q6_K""#, "needs multiples of 256"),
  ])
  func damagedBlocksAreRefused(_ blocks: String, _ part: String) throws {
    let records =
      #"{\"version\":1,\"tensors\":{\"a\":{\"encoding\":\"blocks\","#
      + #"\"dtype\":\"F32\",\"shape\":[2,32],\"transposed\":false,"#
      + blocks.replacing("\"", with: "\\\"") + "}}}"
    let text =
      #"{"__metadata__":{"pare.packing":""# + records
      + #""},"a.pare.blocks":{"dtype":"U8","shape":[34],"data_offsets":[0,34]}}"#
    let bytes =
      GGUFBytes.little(UInt64(text.utf8.count)) + Array(text.utf8)
      + [UInt8](repeating: 1, count: 34)
    #expect {
      try Checkpoint.open(bytes: bytes, name: "a")
    } throws: { error in
      "\(error)".contains(part)
    }
  }

  @Test(arguments: ["", "!!!!", "R0dVRg==", "AAAA", "R0dVRgMAAAAAAAAAAAAAAP//////////"])
  func damagedMetadataIsWarnedOf(text: String) throws {
    let file = try saved(
      [Samples.tensor(.f32, [2], seed: 1)], metadata: ["pare.gguf": text], form: .dense(nil))
    #expect(file.checkpoint.gguf == nil)
    #expect(file.checkpoint.warnings.contains { $0.hasPrefix("metadata pare.gguf is ignored") })
  }
}
