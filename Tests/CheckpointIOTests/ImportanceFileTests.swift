import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing

/// llama.cpp's importance matrices: what files hold, what they do to a GGUF file, and what is
/// refused.
@Suite struct ImportanceFileTests {
  let folder = TemporaryFolder()

  /// A matrix of 32 columns, and a stack of two experts of which the second has seen nothing.
  static let sample = ImportanceMatrix(
    [
      "blk.0.attn_q.weight": .init(sums: (1...32).map { Float($0) }, counts: [4]),
      "blk.0.ffn_up_exps.weight": .init(
        sums: (1...32).map { Float($0) / 4 } + [Float](repeating: 0, count: 32), counts: [3, 0]),
    ], datasets: ["notes.txt"], chunkCount: 2, chunkSize: 2)

  private func read(_ bytes: [UInt8]) throws -> ImportanceMatrix {
    let path = folder.file("importance")
    TemporaryFolder.write(bytes, to: path)
    var matrix = try ImportanceMatrix(contentsOf: path)
    #expect(matrix.path == path)
    matrix.path = nil
    return matrix
  }

  private func written(
    _ form: ImportanceMatrix.Form, _ matrix: ImportanceMatrix = sample
  ) throws -> [UInt8] {
    let path = folder.file("written")
    let count = try matrix.write(to: SaveOutput(path, overwrite: true), as: form)
    let bytes = TemporaryFolder.bytes(path)
    #expect(bytes.count == count)
    return bytes
  }

  // MARK: - Files

  /// As llama.cpp has it: no axis of length 1, names in their order, data in places of 32 bytes.
  @Test func aFileIsThatOfLlamaCpp() throws {
    func floats(_ values: [Float]) -> [UInt8] { values.flatMap { GGUFBytes.little($0.bitPattern) } }
    var file = GGUFBytes()
    file.add("general.type", .text("imatrix"))
    file.add("imatrix.datasets", .array(8, [.text("notes.txt")]))
    file.add("imatrix.chunk_count", .number(4, UInt32(2)))
    file.add("imatrix.chunk_size", .number(4, UInt32(2)))
    let (matrix, stack) = ("blk.0.attn_q.weight", "blk.0.ffn_up_exps.weight")
    let sums = try (#require(Self.sample.entries[matrix]), #require(Self.sample.entries[stack]))
    file.add(matrix + ".in_sum2", type: 0, [32], floats(sums.0.sums))
    file.add(matrix + ".counts", type: 0, [1], floats([4]))
    file.add(stack + ".in_sum2", type: 0, [2, 32], floats(sums.1.sums))
    file.add(stack + ".counts", type: 0, [2, 1], floats([3, 0]))
    let padding = [UInt8](repeating: 0, count: 24)
    #expect(try written(.gguf) == file.bytes + padding)
    #expect(try read(file.bytes) == Self.sample)
  }

  /// The form before that, byte by byte; what follows the entries may be missing.
  @Test func anOlderFileHasMeansTimesPieces() throws {
    let bytes = OldImportance.bytes([("a", 2, [3, 5]), ("b", 0, [7])], pieces: 9, text: "t.txt")
    let entries = [
      "a": ImportanceMatrix.Entry(sums: [3, 5], counts: [2]), "b": .init(sums: [7], counts: [1]),
    ]
    #expect(try read(bytes) == ImportanceMatrix(entries, datasets: ["t.txt"], chunkCount: 9))
    #expect(try read(bytes.dropLast(13)) == ImportanceMatrix(entries))
    #expect(try read(bytes.dropLast(9)) == ImportanceMatrix(entries, chunkCount: 9))
  }

  /// Means by which an expert that has seen nothing weighs all alike, times 2 pieces.
  @Test func anOlderFileIsWritten() throws {
    let stack = (1...32).map { Float($0) / 4 / 3 * 2 } + [Float](repeating: 2, count: 32)
    #expect(
      try written(.old)
        == OldImportance.bytes(
          [
            ("blk.0.attn_q.weight", 2, (1...32).map { Float($0) / 4 * 2 }),
            ("blk.0.ffn_up_exps.weight", 2, stack),
          ], pieces: 2, text: "notes.txt"))
    let unseen = ImportanceMatrix(["a": .init(sums: [1], counts: [0])])
    #expect(try written(.old, unseen) == OldImportance.bytes([], pieces: 0, text: ""))
  }

  @Test func theNameDecidesTheForm() {
    #expect(ImportanceMatrix.Form(named: "a/imatrix.dat") == .old)
    #expect(ImportanceMatrix.Form(named: "imatrix.gguf") == .gguf)
  }

  // MARK: - What is refused

  private func sentence(_ bytes: [UInt8]) -> String {
    do {
      return "taken: \(try read(bytes))"
    } catch {
      return "\(error)"
    }
  }

  /// Tensors, a part of the sentence, and whether it names the place.
  static let damaged: [(String, [(name: String, type: UInt32, values: [Float])], String)] = [
    ("no counts", [("a.in_sum2", 0, [1, 2])], "'a.in_sum2' has no 'a.counts'"),
    ("no sums", [("a.in_sum2", 0, [1]), ("a.counts", 0, [1]), ("b.counts", 0, [1])], "b.in_sum2"),
    ("no entry", [("a.weight", 0, [1])], "without a tensor NAME.in_sum2"),
    ("NaN", [("a.in_sum2", 0, [1, .nan]), ("a.counts", 0, [1])], "value 1 of 'a.in_sum2'"),
    ("infinite", [("a.in_sum2", 0, [.infinity]), ("a.counts", 0, [1])], "is inf"),
    ("negative", [("a.in_sum2", 0, [1, 2, -1]), ("a.counts", 0, [1])], "value 2 of 'a.in_sum2'"),
    ("a negative count", [("a.in_sum2", 0, [1]), ("a.counts", 0, [-1])], "of 'a.counts', at byte"),
    ("a huge count", [("a.in_sum2", 0, [1]), ("a.counts", 0, [1e30])], "value 0 of 'a.counts'"),
    ("odd counts", [("a.in_sum2", 0, [1, 2, 3]), ("a.counts", 0, [1, 1])], "has 3 values"),
    ("nothing", [("a.in_sum2", 0, []), ("a.counts", 0, [1])], "has 0 values"),
    ("integers", [("a.in_sum2", 26, [1]), ("a.counts", 0, [1])], "has the type I32, not F32"),
    ("twice", [("a.in_sum2", 0, [1]), ("a.in_sum2", 0, [1])], "listed twice"),
  ]

  @Test(arguments: damaged.map(\.0)) func damagedFilesAreRefused(_ name: String) throws {
    let (_, tensors, part) = try #require(Self.damaged.first { $0.0 == name })
    var file = GGUFBytes()
    for tensor in tensors {
      file.add(
        tensor.name, type: tensor.type, [tensor.values.count],
        tensor.values.flatMap { GGUFBytes.little($0.bitPattern) })
    }
    let told = sentence(file.bytes)
    #expect(told.contains(part), "\(told)")
    #expect(told.hasPrefix("cannot use the importance file "), "\(told)")
  }

  static let damagedOlder: [(String, [UInt8], String)] = [
    ("text", Array("This is a text, and no file of numbers.".utf8), "it is no GGUF file"),
    ("no entry", OldImportance.bytes([], pieces: 1, text: ""), "0 entries in 12 bytes"),
    ("fewer entries", [255, 255, 255, 255] + [UInt8](repeating: 0, count: 40), "at byte 0 is -1"),
    ("NaN", OldImportance.bytes([("a", 1, [1, .nan])], pieces: 1, text: ""), "value 1 of 'a'"),
    ("negative", OldImportance.bytes([("a", 1, [-1])], pieces: 1, text: ""), "at byte 17, is -1"),
    (
      "negative pieces", OldImportance.bytes([("a", -1, [1])], pieces: 1, text: ""),
      "'a', at byte 9"
    ),
    (
      "no values", OldImportance.bytes([("a", 1, []), ("b", 1, [1])], pieces: 1, text: ""),
      "entry 1 of 2, 'a', has no values"
    ),
    (
      "a name twice", OldImportance.bytes([("a", 1, [1]), ("a", 1, [1])], pieces: 1, text: ""),
      "'a' is there twice"
    ),
    (
      "a long name",
      GGUFBytes.little(Int32(1)) + GGUFBytes.little(Int32.max)
        + [UInt8](repeating: 65, count: 40), "the name of entry 1 of 1"
    ),
  ]

  @Test(arguments: damagedOlder.map(\.0)) func damagedOlderFilesAreRefused(_ name: String) throws {
    let (_, bytes, part) = try #require(Self.damagedOlder.first { $0.0 == name })
    let told = sentence(bytes)
    #expect(told.contains(part), "\(told)")
    #expect(told.hasPrefix("cannot use the importance file "), "\(told)")
  }

  @Test func truncatedFilesAreRefused() throws {
    let whole = try written(.gguf)
    // What is missing at the end may be padding.
    for count in 1..<whole.count - 24 {
      #expect(throws: CheckpointError.self) { try read(Array(whole.prefix(count))) }
    }
    let old = try written(.old)
    let entriesEnd = old.count - 8 - "notes.txt".utf8.count
    for count in 1..<old.count where count != entriesEnd && count != entriesEnd + 4 {
      #expect(throws: CheckpointError.self, "\(count)") { try read(Array(old.prefix(count))) }
    }
    #expect(throws: CheckpointError.empty) { try ImportanceMatrix(contentsOf: file("empty", [])) }
    #expect(throws: CheckpointError.self) { try ImportanceMatrix(contentsOf: folder.path) }
    #expect(throws: CheckpointError.self) {
      try ImportanceMatrix(contentsOf: folder.file("nothing"))
    }
  }

  private func file(_ name: String, _ bytes: [UInt8]) -> String {
    TemporaryFolder.write(bytes, to: folder.file(name))
    return folder.file(name)
  }

  // MARK: - What it does

  /// Queries and up to two experts of a block, of 32 columns.
  static func model(blocks: Int = 1) -> Parameters {
    Parameters(
      (0..<blocks).flatMap { block in
        ["attn_q", "ffn_up_exps.0", "ffn_up_exps.1"].enumerated().map { number, layer in
          let tensor = try? Samples.tensor(
            .f32, [4, 32], seed: UInt64(number + 3 * block)
          ).tensor()
          return Parameter(
            name: "blk.\(block).\(layer).weight", shape: [4, 32], dtype: .f32,
            place: Place(block: block, layer: layer, role: .linear),
            load: { tensor ?? Tensor([4, 32], [Float](repeating: 0, count: 128)) })
        }
      })
  }

  private func plan(
    _ matrix: ImportanceMatrix, path: String? = "a/imatrix.gguf", blocks: Int = 1
  ) throws -> GGUFPlan {
    var matrix = matrix
    matrix.path = path
    return try GGUFPlan.make(
      parameters: Self.model(blocks: blocks), storage: .blocks(.q4_0), importance: matrix)
  }

  /// Errors are weighed by means, and what has seen nothing, by 1.
  @Test func expertsHaveCountsOfTheirOwn() throws {
    let path = folder.file("a.gguf")
    try plan(Self.sample).write(to: path)
    let file = try Checkpoint.open(path)
    let means: [[Float]] = [
      (1...32).map { Float($0) / 4 }, (1...32).map { Float($0) / 4 / 3 },
      [Float](repeating: 1, count: 32),
    ]
    for (parameter, means) in zip(Self.model(), means) {
      let blocks = try #require(
        try parameter.tensor().blocks(of: .q4_0, importance: means))
      let expected = unsafe blocks.withUnsafeBytes {
        unsafe Tensor([4, 32], dequantizing: $0, from: .q4_0)
      }
      #expect(try file.parameters[parameter.name]?.tensor().array == expected?.array)
    }
  }

  /// The keys of llama.cpp's quantize, and its types; none where nothing is weighed.
  @Test func theFileTellsOfIt() throws {
    let path = folder.file("a.gguf")
    try plan(Self.sample).write(to: path)
    let told = try #require(try Checkpoint.open(path).gguf)
    #expect(told["quantize.imatrix.file"] == .text("a/imatrix.gguf"))
    #expect(told["quantize.imatrix.dataset"] == .text("notes.txt"))
    #expect(told["quantize.imatrix.entries_count"] == .unsigned(2))
    #expect(told["quantize.imatrix.chunks_count"] == .unsigned(2))
    try plan(ImportanceMatrix(Self.sample.entries), path: nil).write(to: path)
    let short = try #require(try Checkpoint.open(path).gguf)
    #expect(short.keys.filter { $0.hasPrefix("quantize.") } == ["quantize.imatrix.entries_count"])
    try GGUFPlan.make(parameters: Self.model(), storage: .blocks(.q8_0), importance: Self.sample)
      .write(to: path)
    let plain = try #require(try Checkpoint.open(path).gguf)
    #expect(plain.keys.allSatisfy { !$0.hasPrefix("quantize.") })
  }

  /// What was read from a file has to fit; what was measured here may be of what was cut since.
  @Test func otherModelsAreRefused() throws {
    func told(_ entries: [String: ImportanceMatrix.Entry], blocks: Int = 1) -> String {
      do {
        let plan = try plan(ImportanceMatrix(entries), blocks: blocks)
        return "taken: \(plan.entries.map(\.isWeighted))"
      } catch {
        return "\(error)"
      }
    }
    let (query, stack) = ("blk.0.attn_q.weight", "blk.0.ffn_up_exps.weight")
    let whole = Self.sample.entries
    #expect(told(whole) == "taken: [true, true]")
    #expect(told(["x": .init(sums: [1], counts: [1])]).contains("the first of which is 'x'"))
    #expect(
      told([query: whole[query] ?? .init(sums: [1], counts: [1])])
        .contains(
          "it has nothing for 'blk.0.ffn_up_exps.weight', but for other matrices of block 0"))
    let short = ImportanceMatrix.Entry(sums: [1, 2, 3], counts: [1])
    #expect(
      told(whole.merging([query: short]) { $1 }).contains(
        "'blk.0.attn_q.weight' has 3 values and 1 count, and 32 columns in the model"))
    let odd = ImportanceMatrix.Entry(sums: [Float](repeating: 1, count: 64), counts: [1, 1, 1, 1])
    #expect(
      told(whole.merging([stack: odd]) { $1 }).contains(
        "has 64 values and 4 counts, and 32 columns for each of 2 experts in the model"))
    // One number for all experts is what older files have; a block that was not run has nothing.
    let one = ImportanceMatrix.Entry(sums: [Float](repeating: 1, count: 64), counts: [2])
    #expect(
      told(whole.merging([stack: one]) { $1 }, blocks: 2) == "taken: [true, true, false, false]")
    var measured = Self.sample
    measured.entries[query] = short
    #expect(try plan(measured, path: nil).entries.map(\.isWeighted) == [false, true])
  }

  /// Layers of a Hugging Face folder under llama.cpp's names, experts together.
  @Test func layersHaveTheNamesOfLlamaCpp() throws {
    let checkpoint = try LlamaFolder.mixtral.open()
    var layers: [String: InputSums] = [:]
    for parameter in checkpoint.parameters where parameter.place.role == .linear {
      if parameter.name.contains("experts.1.") { continue }
      layers[parameter.name] = InputSums(
        squares: (0..<parameter.shape.columns).map { Double($0) }, rows: 5)
    }
    let matrix = try ImportanceMatrix(layers, of: checkpoint, window: 2, dataset: "text")
    let names = ["attn_k", "attn_output", "attn_q", "attn_v"].map { "blk.1.\($0).weight" }
    let stacks = ["down", "gate", "up"].map { "blk.1.ffn_\($0)_exps.weight" }
    #expect(matrix.entries.keys.filter { $0.hasPrefix("blk.1.") }.sorted() == names + stacks)
    let up = try #require(matrix.entries["blk.0.ffn_up_exps.weight"])
    #expect(up.counts == [5, 0, 5])
    #expect(
      up.sums == (0..<8).map { Float($0) } + [Float](repeating: 0, count: 8)
        + (0..<8).map { Float($0) })
    #expect(matrix.chunkCount == 3 && matrix.chunkSize == 2 && matrix.datasets == ["text"])
  }
}

/// The older form, put together byte by byte.
enum OldImportance {
  static func bytes(
    _ entries: [(name: String, pieces: Int32, values: [Float])], pieces: Int32, text: String
  ) -> [UInt8] {
    func named(_ text: String) -> [UInt8] {
      GGUFBytes.little(Int32(text.utf8.count)) + Array(text.utf8)
    }
    let body = entries.flatMap { entry in
      named(entry.name) + GGUFBytes.little(entry.pieces)
        + GGUFBytes.little(Int32(entry.values.count))
        + entry.values.flatMap { GGUFBytes.little($0.bitPattern) }
    }
    return GGUFBytes.little(Int32(entries.count)) + body + GGUFBytes.little(pieces) + named(text)
  }
}
