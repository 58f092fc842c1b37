import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// Coupled channels of every family: those that are zero go without a trace.
@Suite struct FamilySlicingTests {
  static let families = FamilyTests.all.filter { $0.path.contains("/families/") }
  static let tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]

  /// A family's tiny model, every tensor in memory, and some of its channels zero: hidden ones,
  /// a head of keys and values, a head of queries, a channel of values.
  static func zeroed(_ family: FamilyTests.Family) throws -> (Parameters, [String: String]) {
    let checkpoint = try Checkpoint.open(family.path)
    var parameters = checkpoint.parameters
    let settings = checkpoint.configuration
    let model = try #require(try Model(parameters, configuration: settings))
    func zero(_ id: TensorID, rows: [Int] = [], columns: [Int] = []) throws {
      guard let part = model[id], let parameter = parameters[part.parameter.name] else { return }
      let width = parameter.shape.dimensions.dropFirst().reduce(1, *)
      let sources = Set(rows.map { part.rows?.source(of: $0) ?? $0 })
      let values = try parameter.tensor().array.enumerated().map { index, value in
        sources.contains(index / width) || columns.contains(index % width) ? 0 : value
      }
      parameters = parameters.replacing([
        parameter.replacing(Tensor(parameter.shape, values), grid: nil, mask: nil)
      ])
    }
    for block in 0..<model.config.blocks {
      func id(_ role: TensorRole) -> TensorID { TensorID(role, block: block) }
      let shape = model.config.shape(of: block)
      for role in [TensorRole.gate, .up] {
        try zero(id(role), rows: [0, 3])
        try zero(id(role).bias, rows: [0, 3])
      }
      try zero(id(.down), columns: [5, 6])
      let size = model.config.headWidth
      // The first head of keys and values.
      try zero(id(.value), rows: Array(0..<size))
      try zero(id(.value).bias, rows: Array(0..<size))
      // A channel of the last one's values, and its last head of queries.
      try zero(id(.value), rows: [shape.valueWidth - 1])
      try zero(id(.value).bias, rows: [shape.valueWidth - 1])
      if let last = shape.heads.last, last.queries > 1 {
        try zero(
          id(.attentionOutput), columns: Array(shape.mixedWidth - size..<shape.mixedWidth))
      }
    }
    return (parameters, settings)
  }

  @Test(arguments: families) func zeroChannelsGoWithoutATrace(
    _ family: FamilyTests.Family
  ) throws {
    let (parameters, settings) = try Self.zeroed(family)
    let whole = try Network.make(parameters, configuration: settings)
    let sliced = try SlicedNetwork(ModelState(parameters, configuration: settings))
    let config = whole.configuration
    #expect(!sliced.isUnchanged)
    if config.headNorms != .whole { #expect(sliced.changes.heads.removed > 0) }
    if config.experts == nil {
      #expect(sliced.changes.hidden.removed == 4 * config.blocks)
    }
    #expect(sliced.changes.values.removed > 0)
    #expect(sliced.model.parameters.weightCount < parameters.weightCount)

    // Read again from a file.
    let folder = TemporaryFolder()
    let path = folder.file("sliced.safetensors")
    let metadata = SavePlan.metadata(
      configuration: settings, vocabulary: ["a"]
    ).merging(["pare.blocks": try #require(sliced.model.configuration["pare.blocks"])]) { $1 }
    try SavePlan.make(parameters: sliced.model.parameters, metadata: metadata, form: .dense(nil))
      .write(to: path)
    let checkpoint = try Checkpoint.open(path)
    let read = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let meant = try whole.logits(Self.tokens).array
    let largest = meant.reduce(0) { max($0, abs($1)) }
    for packs in [true, false] {
      let network = try Network.make(
        checkpoint.parameters, configuration: checkpoint.configuration, packs: packs)
      let found = try network.logits(Self.tokens).array
      let worst = zip(meant, found).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2e-5 * largest, "off by \(worst / largest)")
    }
    // A sliced model writes what it says of the text, token by token.
    let written = try read.generate(
      prompt: [3, 1], count: 6, sampling: Sampling(temperature: 0)
    ).tokens
    let again = try whole.generate(
      prompt: [3, 1], count: 6, sampling: Sampling(temperature: 0)
    ).tokens
    #expect(written == again)
    #expect(try SlicedNetwork(checkpoint.model).isUnchanged)
  }
}
