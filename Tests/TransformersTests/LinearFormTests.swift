import Backend
import CheckpointIO
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// A layer multiplies the same from every form its weights are stored in.
@Suite struct LinearFormTests {
  static let shape: Shape = [150, 96]

  /// How a file has the weights.
  enum Stored: CaseIterable, Sendable {
    case f32, f16, bf16, transposed, blocks, grid, groups, bitmap, bitmapAndGrid, channels
  }

  @Test(arguments: Stored.allCases)
  func theProductIsThatOfTheTensor(stored: Stored) throws {
    let (_, parameter) = try Self.file(stored)
    let tensor = try parameter.tensor()
    let whole = Parameter(
      name: "a", shape: Self.shape, dtype: .f32, place: parameter.place, load: { tensor })
    let bias = Self.parameter([150], seed: 9)
    // Products of numbers; and of one input of 16 bits, which blocks and codes take: half a step of
    // 1/32639 of its largest number is lost of each at most.
    let share = Float(max(1e-5, 4 * Precision.f32.resolution))
    let heaviest = tensor.heaviestRow
    let runs: [RowRuns?] = [
      nil, RowRuns(first: 0, count: 150), RowRuns(first: 17, count: 40),
      RowRuns(first: 3, count: 7, step: 30, runs: 4), RowRuns(first: 149, count: 1),
    ]
    for rows in runs {
      let part = Model.Part(parameter: parameter, rows: rows)
      for bias in [nil, Model.Part(parameter: bias, rows: rows)] {
        let layer = try #require(try RowLinear(part, bias, .f32))
        let other = try PanelLinear(
          Model.Part(parameter: whole, rows: rows), bias, .f32)
        #expect(layer.rows == part.count && layer.columns == 96)
        for count in [1, 3, 20] {
          let input = Self.values(count * 96, seed: UInt64(count))
          let found = try Self.product(layer, input, count)
          let meant = try Self.product(other, input, count)
          let largest = meant.reduce(1) { max($0, abs($1)) }
          let step = count == 1 ? input.reduce(0) { max($0, abs($1)) } / 32_639 : 0
          #expect(
            zip(found, meant).allSatisfy {
              abs($0 - $1) <= share * largest + heaviest * step / 2
            },
            "\(rows.map { "\($0)" } ?? "all") of \(count)")
        }
      }
    }
  }

  /// What no file has is multiplied from f32.
  @Test func theCatalogPrefersTheStoredForm() throws {
    let (_, parameter) = try Self.file(.bf16)
    let tensor = try parameter.tensor()
    let revised = parameter.replacing(tensor, grid: nil, mask: nil)
    for (parameter, form) in [(parameter, 0), (revised, 1)] {
      let part = Model.Part(parameter: parameter, rows: nil)
      let first = try LinearCatalog.all.firstIndex {
        try $0.init(part, nil, .f32) != nil
      }
      #expect(first == form)
    }
  }

  /// A model that has run keeps no copy of what its file holds, and no more than that.
  @Test(arguments: FamilyTests.all.filter { $0.path.contains("/families/") })
  func aModelKeepsNoCopyOfItsFile(_ family: FamilyTests.Family) throws {
    let checkpoint = try Checkpoint.open(family.path)
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration, packs: false)
    _ = try network.logits([3, 1, 4, 1, 5])
    let kept = network.keptByteCount
    let vectors = checkpoint.parameters.filter { $0.shape.dimensions.count == 1 }
      .reduce(0) { $0 + $1.shape.count }
    // A bias that all experts share a matrix of is a vector of each.
    let stacked = checkpoint.parameters.filter { $0.name.hasSuffix("bias") }
      .reduce(0) { $0 + $1.shape.count }
    #expect(kept <= 4 * (vectors + stacked))
    #expect(kept <= checkpoint.tensors.reduce(0) { $0 + $1.byteCount })

    // Rows that are read where they lie give the logits of rows that are in memory.
    let copy = Parameters(
      try checkpoint.parameters.map { parameter in
        parameter.replacing(try parameter.tensor(), grid: nil, mask: nil)
      })
    let other = try Network.make(
      copy, configuration: checkpoint.configuration, packs: false)
    let tokens = [3, 1, 4, 1, 5, 9, 2, 6]
    let (found, meant) = (try network.logits(tokens).array, try other.logits(tokens).array)
    let largest = meant.reduce(0) { max($0, abs($1)) }
    #expect(zip(found, meant).allSatisfy { abs($0 - $1) <= 1e-4 * largest })
    let copied = other.keptByteCount
    #expect(copied > kept)
  }

  /// Of layers as wide as SmolLM2's, whose queries, keys and values stand in rows wider than each.
  @Test func whatIsInMemoryGivesTheLogitsOfTheFile() throws {
    let (width, hidden, vocabulary) = (576, 1536, 64)
    let layers: [(String, Shape)] = [
      ("self_attn.q_proj", [width, width]), ("self_attn.k_proj", [192, width]),
      ("self_attn.v_proj", [192, width]), ("self_attn.o_proj", [width, width]),
      ("mlp.gate_proj", [hidden, width]), ("mlp.up_proj", [hidden, width]),
      ("mlp.down_proj", [width, hidden]), ("input_layernorm", [width]),
      ("post_attention_layernorm", [width]),
    ]
    var tensors: [(String, Shape)] = [
      ("model.embed_tokens", [vocabulary, width]), ("model.norm", [width]),
    ]
    for block in 0..<2 { tensors += layers.map { ("model.layers.\(block).\($0.0)", $0.1) } }
    let parameters = Parameters(
      tensors.enumerated().map { number, tensor in
        let values = Self.values(tensor.1.count, seed: UInt64(number)).map { $0 / 16 }
        let content = Tensor(tensor.1, values)
        return Parameter(
          name: tensor.0 + ".weight", shape: tensor.1, dtype: .f32,
          place: Place(block: nil, layer: tensor.0, role: .other), load: { content })
      })
    let settings = [
      "model_type": "llama", "num_attention_heads": "9", "num_key_value_heads": "3",
      "max_position_embeddings": "256", "rms_norm_eps": "1e-5", "rope_theta": "10000",
    ]
    let folder = TemporaryFolder()
    let path = folder.file("a.safetensors")
    try SavePlan.make(parameters: parameters, form: .dense(nil)).write(to: path)
    let file = try Network.make(
      Checkpoint.open(path).parameters, configuration: settings, packs: false)
    for count in [1, 9, 130] {
      let tokens = (0..<count).map { ($0 * $0 + 3 * $0) % vocabulary }
      let meant = try file.logits(tokens).array
      let largest = meant.reduce(0) { max($0, abs($1)) }
      for packs in [false, true] {
        let found = try Network.make(parameters, configuration: settings, packs: packs)
          .logits(tokens).array
        #expect(zip(found, meant).allSatisfy { abs($0 - $1) <= 1e-4 * largest })
      }
    }
  }

  /// Sizes that no machine has are added without overflow.
  @Test func aModelLargerThanAnyMemoryIsRefused() throws {
    let parameters = (0..<3).map { (index: Int) in
      Parameter(
        name: "model.layers.\(index).mlp.up_proj.weight", shape: [1 << 31, 1 << 30], dtype: .f32,
        place: Place(block: index, layer: "mlp.up_proj", role: .linear),
        load: { Tensor([0], []) })
    }
    let obstacle = try #require(
      Network.obstacle(
        of: Parameters(parameters), configuration: ["model_type": "llama"]))
    #expect(obstacle.contains("its weights take 9223372036 GB, more than this machine's"))
  }

  // MARK: Weights

  private static func values(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  private static func parameter(_ shape: Shape, seed: UInt64) -> Parameter {
    let tensor = Tensor(shape, values(shape.count, seed: seed))
    return Parameter(
      name: "a", shape: shape, dtype: .f32,
      place: Place(block: nil, layer: "a", role: .other), load: { tensor })
  }

  /// The folder must outlive the parameter.
  private static func file(_ stored: Stored) throws -> (TemporaryFolder, Parameter) {
    let folder = TemporaryFolder()
    let path = folder.file("a.safetensors")
    let plain = parameter(shape, seed: 1)
    func write(_ parameter: Parameter, _ form: SaveForm) throws -> Parameter {
      try SavePlan.make(parameters: Parameters([parameter]), form: form).write(to: path)
      return try Checkpoint.open(path).parameters[0]
    }
    func onGrid(groupSize: Int, keeping share: Int = 1) throws -> Parameter {
      let groups = shape.rows * (shape.columns / groupSize)
      let grid = QuantizationGrid(
        bits: 4, codes: -8...7, groupSize: groupSize,
        scales: (0..<groups).map { 0.01 + Float($0 % 5) / 64 })
      let codes = values(shape.count, seed: 2).map { ($0 * 7).rounded() }
      let tensor = Tensor(
        shape,
        codes.enumerated().map { index, code in
          index % share == 0 ? code * grid.scales[index / groupSize] : 0
        })
      return try write(plain.replacing(tensor, grid: grid, mask: nil), .packed)
    }
    let found: Parameter
    switch stored {
    case .f32: found = try write(plain, .dense(.f32))
    case .f16: found = try write(plain, .dense(.f16))
    case .bf16: found = try write(plain, .dense(.bf16))
    case .transposed:
      let layer = Parameter(
        name: "h.0.mlp.c_fc.weight", shape: shape.reversed, dtype: .bf16, place: plain.place,
        load: { Tensor(shape.reversed, values(shape.count, seed: 1)) })
      try SavePlan.make(parameters: Parameters([layer]), form: .dense(.bf16)).write(to: path)
      found = try Checkpoint.open(path, settings: ["model_type": "gpt2"]).parameters[0]
    case .blocks:
      let file = folder.file("a.gguf")
      try GGUFPlan.make(
        parameters: Parameters([
          Parameter(
            name: "blk.0.ffn_up.weight", shape: shape, dtype: .f32,
            place: Place(block: 0, layer: "ffn_up", role: .linear), load: { try plain.tensor() })
        ]), storage: .blocks(.q4_1)
      ).write(to: file)
      found = try Checkpoint.open(file).parameters[0]
    case .grid: found = try onGrid(groupSize: 96)
    case .groups: found = try onGrid(groupSize: 12)
    case .bitmapAndGrid: found = try onGrid(groupSize: 96, keeping: 5)
    case .bitmap:
      let tensor = Tensor(
        shape, try plain.tensor().array.enumerated().map { $0 % 4 == 0 ? $1 : 0 })
      found = try write(plain.replacing(tensor, grid: nil, mask: nil), .packed)
    case .channels:
      let grid = QuantizationGrid(
        depths: (0..<shape.rows).map { Float($0 % 6) }, exponents: (0..<shape.rows).map { _ in -4 },
        columns: shape.columns)
      let tensor = Tensor(
        shape,
        (0..<shape.count).map { index in
          let codes = grid.codeRange(ofRow: index / shape.columns)
          let code = codes.lowerBound + index * 7 % codes.count
          return grid.scales[index / shape.columns] * Float(code)
        })
      found = try write(plain.replacing(tensor, grid: grid, mask: nil), .packed)
    }
    #expect(found.shape == shape && found.storedRows != nil)
    return (folder, found)
  }

  private static func product(
    _ layer: any LinearWeights, _ input: [Float], _ count: Int
  ) throws -> [Float] {
    let hand = try Hand()
    let output = unsafe [Float](unsafeUninitializedCapacity: count * layer.rows) { output, filled in
      unsafe input.withUnsafeBufferPointer { input in
        guard let input = input.baseAddress, let start = output.baseAddress else { return }
        let ready: ReadyInput
        switch layer.form(of: count) {
        case .panels(let numbers):
          let panels = Panels(count, columns: layer.columns, numbers)
          unsafe panels.pack(inputs: 0..<count, input, stride: layer.columns)
          ready = .panels(panels)
        case .row:
          let row = RowInput()
          unsafe row.prepare(layer.columns, input)
          ready = .row(row)
        default: ready = .plain
        }
        for group in 0..<layer.groupCount {
          layer.multiply(
            group: group,
            unsafe LayerProduct(count, input, start, stride: layer.rows, ready: ready), with: hand)
        }
      }
      filled = count * layer.rows
    }
    try hand.engine.check()
    return output
  }
}

extension Tensor {
  /// The largest sum of magnitudes in a row.
  fileprivate var heaviestRow: Float {
    let values = array
    return (0..<shape.rows).reduce(0) { largest, row in
      let start = row * shape.columns
      return max(largest, values[start..<start + shape.columns].reduce(0) { $0 + abs($1) })
    }
  }
}
