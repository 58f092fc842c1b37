import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Files of the safetensors format that others wrote.
@Suite struct SafetensorsSampleTests {
  @Test(.enabled(if: SharedData.isPresent))
  func nanoGPTIsMappedToItsBlocks() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/nanogpt.safetensors"))
    #expect(checkpoint.format == "safetensors")
    #expect(checkpoint.blockMap.blocks.map(\.index) == [0, 1])
    #expect(checkpoint.blockMap.blocks[1].name == "transformer.h.1")
    #expect(
      checkpoint.blockMap.linearLayers == [
        "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj",
      ])
    #expect(
      checkpoint.blockMap.layers == [
        "ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj",
      ])
    let layer = try #require(checkpoint.blockMap.position(block: 1, layer: "mlp.c_fc"))
    #expect(checkpoint.parameters[layer].place.path == "block.1.mlp.c_fc")
    #expect(checkpoint.parameters[layer].shape == [128, 32])
  }

  @Test(.enabled(if: SharedData.isPresent))
  func transposedLayoutGivesTheSameWeights() throws {
    let plain = try Checkpoint.open(SharedData.path("samples/nanogpt.safetensors"))
    let transposed = try Checkpoint.open(SharedData.path("samples/hf_gpt2_layout.safetensors"))
    for parameter in plain.parameters {
      let name = String(parameter.name.trimmingPrefix("transformer."))
      let other = try #require(
        transposed.parameters[name] ?? transposed.parameters[parameter.name])
      #expect(other.shape == parameter.shape, "\(name)")
      #expect(other.place.path == parameter.place.path || parameter.place.block == nil)
      #expect(try other.tensor().array == parameter.tensor().array, "\(name)")
    }
  }
}
