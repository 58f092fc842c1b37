import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing

/// What is written for llama.cpp, read again.
@Suite struct GGUFTranslationTests {
  /// A configuration without what the two kinds of file say in different ways.
  private func comparable(_ config: ModelConfig) -> ModelConfig {
    var config = config
    config.family = ""
    config.firstToken = nil
    // The norms have it.
    config.normOffset = 0
    if config.headNorms == .perHead { config.attentionScale = 1 }
    // llama.cpp says it of every model, also where no block has such an MLP.
    if config.experts != nil, config.denseBlocks.isEmpty { config.hidden = 0 }
    for index in config.ropes.indices {
      config.ropes[index].isInterleaved = false
      // Divisors stand in tensors.
      switch config.ropes[index].scaling {
      case .llama3: config.ropes[index].scaling = .none
      case .longRope(_, _, let original):
        config.ropes[index].scaling = .longRope(short: [], long: [], original: original)
      default: break
      }
    }
    return config
  }

  /// The file's model is that of the folder, or the plan says what llama.cpp does otherwise.
  @Test(arguments: ModelTests.names)
  func theModelIsTheSameOrTheDifferenceIsSaid(_ name: String) throws {
    let folder = TemporaryFolder()
    let source = try Checkpoint.open(ModelTests.root + "/" + name)
    let plan = try GGUFPlan.make(parameters: source.parameters, of: source, storage: .own)
    if plan.notes.contains(where: { $0.hasSuffix("llama.cpp will not load the file") }) { return }
    // llama.cpp's blocks all have experts, and one's have not; OLMoE's heads share no keys.
    let isRefused = plan.notes.contains { $0.contains("will refuse") }
    #expect(isRefused == ["qwen2_moe", "olmoe"].contains(name))
    #expect(plan.omissions.isEmpty == (name != "qwen2_moe"))
    if name == "qwen2_moe" { return }
    try plan.write(to: folder.file("a.gguf"))
    let file = try Checkpoint.open(folder.file("a.gguf"))
    let models = try [source, file].map {
      try #require(try Model($0.parameters, configuration: $0.configuration))
    }
    let isSame = comparable(models[0].config) == comparable(models[1].config)
    let isSaid = plan.notes.contains { $0.contains("differ") || $0.contains("attends") }
    #expect(isSame != isSaid, "\(plan.notes) \(models[0].config) \(models[1].config)")
    for (id, part) in models[0].parts where id.role != .head {
      #expect(models[1].parts[id]?.count == part.count, "\(id)")
    }
  }

  /// Families that llama.cpp's words are known of; whoever adds one adds it here.
  @Test func theseAreWritten() {
    let written = ModelCatalog.all.compactMap { $0.gguf?.architecture }
    #expect(
      Set(written) == [
        "llama", "qwen2", "qwen3", "gemma2", "gemma3", "qwen2moe", "qwen3moe", "gpt2", "phi3",
        "smollm3", "olmo2", "olmoe", "granite", "gptneox",
      ])
  }
}
