import CheckpointIO
import Tensors
import TestSupport
import Testing

/// A head and the embedding that settings say it is.
@Suite struct HeadTests {
  private static let tied = #""tie_word_embeddings": true"#

  private func llama(head: Tensor?) throws -> (Checkpoint, TemporaryFolder) {
    let folder = TemporaryFolder()
    let model = LlamaFolder.llama
    let parameters = try model.tensors.enumerated().map { number, tensor in
      let made = Samples.tensor(.f32, Shape(tensor.shape), seed: UInt64(number), name: tensor.name)
      return tensor.name == "lm_head.weight"
        ? Samples.parameter(made.name, .f32, try head ?? Self.embedding()) : made
    }
    _ = try saved(parameters, form: .dense(nil), in: folder, as: "model.safetensors")
    TemporaryFolder.write(
      Array(
        model.configuration.split(separator: #""tie_word_embeddings": false"#)
          .joined(separator: Self.tied).utf8), to: folder.file("config.json"))
    return (try Checkpoint.open(folder.path), folder)
  }

  /// What the folder of a Llama has as its embedding.
  private static func embedding() throws -> Tensor {
    try Samples.tensor(.f32, [10, 8], seed: 0).tensor()
  }

  @Test func aHeadThatDiffersIsWrittenWhateverTheSettingsSay() throws {
    let head = try Samples.tensor(.f32, [10, 8], seed: 77).tensor()
    let (checkpoint, folder) = try llama(head: head)
    let plan = try GGUFPlan.make(
      parameters: checkpoint.parameters, of: checkpoint, storage: .own)
    #expect(plan.notes.contains { $0.contains("tie_word_embeddings is true") })
    try plan.write(to: folder.file("a.gguf"))
    let file = try Checkpoint.open(folder.file("a.gguf"))
    #expect(haveSameBits(try #require(try file.parameters["output.weight"]?.tensor()), head))
  }

  /// One that a pass has changed is no longer the embedding.
  @Test func aHeadIsComparedAsItIsNow() throws {
    let (checkpoint, folder) = try llama(head: nil)
    // Alike in the file, it is known as a second name.
    #expect(checkpoint.parameters["lm_head.weight"] == nil)
    let plan = try GGUFPlan.make(
      parameters: checkpoint.parameters, of: checkpoint, storage: .own)
    #expect(!plan.entries.contains { $0.name == "output.weight" })
    _ = folder
  }

  /// Whoever reads a plain file may make a new head where it has none.
  @Test(arguments: [SaveForm.dense(nil), .dense(.bf16)], [FileFormat.safetensors, .pytorch])
  func aHeadThatIsStoredOnItsOwnStaysSo(_ form: SaveForm, _ format: FileFormat) throws {
    let (checkpoint, folder) = try llama(head: nil)
    let name = "model.embed_tokens.weight"
    let changed = Tensor([10, 8], [Float](repeating: 0.25, count: 80))
    let revised = checkpoint.parameters.replacing([
      try #require(checkpoint.parameters[name]).replacing(changed, grid: nil, mask: nil)
    ])
    for parameters in [checkpoint.parameters, revised] {
      let path = folder.file("again.\(format)")
      if format == .safetensors {
        try SavePlan.make(parameters: parameters, of: checkpoint, form: form).write(to: path)
      } else {
        guard case .dense(let dtype) = form else { return }
        try PyTorchPlan.make(parameters: parameters, of: checkpoint, dtype: dtype).write(to: path)
      }
      let again = try Checkpoint.open(path)
      let tensors = again.tensors.filter { ["lm_head.weight", name].contains($0.name) }
      #expect(tensors.count == 2 && Set(tensors.map(\.byteRange)).count == 2)
      #expect(again.metadata["lm_head.weight"] == nil)
      #expect(again.parameters.count == parameters.count)
    }
  }

  @Test(.enabled(if: SharedData.isPresent)) func theSharedHeadIsWritten() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("cases/02-tie-flag-but-own-head/hf"))
    let plan = try GGUFPlan.make(
      parameters: checkpoint.parameters, of: checkpoint, storage: .own)
    #expect(plan.entries.contains { $0.name == "output.weight" })
    #expect(plan.notes.contains { $0.contains("lm_head.weight") })
  }
}
