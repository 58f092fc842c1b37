import CheckpointIO
import Compression
import Jobs
import Models
import TestSupport
import Tensors
import Testing

/// Layers that a pass puts in blocks of ggml's, on a network that was trained.
@Suite struct BlockPassTests {
  /// Formats whose blocks are as short as the network's rows.
  static let blocks: [Quantize.Block] = [.q8_0, .q5_1, .q5_0, .q4_1, .q4_0, .iq4NL, .mxfp4]

  private static func pass(_ block: Quantize.Block, _ method: Quantize.Method) -> Quantize {
    var pass = Quantize()
    (pass.scheme, pass.block, pass.method) = (.blocks, block, method)
    pass.calibration.sequences = 24
    pass.calibration.length = 32
    return pass
  }

  private static func apply(
    _ pass: Quantize, threads: Int = 2, layers: LayerSelection = .all
  ) throws -> ModelState {
    try pass.apply(
      to: CalibrationTests.model(), layers: layers, in: JobContext(threads: threads))
  }

  /// Values are to the bit what the blocks hold that a file will have.
  @Test(arguments: blocks, Quantize.Method.allCases)
  func valuesAreThoseOfTheirBlocks(_ block: Quantize.Block, _ method: Quantize.Method) throws {
    let changed = try Self.apply(Self.pass(block, method))
    for layer in LayerSelection.all.of(changed.parameters) {
      let origin = try #require(layer.origin)
      #expect(origin.format.rawValue == block.rawValue.uppercased())
      let bytes = try origin.read()
      let held = unsafe bytes.withUnsafeBytes {
        unsafe Tensor(layer.shape, dequantizing: $0, from: origin.format)
      }
      #expect(try layer.tensor().array == held?.array)
    }
  }

  /// A packed file has the very blocks.
  @Test func filesHaveTheBlocks() throws {
    let folder = TemporaryFolder()
    let changed = try Self.apply(Self.pass(.iq4NL, .gptq))
    let plan = try SavePlan.make(
      parameters: changed.parameters, of: nil, metadata: [:], form: .packed)
    let path = folder.file("out.safetensors")
    _ = try plan.write(to: SaveOutput(path, overwrite: false))
    let back = try Checkpoint.open(path).parameters
    for layer in LayerSelection.all.of(changed.parameters) {
      let stored = try #require(back[layer.name])
      #expect(stored.origin?.format == .iq4NL)
      #expect(try stored.tensor().array == layer.tensor().array)
    }
  }

  /// So has a GGUF file, under llama.cpp's names.
  @Test func filesOfLlamaCppHaveTheBlocks() throws {
    let folder = TemporaryFolder()
    let checkpoint = try Checkpoint.open(Fixtures.path("tiny.safetensors"))
    let changed = try Self.apply(Self.pass(.q4_0, .gptq))
    let plan = try GGUFPlan.make(
      parameters: changed.parameters, of: checkpoint, metadata: [:], storage: .own)
    let path = folder.file("out.gguf")
    _ = try plan.write(to: SaveOutput(path, overwrite: false))
    let back = try Checkpoint.open(path).parameters
    let count = LayerSelection.all.of(changed.parameters).count
    #expect(back.count { $0.blocks == .q4_0 } == count)
  }

  @Test(arguments: [Quantize.Block.q4_1, .iq4NL])
  func whatSeesInputsLosesLess(_ block: Quantize.Block) throws {
    let model = try CalibrationTests.model()
    let nearest = try CalibrationTests.losses(of: Self.apply(Self.pass(block, .nearest)), model)
    let gptq = try CalibrationTests.losses(of: Self.apply(Self.pass(block, .gptq)), model)
    let better = zip(gptq, nearest).count { $0 <= $1 }
    #expect(better * 10 >= gptq.count * 9)
  }

  @Test(arguments: Quantize.Method.allCases)
  func threadsDoNotMatter(_ method: Quantize.Method) throws {
    let one = try Self.apply(Self.pass(.q4_0, method), threads: 1).parameters
    for threads in [2, 5] {
      let many = try Self.apply(Self.pass(.q4_0, method), threads: threads).parameters
      #expect(try many.bits() == one.bits())
    }
  }

  /// What a mask prunes stays 0, whatever the blocks can hold.
  @Test(arguments: Quantize.Method.allCases)
  func whatIsPrunedStaysSo(_ method: Quantize.Method) throws {
    let model = try CalibrationTests.model()
    let pruned = try Prune().apply(to: model, layers: .all, in: JobContext())
    let changed = try Self.pass(.q4_1, method).apply(to: pruned, layers: .all, in: JobContext())
    for layer in LayerSelection.all.of(changed.parameters) {
      let mask = try #require(layer.mask)
      #expect(mask == pruned.parameters[layer.name]?.mask)
      let values = try layer.tensor().array
      #expect(values.indices.allSatisfy { mask[$0] || values[$0].bitPattern == 0 })
    }
  }

  @Test func rowsThatAreNoBlocksAreNamed() throws {
    #expect(
      throws: PassError(
        "transformer.h.0.attn.c_attn.weight has rows of 32, no multiple of the 256 that q4_k needs; "
          + "mix gives such layers another level")
    ) { try Self.apply(Self.pass(.q4K, .nearest)) }
    #expect(
      throws: PassError(
        "quantize gptq rounds weight by weight, and those of tq1_0 share bits")
    ) { try Self.pass(.tq1_0, .gptq).validate() }
  }

  // MARK: Levels by layer

  @Test(arguments: Quantize.Method.allCases)
  func layersHaveTheLevelOfTheirPattern(_ method: Quantize.Method) throws {
    let model = try CalibrationTests.model()
    var pass = Self.pass(.q4_0, method)
    (pass.scheme, pass.bits) = (.affine, 4)
    pass.mix = "none=block.1.attn.* iq4_nl=block.0.mlp.* 2=block.*.mlp.c_fc ternary=block.1.mlp.*"
    let changed = try pass.apply(to: model, layers: .all, in: JobContext()).parameters
    for layer in LayerSelection.all.of(changed) {
      let before = try #require(model.parameters[layer.name])
      switch (layer.place.block, layer.place.layer) {
      case (1, "attn.c_attn"), (1, "attn.c_proj"): #expect(layer.isIdentical(to: before))
      case (0, "mlp.c_fc"), (0, "mlp.c_proj"):
        #expect(layer.origin?.format == .iq4NL && layer.grid == nil)
      case (1, "mlp.c_proj"): #expect(layer.grid?.codes == -1...1)
      case (_, "mlp.c_fc"): #expect(layer.grid?.bits == 2)
      default: #expect(layer.grid?.bits == 4 && layer.grid?.zeros.isEmpty == false)
      }
    }
  }

  @Test(arguments: [
    ("3", "mix has words such as 3=block.0.*, not 3"),
    ("9=block.*", "mix knows bits from 1 to 8, block formats, ternary, binary and none, not 9"),
    ("4=", "mix has words such as 3=block.0.*, not 4="),
    ("tq1_0=*", "quantize gptq rounds weight by weight, and those of tq1_0 share bits"),
    ("binary=*", "quantize gptq needs more than the two levels of binary"),
  ])
  func whatIsNoMixIsRefused(_ mix: String, _ sentence: String) {
    var pass = Quantize()
    (pass.method, pass.mix) = (.gptq, mix)
    #expect(throws: PassError(sentence)) { try pass.validate() }
  }

  // MARK: Search

  /// More bytes never mean more damage, and a mix takes what it says.
  @Test(arguments: [MixSearch.Kind.bits, .blocks])
  func moreRoomNeverHurts(_ kind: MixSearch.Kind) throws {
    let model = try CalibrationTests.model()
    var base = Self.pass(.q4_0, .gptq)
    (base.scheme, base.granularity, base.groupSize, base.scale) = (.affine, .group, 16, .mse)
    let search = try MixSearch(model, by: base, levels: kind, in: JobContext()) {
      kind == .blocks
        ? $0.origin.flatMap { $0.format.byteCount(of: [1, 32 * 1024]) } ?? 4 * 32 * 1024
        : SavePlan.packedByteCount(of: $0, $1)
    }
    var former = Double.infinity
    for share in [2, 3, 5, 9] {
      let mix = try search.pass(budget: search.presentByteCount * share / 10)
      let damage = mix?.damage ?? 0
      #expect(damage <= former)
      #expect(mix?.bytes ?? 0 <= search.presentByteCount * share / 10)
      former = damage
      guard let mix, kind == .bits else { continue }
      let changed = try mix.pass.apply(to: model, layers: .all, in: JobContext()).parameters
      let bytes = try LayerSelection.all.of(changed).reduce(0) {
        $0 + SavePlan.packedByteCount(of: $1, try $1.loaded())
      }
      // The walk sees other inputs than the search, so codes differ, and with them an entropy or two.
      #expect(abs(bytes - mix.bytes) * 50 <= mix.bytes)
      #expect(try #require(search.pass(damage: damage)).damage <= damage)
    }
  }
}
