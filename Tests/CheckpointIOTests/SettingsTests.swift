import CheckpointIO
import Tensors
import TestSupport
import Testing

/// A network's settings, which stay with its weights whatever file they are in.
@Suite struct SettingsTests {
  private static let kept = ["model_type", "n_head", "layer_norm_epsilon"]

  /// Hugging Face's GPT-2, whose matrices stand transposed, as a plain state dictionary.
  @Test func aStateDictionaryKeepsThem() throws {
    let source = try LlamaFolder.gpt2.open()
    let folder = TemporaryFolder()
    let plan = try PyTorchPlan.make(parameters: source.parameters, of: source, dtype: nil)
    #expect(!plan.losses.contains { $0.kind == .metadata })
    try plan.write(to: folder.file("a.pt"))
    let pytorch = try Checkpoint.open(folder.file("a.pt"))
    #expect(pytorch.tensors.allSatisfy { $0.place.role != .optimizer })
    #expect(pytorch.tensors.map(\.name).sorted() == source.tensors.map(\.name).sorted())
    try SavePlan.make(parameters: pytorch.parameters, of: pytorch, form: .dense(nil))
      .write(to: folder.file("b.safetensors"))
    let again = try Checkpoint.open(folder.file("b.safetensors"))
    for key in Self.kept {
      #expect(source.configuration[key] != nil)
      #expect(pytorch.configuration[key] == source.configuration[key], "\(key)")
      #expect(again.configuration[key] == source.configuration[key], "\(key)")
    }
    for parameter in source.parameters {
      let other = try #require(again.parameters[parameter.name])
      #expect(haveSameBits(try parameter.tensor(), try other.tensor()), "\(parameter.name)")
    }
  }

  /// What is said when a file is opened wins, and is saved.
  @Test func whatIsSaidIsKept() throws {
    let folder = TemporaryFolder()
    let file = try saved(
      [Samples.tensor(.f32, [4, 4], seed: 1, name: "wte.weight")], form: .dense(nil), in: folder)
    let path = try #require(file.checkpoint.path)
    let opened = try Checkpoint.open(path, settings: ["n_head": "4"])
    for plan in [
      try SavePlan.make(parameters: opened.parameters, of: opened, form: .dense(nil))
        as any FilePlan,
      try PyTorchPlan.make(parameters: opened.parameters, of: opened, dtype: nil),
    ] {
      try plan.write(to: folder.file("again"))
      #expect(try Checkpoint.open(folder.file("again")).configuration["n_head"] == "4")
    }
  }
}
