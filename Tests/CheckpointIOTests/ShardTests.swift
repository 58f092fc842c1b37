import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Folders, and checkpoints split into shards that an index lists.
@Suite struct ShardTests {
  let folder = TemporaryFolder()
  private static let indexName = "model.safetensors.index.json"
  private static let names = [
    "lm_head.weight", "model.layers.0.a.weight", "model.layers.1.a.weight",
  ]

  private func parameter(_ name: String, seed: UInt64) -> Parameter {
    Samples.tensor(.f32, [3, 5], seed: seed, name: name)
  }

  private func shard(_ number: Int) -> String { "model-0000\(number)-of-00003.safetensors" }

  private func write(_ text: String, to name: String) {
    TemporaryFolder.write(Array(text.utf8), to: folder.file(name))
  }

  private func writeShards() throws {
    for (number, name) in Self.names.enumerated() {
      let plan = try SavePlan.make(
        parameters: Parameters([parameter(name, seed: UInt64(number))]), form: .dense(nil))
      try plan.write(to: folder.file(shard(number + 1)))
    }
    write(Self.index(Self.names.enumerated().map { ($1, shard($0 + 1)) }), to: Self.indexName)
  }

  private static func index(_ map: [(tensor: String, file: String)]) -> String {
    let pairs = map.map { "\"\($0.tensor)\": \"\($0.file)\"" }
    return #"{"metadata": {"total_size": 180}, "weight_map": {"#
      + pairs.joined(separator: ", ") + "}}"
  }

  private func sentence(_ name: String) -> String {
    CheckpointIOTests.sentence(opening: try Checkpoint.open(folder.file(name)))
  }

  @Test(arguments: ["", indexName] + (1...3).map { "model-0000\($0)-of-00003.safetensors" })
  func folderIndexAndShardsOpenTheSame(name: String) throws {
    try writeShards()
    let whole = try SavePlan.make(
      parameters: Parameters(Self.names.enumerated().map { parameter($1, seed: UInt64($0)) }),
      form: .dense(nil))
    try whole.write(to: folder.file("whole.safetensors"))
    let single = try Checkpoint.open(folder.file("whole.safetensors"))
    let sharded = try Checkpoint.open(folder.file(name))
    #expect(sharded.warnings.isEmpty)
    #expect(sharded.format == "safetensors")
    #expect(sharded.name == folder.path.split(separator: "/").last.map(String.init))
    #expect(sharded.path.map { String($0.suffix(Self.indexName.count)) } == Self.indexName)
    #expect(Set(sharded.tensors.map(\.name)) == Set(single.tensors.map(\.name)))
    for parameter in single.parameters {
      let other = try #require(sharded.parameters[parameter.name])
      #expect(other.shape == parameter.shape && other.dtype == parameter.dtype)
      #expect(other.place == parameter.place)
      #expect(try other.tensor().array == parameter.tensor().array)
    }
    let sizes = (1...3).map { TemporaryFolder.bytes(folder.file(shard($0))).count }
    #expect(sharded.fileByteCount == sizes.reduce(0, +))
    let plan = try SavePlan.make(parameters: sharded.parameters, of: sharded, form: .dense(nil))
    for own in [shard(2), Self.indexName] {
      #expect(throws: CheckpointError.sameFile(path: folder.file(own))) {
        try plan.write(to: folder.file(own))
      }
    }
  }

  @Test func aMissingShardIsNamedAndTheRestOpens() throws {
    try writeShards()
    for damaged in [[], [1, 2, 3], Array(TemporaryFolder.bytes(folder.file(shard(2))).dropLast())] {
      TemporaryFolder.write(damaged, to: folder.file(shard(2)))
      let sentence = sentence("")
      #expect(sentence.hasPrefix("opened 2; shard '\(shard(2))' cannot be used, and 1 tensor with"))
    }
    write(Self.index([("a", "gone.safetensors")]), to: Self.indexName)
    #expect(sentence("").hasPrefix("part 'gone.safetensors' of the checkpoint cannot be used: "))
    write(Self.index([(Self.names[0], shard(1)), ("x", "gone.safetensors")]), to: Self.indexName)
    #expect(
      sentence("")
        == "opened 1; shard 'gone.safetensors' is missing, and 1 tensor with it: "
        + "No such file or directory")
    #expect(
      sentence(shard(3)).hasSuffix("3 of 3 is opened alone: \(Self.indexName) does not list it"))
  }

  @Test func indexAndShardsThatDisagreeAreWarnedAbout() throws {
    try writeShards()
    write(
      Self.index([
        (Self.names[0], shard(2)), ("x", shard(1)), (Self.names[1], shard(2)),
        (Self.names[2], shard(3)),
      ]), to: Self.indexName)
    let sentence = sentence("")
    #expect(sentence.hasPrefix("opened 2; "))
    #expect(sentence.contains("of shard '\(shard(1))' is left out: the index has it in"))
    #expect(sentence.contains("shard '\(shard(1))' lacks tensor 'x' of the index"))
    #expect(sentence.contains("shard '\(shard(2))' lacks tensor 'lm_head.weight'"))
    write(Self.index([(Self.names[0], shard(1)), ("x", shard(2))]), to: Self.indexName)
    #expect(
      self.sentence(shard(1)).contains(
        "tensor 'model.layers.0.a.weight' of shard '\(shard(2))' is not in the index"))
  }

  static let refusals: [(String, String)] = [
    (index([("a", "../x.safetensors")]), "a shard is a file beside the index, not a path"),
    (index([("a", "/etc/passwd")]), "a shard is a file beside the index, not a path"),
    (index([("a", "..")]), "a shard is a file beside the index, not a path"),
    (index([("a", "")]), "a shard is a file beside the index, not a path"),
    (index([("a", "b\\u0000c")]), "a shard is a file beside the index, not a path"),
    (index([("a", String(repeating: "n", count: 256))]), "a file beside the index"),
    (index([("a", "b"), ("a", "c")]), "'a' is listed twice"),
    (index((0...512).map { ("t\($0)", "f\($0)") }), "number of shards exceeds the limit of 512"),
    (index([(String(repeating: "n", count: 9000), "b")]), "name exceeds the limit of 8,192"),
    (index([]), "an index of shards that lists none"),
    (#"{"model_type": "llama"}"#, "JSON without a weight_map"),
    (#"{"weight_map": {"a": 1}}"#, "invalid JSON at byte 21"),
    (#"{"weight_map": {"a": "b"}, "weight_map": {"a": "b"}}"#, "a second weight_map"),
    (#"{"weight_map": {"a": "b"}} x"#, "text after the end"),
    (#"{"metadata": "# + String(repeating: "[", count: 100_000), "nested deeper"),
    (index([("a", indexName)]), "part '\(indexName)' of the checkpoint cannot be used"),
  ]

  @Test(arguments: refusals) func aHostileIndexIsRefused(text: String, words: String) {
    write(text, to: Self.indexName)
    let sentence = sentence("")
    #expect(sentence.contains(words), "\(sentence)")
    #expect(!sentence.contains("\n") && sentence.count < 600)
  }

  @Test func theIndexInMemoryHasNoShards() {
    let text = Array(Self.index([("a", "b")]).utf8)
    #expect(throws: CheckpointError.self) { try Checkpoint.open(bytes: text, name: "index") }
  }

  @Test func noDamageToTheIndexTraps() throws {
    try writeShards()
    let whole = TemporaryFolder.bytes(folder.file(Self.indexName))
    for count in 0..<whole.count {
      TemporaryFolder.write(Array(whole.prefix(count)), to: folder.file(Self.indexName))
      #expect(!sentence("").hasPrefix("opened"), "\(count) bytes of \(whole.count)")
    }
    var random = SplitMix64(seed: 20_261_121)
    let marks = Array("0123456789-.,:[]{}\"\\/".utf8)
    var opened = 0
    for _ in 0..<1000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let offset = Int.random(in: 0..<bytes.count - 9, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[offset] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[offset] = marks.randomElement(using: &random) ?? 0
        case 2: bytes.removeSubrange(offset..<offset + 8)
        default: bytes.insert(contentsOf: bytes[offset..<offset + 8], at: offset)
        }
      }
      TemporaryFolder.write(bytes, to: folder.file(Self.indexName))
      if sentence("").hasPrefix("opened") { opened += 1 }
    }
    #expect(opened > 0 && opened < 1000, "\(opened) of 1000 opened")
  }

  @Test(arguments: ["/.", "/./", "//"]) func theFolderHasItsNameByAnyPath(ending: String) throws {
    try writeShards()
    let name = folder.path.split(separator: "/").last.map(String.init)
    #expect(try Checkpoint.open(folder.path + ending).name == name)
  }

  @Test func aShardWithoutItsIndexOpensAlone() throws {
    try writeShards()
    write("{", to: Self.indexName)
    #expect(sentence(shard(1)).contains("opened alone: \(Self.indexName) is ignored: invalid JSON"))
    try plainCopy()
    #expect(
      sentence("part-00001-of-00002.safetensors")
        == "opened 1; shard 1 of 2 is opened alone: there is no "
        + "part.safetensors.index.json beside it")
  }

  private func plainCopy() throws {
    TemporaryFolder.write(
      TemporaryFolder.bytes(folder.file(shard(1))),
      to: folder.file("part-00001-of-00002.safetensors"))
  }

  @Test func aFolderHasOneFileOrIsRefused() throws {
    #expect(
      throws: CheckpointError.directory(path: folder.file("")),
      performing: {
        _ = try Checkpoint.open(folder.file(""))
      })
    #expect(sentence("").contains("is a directory without model.safetensors"))
    let plan = try SavePlan.make(
      parameters: Parameters([parameter("a", seed: 1)]), form: .dense(nil))
    try plan.write(to: folder.file("model.safetensors"))
    #expect(sentence("") == "opened 1")
    #expect(throws: CheckpointError.notARegularFile(path: "standard input")) {
      try Checkpoint.open("-")
    }
  }

  @Test func pyTorchShardsOpenToo() throws {
    TemporaryFolder.write(
      ZipBytes.pytorch(rows: 2, columns: 3),
      to: folder.file("pytorch_model-00001-of-00002.bin"))
    write(
      Self.index([
        ("a", "pytorch_model-00001-of-00002.bin"), ("b", "pytorch_model-00002-of-00002.bin"),
      ]), to: "pytorch_model.bin.index.json")
    let lacking = try Checkpoint.open(folder.path)
    #expect(lacking.format == "pytorch")
    #expect(try lacking.parameters["a"]?.tensor().array == [0, 1, 2, 3, 4, 5])
    #expect(lacking.warnings.count == 1)
    TemporaryFolder.write(
      OldPyTorchBytes.file(
        pickle: OldPyTorchBytes.pickle("b", rows: 1, columns: 2), [("0", 2, [0, 1])]),
      to: folder.file("pytorch_model-00002-of-00002.bin"))
    for name in ["", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"] {
      let whole = try Checkpoint.open(folder.file(name))
      #expect(whole.warnings.isEmpty)
      #expect(try whole.parameters["a"]?.tensor().array == [0, 1, 2, 3, 4, 5])
      #expect(try whole.parameters["b"]?.tensor().array == [0, 1])
    }
  }

  @Test func settingsBesideItAreRead() throws {
    try writeShards()
    write(#"{"num_hidden_layers": 2, "eos_token_id": 7}"#, to: "config.json")
    write(#"{"eos_token_id": 8, "temperature": 0.6}"#, to: "generation_config.json")
    let configuration = try Checkpoint.open(folder.path).configuration
    #expect(configuration["n_layer"] == "2")
    #expect(configuration["eos_token_id"] == "7")
    #expect(configuration["temperature"] == "0.6")
  }

  @Test(.enabled(if: SharedData.isPresent), arguments: [("tiny_llama", 4), ("tiny_mixtral", 7)])
  func realFoldersOpen(name: String, shards: Int) throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/\(name)"))
    #expect(checkpoint.warnings.isEmpty)
    #expect(checkpoint.name == name)
    #expect(checkpoint.blockMap.blocks.count > 0)
    #expect(checkpoint.configuration["n_layer"] == String(checkpoint.blockMap.blocks.count))
    for number in 1...shards {
      let file = "samples/\(name)/model-0000\(number)-of-0000\(shards).safetensors"
      #expect(try Checkpoint.open(SharedData.path(file)).tensors == checkpoint.tensors)
    }
  }
}
