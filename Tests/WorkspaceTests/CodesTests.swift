import CheckpointIO
import Compression
import Jobs
import Tensors
import TestSupport
import Testing
import Workspace

/// A workbench on a model whose weights are codes of a layout that is not read.
@Suite struct CodesTests {
  /// A stack of two layers of EETQ's codes.
  private func script() throws -> Script {
    let folder = TemporaryFolder()
    let entries = (0..<2).map { block in
      let start = block * 144
      return """
        "model.layers.\(block).mlp.up_proj.weight":\
        {"dtype":"I8","shape":[16,8],"data_offsets":[\(start),\(start + 128)]},\
        "model.layers.\(block).mlp.up_proj.weight_scales":\
        {"dtype":"F16","shape":[8],"data_offsets":[\(start + 128),\(start + 144)]}
        """
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    let data = [UInt8](repeating: 0x2C, count: 288)
    let path = try folder.write(ZipBytes.little(header.count, 8) + header + data, to: "a")
    return try Script(checkpoint: Checkpoint.open(path))
  }

  @Test func passesMixesAndSavesRefuse() throws {
    let script = try script()
    let refusal = try #require(script.checkpoint.unreadCodes).refusal.description
    script.settle()
    #expect(script.failures.isEmpty, "looking at codes is no failure")
    #expect(script.workbench.whyNotRunnable == refusal)
    let path = script.folder.file("out.safetensors")
    let jobs = [
      script.workbench.run(Script.prune(0.5), on: .original),
      script.workbench.save(.original, to: path, as: .safetensors(.packed)),
      script.workbench.reach(.bytes(100), from: .original),
    ]
    script.settle()
    for job in jobs {
      #expect(script.workbench.jobs.first { $0.id == job }?.state == .failed(refusal))
    }
    #expect(script.workbench.tree.revisions.count == 1)
    #expect(throws: CheckpointError.self) {
      try Headless.apply(Recipe(steps: [Script.prune(0.5)]), to: script.checkpoint, in: .init())
    }
    #expect(throws: CheckpointError.self) { try TrainingModel(script.checkpoint) }
  }

  /// A layer of codes is shown, with numbers as the file has them.
  @Test func layersAreShown() throws {
    let script = try script()
    script.settle()
    let name = "model.layers.1.mlp.up_proj.weight"
    script.workbench.requestLayer(name, of: .original)
    script.settle()
    let isShown = script.events.contains {
      if case .layerReady(let layer) = $0 {
        layer.name == name && layer.place.role == .codes && layer.tensor[0, 0] == 44
      } else {
        false
      }
    }
    #expect(isShown)
  }
}
