import CheckpointIO
import Tensors
import TestSupport
import Testing

/// What stands in blocks beside the language model's linear layers.
@Suite struct AuxiliaryTests {
  private func open(_ tensors: [(name: String, shape: [Int])]) throws -> Checkpoint {
    var file = GGUFBytes()
    for (name, shape) in tensors {
      file.add(
        name, type: 0, shape, [UInt8](repeating: 0, count: 4 * shape.reduce(1, *)))
    }
    return try Checkpoint.open(bytes: file.bytes, name: "made")
  }

  @Test(arguments: [
    "model.vision_tower.vision_model.encoder.layers", "visual.blocks", "model.visual.blocks",
    "vision_model.transformer.layers", "audio_tower.layers", "v.blk", "vpm.encoder.layers",
    "qformer.encoder.layer",
  ])
  func aTowerIsLeftAlone(_ tower: String) throws {
    let checkpoint = try open([
      ("model.language_model.layers.0.mlp.up_proj.weight", [4, 4]),
      ("model.language_model.layers.0.input_layernorm.weight", [4]),
      ("\(tower).0.mlp.up_proj.weight", [4, 4]), ("\(tower).1.mlp.up_proj.weight", [4, 4]),
      ("\(tower).1.norm1.weight", [4]),
    ])
    #expect(
      checkpoint.parameters.map(\.place.role) == [.linear, .norm, .auxiliary, .auxiliary, .norm])
    #expect(checkpoint.leftAlone == "2 matrices of \(tower)")
    // They are blocks as before, and their layers columns.
    #expect(checkpoint.blockMap.blocks.count == 3)
    #expect(checkpoint.blockMap.linearLayers == ["mlp.up_proj"])
  }

  @Test func aTowerByItselfIsTheModel() throws {
    let checkpoint = try open([("vision_model.encoder.layers.0.mlp.fc1.weight", [4, 4])])
    #expect(checkpoint.parameters.map(\.place.role) == [.linear] && checkpoint.leftAlone == nil)
  }

  @Test func anEncoderAndADecoderAreBothTheModel() throws {
    let checkpoint = try open([
      ("encoder.block.0.layer.0.SelfAttention.q.weight", [4, 4]),
      ("decoder.block.0.layer.0.SelfAttention.q.weight", [4, 4]),
    ])
    #expect(checkpoint.parameters.allSatisfy { $0.place.role == .linear })
  }

  @Test func convolutionsAreLeftAlone() throws {
    let checkpoint = try open([
      ("backbone.layers.0.mixer.in_proj.weight", [8, 4]),
      ("backbone.layers.0.mixer.conv1d.weight", [8, 1, 4]),
      ("backbone.layers.1.dwconv.weight", [8, 1, 3, 3]),
      ("backbone.layers.2.ssm_conv1d.weight", [8, 4]),
      ("backbone.layers.3.conv.in_proj.weight", [8, 4]),
    ])
    #expect(
      checkpoint.parameters.map(\.place.role)
        == [.linear, .auxiliary, .auxiliary, .auxiliary, .linear])
    #expect(checkpoint.leftAlone == "3 convolutions")
  }

  @Test func anAdapterIsNamedAndLeftAlone() throws {
    let stem = "base_model.model.model.layers.0.self_attn.q_proj."
    let folder = TemporaryFolder()
    _ = try saved(
      [("lora_A.weight", Shape([2, 8])), ("lora_B.weight", Shape([8, 2]))].map {
        Samples.tensor(.f32, $0.1, seed: 1, name: stem + $0.0)
      }, form: .dense(nil), in: folder, as: "adapter_model.safetensors")
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.parameters.allSatisfy { $0.place.role == .auxiliary })
    #expect(checkpoint.leftAlone == "2 factors of an adapter")
    #expect(checkpoint.warnings.count == 1 && checkpoint.warnings[0].contains("factor"))
  }

  @Test func blocksByOtherNamesAreBlocks() throws {
    let layers = ["att.W_query", "att.W_key", "att.W_value", "att.out_proj", "ff.layers.0"]
    let checkpoint = try open(
      (0..<2).flatMap { block in
        layers.map { ("trf_blocks.\(block).\($0).weight", [4, 4]) }
      })
    #expect(checkpoint.blockMap.blocks.map(\.name) == ["trf_blocks.0", "trf_blocks.1"])
    #expect(checkpoint.blockMap.linearLayers == layers)
    #expect(checkpoint.parameters[0].place.path == "block.0.att.W_query")
  }

  @Test(.enabled(if: SharedData.isPresent)) func theSharedCasesAre() throws {
    let towers = try Checkpoint.open(SharedData.path("cases/40-two-towers/hf"))
    #expect(
      towers.leftAlone == "18 matrices of model.vision_tower.vision_model.encoder.layers")
    #expect(towers.parameters.linearLayers.count == 14)
    for folder in ["cases/11-lora-adapter/adapter", "layouts/peft-adapter/lora"] {
      let adapter = try Checkpoint.open(SharedData.path(folder))
      #expect(adapter.leftAlone?.hasSuffix("factors of an adapter") == true)
      #expect(adapter.parameters.linearLayers.isEmpty)
    }
    let blocks = try Checkpoint.open(SharedData.path("cases/46-trf-blocks/model.pth"))
    #expect(blocks.blockMap.blocks.map(\.name) == ["trf_blocks.0", "trf_blocks.1"])
    #expect(blocks.parameters.linearLayers.count == 12)
  }
}
