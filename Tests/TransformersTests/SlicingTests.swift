import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// A sliced network is the network it comes from.
@Suite struct SlicingTests {
  static let text = TinyModel.text(TinyModel.context)

  static func slice(_ model: ZeroedModel) throws -> SlicedNetwork {
    try SlicedNetwork(ModelState(model.parameters, configuration: ZeroedModel.settings))
  }

  static func network(_ sliced: SlicedNetwork) throws -> Network {
    try Network.make(sliced.model.parameters, configuration: sliced.model.configuration)
  }

  /// Logits agree to 1e-5 of the largest, or to what products lose.
  static func expectSameOutputs(_ model: ZeroedModel, _ sliced: SlicedNetwork) throws {
    let before = try Network.make(model.parameters, configuration: ZeroedModel.settings)
    let wanted = try before.logits(text).array
    let found = try network(sliced).logits(text).array
    let largest = wanted.reduce(0) { max($0, abs($1)) }
    let worst = zip(wanted, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(wanted.count == found.count)
    let share = Float(max(1e-5, 4 * Precision.f32.resolution))
    #expect(worst <= share * largest, "off by \(worst / largest)")
  }

  static func random(_ seed: UInt64, _ hasBias: Bool) -> ZeroedModel {
    var model = ZeroedModel(seed: seed, hasBias: hasBias)
    model.zeroAtRandom()
    return model
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>, [false, true])
  func randomZerosGoWithoutATrace(_ seed: UInt64, _ hasBias: Bool) throws {
    let model = Self.random(seed, hasBias)
    let sliced = try Self.slice(model)
    #expect(!sliced.isUnchanged)
    #expect(sliced.changes.hidden.removed > 0 && sliced.changes.keys.removed > 0)
    #expect(sliced.changes.values.removed > 0)
    try Self.expectSameOutputs(model, sliced)
    // Nothing is left to go.
    let again = try SlicedNetwork(sliced.model)
    #expect(again.isUnchanged && again.model.configuration == sliced.model.configuration)
  }

  /// Attention, the MLP or both of a block are gone, in the first block or another.
  @Test(arguments: [0, 1], [false, true])
  func wholeBranchesGo(_ block: Int, _ hasBias: Bool) throws {
    var model = ZeroedModel(seed: 3, hasBias: hasBias)
    model.zero(heads: [1], block: block)
    var sliced = try Self.slice(model)
    #expect(sliced.changes.heads.removed == 1)
    #expect(sliced.changes.keys.removed == ZeroedModel.head)
    try Self.expectSameOutputs(model, sliced)
    model.zero(heads: [0, 1, 2, 3], block: block)
    sliced = try Self.slice(model)
    #expect(sliced.blocks[block].heads.isEmpty)
    #expect(sliced.model.parameters["h.\(block).attn.c_attn.weight"] == nil)
    try Self.expectSameOutputs(model, sliced)
    model.zeroMLP(block: block)
    model.zeroMLP(block: 1 - block)
    sliced = try Self.slice(model)
    #expect(sliced.blocks.allSatisfy { $0.hidden == 0 })
    #expect(sliced.model.parameters["h.\(block).mlp.c_proj.weight"] == nil)
    try Self.expectSameOutputs(model, sliced)
    #expect(try Self.network(sliced).evaluate(TinyModel.text(100)).loss.isFinite)
  }

  /// A head may lose all its keys and still mean its values.
  @Test func headsWithoutKeysStay() throws {
    var model = ZeroedModel(seed: 4, hasBias: true)
    model.zero("h.0.attn.c_attn", rows: Array(20..<25), bias: false)
    let sliced = try Self.slice(model)
    #expect(sliced.blocks[0].heads[0] == BlockShape.Head(keys: 0, values: 5))
    #expect(sliced.changes.heads.removed == 0)
    try Self.expectSameOutputs(model, sliced)
  }

  /// What a channel gives to every token has to go somewhere.
  @Test func constantsStayWhereNoBiasTakesThem() throws {
    var model = ZeroedModel(seed: 5, hasBias: true)
    model.zero("h.1.mlp.c_fc", rows: [3, 4], bias: false)
    #expect(try Self.slice(model).changes.hidden.removed == 2)
    model.remove("h.1.mlp.c_proj.bias")
    #expect(try Self.slice(model).isUnchanged)
    model.zero("h.1.mlp.c_fc", rows: [4], bias: true)
    let sliced = try Self.slice(model)
    #expect(sliced.changes.hidden.removed == 1)
    try Self.expectSameOutputs(model, sliced)
  }

  @Test func wholeNetworksStayAsTheyAre() throws {
    let model = ZeroedModel(seed: 6, hasBias: true)
    let sliced = try Self.slice(model)
    #expect(sliced.isUnchanged && sliced.model.configuration == ZeroedModel.settings)
    for (a, b) in zip(model.parameters, sliced.model.parameters) { #expect(a.isIdentical(to: b)) }
  }

  @Test(arguments: [Float.nan, .infinity])
  func blocksWithoutFiniteNumbersStayWhole(_ value: Float) throws {
    var model = Self.random(7, false)
    model.change("h.0.mlp.c_proj.weight") { row, column, old in
      row == 0 && column == 0 ? value : old
    }
    let blocks = try Self.slice(model).blocks
    #expect(blocks[0] == BlockShape(heads: 4, headWidth: 5, hidden: 80))
    #expect(blocks[1].hidden < 80)
  }

  /// With a cache, on any number of threads, and in bf16.
  @Test(arguments: [false, true])
  func slicedNetworksWrite(_ hasBias: Bool) throws {
    let network = try Self.network(Self.slice(Self.random(8, hasBias)))
    var text = TinyModel.text(3)
    let written = try [1, 2, 3].map {
      try network.generate(
        prompt: text, count: TinyModel.context - 3, sampling: Sampling(temperature: 0), threads: $0
      ).tokens
    }
    #expect(written[0] == written[1] && written[1] == written[2])
    for token in written[0] {
      let logits = try network.logits(text)
      let last = text.count - 1
      let best = (0..<TinyModel.vocabulary).reduce(0) {
        logits[last, $1] > logits[last, $0] ? $1 : $0
      }
      #expect(token == best)
      text.append(token)
    }
    let tokens = TinyModel.text(500)
    let losses = try [Precision.f32, .bf16].map {
      try network.evaluate(tokens, precision: $0).loss
    }
    #expect(abs(losses[0] - losses[1]) < 0.05)
    #expect(try network.generate(prompt: [1], count: 60, precision: .bf16).tokens.count == 60)
  }

  /// What the file says is all that reading it needs.
  @Test(arguments: [false, true]) func aFileGivesThemBack(_ hasBias: Bool) throws {
    var model = Self.random(9, hasBias)
    model.zero(heads: [0, 1, 2, 3], block: 0)
    let sliced = try Self.slice(model)
    let folder = TemporaryFolder()
    let path = folder.file("sliced.safetensors")
    let record = ["pare.blocks": try #require(sliced.model.configuration["pare.blocks"])]
    let metadata = record.merging(
      SavePlan.metadata(configuration: ZeroedModel.settings, vocabulary: ["a"])
    ) { $1 }
    try SavePlan.make(
      parameters: sliced.model.parameters, metadata: metadata, form: .dense(nil)
    ).write(to: path)
    let checkpoint = try Checkpoint.open(path)
    let read = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    #expect(try read.logits(Self.text).array == Self.network(sliced).logits(Self.text).array)
    // Saved again, the record goes along.
    let copy = folder.file("copy.safetensors")
    try SavePlan.make(parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
      .write(to: copy)
    #expect(try Checkpoint.open(copy).configuration == checkpoint.configuration)
    #expect(try Checkpoint.open(copy).metadata["pare.blocks"] == record["pare.blocks"])
  }
}

/// Records that no slicing can have written.
@Suite struct BlockShapeRecordTests {
  static let whole = """
    {"keys": [10, 10], "mlp": 80, "values": [10, 10]}
    """

  static func record(_ blocks: [String], headSize: String = "10") -> String {
    "{\"blocks\": [\(blocks.joined(separator: ", "))], \"head_size\": \(headSize)}"
  }

  @Test func wholeBlocksAreFine() throws {
    let network = try Network.make(
      TinyModel.parameters(),
      configuration: ["pare.blocks": Self.record([Self.whole, Self.whole])])
    let other = try TinyModel.network()
    let text = SlicingTests.text
    #expect(network.configuration.heads == 2)
    #expect(try network.logits(text).array == other.logits(text).array)
  }

  @Test(arguments: [
    ("", "does not list widths of blocks"), ("[]", "does not list widths of blocks"),
    (String(repeating: "[", count: 100_000), "does not list widths of blocks"),
    (record([whole, whole], headSize: "1e99"), "does not list widths of blocks"),
    (record([whole, "{\"keys\": [1.5], \"mlp\": 1, \"values\": [1]}"]), "does not list widths"),
    (record([whole, whole], headSize: "0"), "heads of 0, as its pare.blocks says"),
    (record([whole, whole], headSize: "-10"), "heads of -10, as its pare.blocks says"),
    (record([whole, whole], headSize: "3"), "do not divide its width of 20"),
    (record([whole, whole], headSize: "5"), "2 heads where its pare.blocks makes them 4"),
    (record([whole]), "it has 2 blocks where its pare.blocks lists 1"),
    (
      record([whole, "{\"keys\": [10], \"mlp\": 80, \"values\": [10, 10]}"]), "gives block 1 widths"
    ),
    (
      record([whole, "{\"keys\": [1, 1, 1], \"mlp\": 80, \"values\": [1, 1, 1]}"]),
      "not left of 2 heads of 10"
    ),
    (record(["{\"keys\": [11], \"mlp\": 80, \"values\": [10]}", whole]), "gives block 0 widths"),
    (record([whole, "{\"keys\": [-1], \"mlp\": 80, \"values\": [10]}"]), "gives block 1 widths"),
    (record([whole, "{\"keys\": [1], \"mlp\": 80, \"values\": [0]}"]), "gives block 1 widths"),
    (record([whole, "{\"keys\": [], \"mlp\": -1, \"values\": []}"]), "gives block 1 widths"),
    (record([whole, "{\"keys\": [9], \"mlp\": 80, \"values\": [10]}"]), "should be 28 × 20"),
    (
      record([whole, "{\"keys\": [10, 10], \"mlp\": 9223372036854775807, \"values\": [10, 10]}"]),
      "9223372036854775807 hidden channels, which is beyond any model"
    ),
    (
      record([whole, "{\"keys\": [10, 10], \"mlp\": 0, \"values\": [10, 10]}"]),
      "should not be there"
    ),
  ])
  func isRefusedWithASentence(_ record: String, _ sentence: String) {
    let obstacle = Network.obstacle(
      of: TinyModel.parameters(), configuration: ["n_head": "2", "pare.blocks": record])
    #expect(obstacle?.contains(sentence) == true, "\(obstacle ?? "none")")
    #expect(obstacle?.hasPrefix("This model cannot be run: ") == true)
  }
}
