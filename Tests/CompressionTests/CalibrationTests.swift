import Backend
import CheckpointIO
import Compression
import Jobs
import Models
import Tensors
import TestSupport
import Testing
import Transformers

/// Methods that see what goes into layers, on a network that was trained.
@Suite struct CalibrationTests {
  /// The network's own text.
  private struct OwnText: CalibrationTexts {
    let network: Network

    func tokens(
      of path: String, count: Int, threads: Int, shouldStop: @escaping @Sendable () -> Bool
    ) throws -> [Int] {
      try ReferenceText.write(by: network, count: count, threads: threads, shouldStop: shouldStop)
    }

    func mark(of path: String) throws -> String { path.isEmpty ? "" : "a mark" }
  }

  static func model() throws -> ModelState {
    let checkpoint = try Checkpoint.open(Fixtures.path("tiny.safetensors"))
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    return ModelState(
      checkpoint.parameters, configuration: checkpoint.configuration,
      texts: OwnText(network: network))
  }

  static func calibration() -> Calibration {
    var calibration = Calibration()
    calibration.sequences = 24
    calibration.length = 32
    return calibration
  }

  /// The squared error of each layer's outputs, on the inputs that it has in the unchanged model.
  static func losses(of changed: ModelState, _ model: ModelState) throws -> [Double] {
    let (count, length) = (24 * 32, 32)
    let tokens = try #require(model.texts).tokens(
      of: "", count: count, threads: 2, shouldStop: { false })
    let run = try LayerwiseRun(
      model, tokens, length: length, crew: Crew(threads: 2), shouldStop: { false })
    var losses: [Double] = []
    for stage in 0..<run.stageCount {
      for parameter in run.parameters(of: stage) {
        let products = InputProducts(columns: parameter.shape.columns, .products, isHalf: false)
        try run.add(to: products, stage: stage, before: nil, shouldStop: { false })
        let (before, after) = (
          try parameter.tensor(), try #require(changed.parameters[parameter.name]).tensor()
        )
        var loss = 0.0
        for row in 0..<before.shape.rows {
          let d = (0..<before.shape.columns).map { Double(before[row, $0] - after[row, $0]) }
          for i in d.indices where d[i] != 0 {
            for j in d.indices { loss += d[i] * Double(products.product(i, j)) * d[j] }
          }
        }
        losses.append(loss)
      }
      try run.take(stage: stage)
    }
    return losses
  }

  /// ALPS ≤ SparseGPT ≤ Wanda ≤ magnitude in what layers give, and GPTQ ≤ nearest; a layer in ten may
  /// differ, since none of them finds the best there is.
  @Test func whatSeesInputsLosesLess() throws {
    let model = try Self.model()
    func losses(_ method: Prune.Method) throws -> [Double] {
      var pass = Prune()
      pass.method = method
      pass.scope = method == .magnitude ? .channel : .layer
      pass.calibration = Self.calibration()
      // Of the inputs that a layer has, not those that it had.
      pass.calibration.drift = 0
      return try Self.losses(
        of: pass.apply(to: model, layers: .all, in: JobContext()), model)
    }
    func losses(_ method: Quantize.Method) throws -> [Double] {
      var pass = Quantize()
      pass.method = method
      (pass.bits, pass.granularity, pass.groupSize) = (3, .group, 16)
      pass.calibration = Self.calibration()
      return try Self.losses(
        of: pass.apply(to: model, layers: .all, in: JobContext()), model)
    }
    let (magnitude, wanda, sparse, search) = (
      try losses(Prune.Method.magnitude), try losses(.wanda), try losses(.sparsegpt),
      try losses(.alps)
    )
    let (nearest, gptq) = (try losses(Quantize.Method.nearest), try losses(.gptq))
    for (better, worse) in [
      (wanda, magnitude), (sparse, wanda), (search, sparse), (gptq, nearest),
    ] {
      let count = zip(better, worse).count { $0 <= $1 }
      #expect(count * 10 >= better.count * 9, "\(better) and \(worse)")
    }
  }

  /// Exactly half of each layer, or of each row, is gone.
  @Test(arguments: [Prune.Method.wanda, .sparsegpt, .alps])
  func theAmountIsExact(_ method: Prune.Method) throws {
    let model = try Self.model()
    var pass = Prune()
    (pass.method, pass.amount) = (method, 0.3)
    pass.calibration = Self.calibration()
    let changed = try pass.apply(to: model, layers: .all, in: JobContext()).parameters
    for layer in LayerSelection.all.of(changed) {
      let mask = try #require(layer.mask)
      let (rows, columns) = (layer.shape.rows, layer.shape.columns)
      let gone = layer.shape.count - mask.keptCount
      let share = { (count: Int) in Int((0.3 * Double(count)).rounded(.toNearestOrEven)) }
      #expect(gone == (method == .wanda ? rows * share(columns) : share(rows * columns)))
    }
  }

  @Test func textsAreNamedByTheirContent() throws {
    let model = try Self.model()
    var pass = Prune()
    pass.method = .wanda
    pass.calibration = Self.calibration()
    #expect(try pass.marked(by: model.texts) == pass)
    pass.calibration.text = "a.txt"
    let marked = try pass.marked(by: model.texts)
    #expect(marked.calibration.mark == "a mark")
    _ = try marked.apply(to: model, layers: .all, in: JobContext())
    pass.calibration.mark = "another mark"
    #expect(try pass.marked(by: model.texts) == pass)
    #expect(
      throws: PassError("the text a.txt is another than the recipe names: a mark, not another mark")
    ) { try pass.apply(to: model, layers: .all, in: JobContext()) }
    pass.calibration.text = ""
    #expect(throws: PassError("text-mark tells texts apart, and no text is named")) {
      try pass.validate()
    }
  }

  @Test func whatCannotBeMeasuredIsRefused() throws {
    var pass = Quantize()
    pass.method = .gptq
    let short = ModelState(
      RunnableModel.parameters(), configuration: RunnableModel.settings,
      texts: SeededTexts(longest: 5))
    #expect(throws: PassError("the text  has 5 tokens, fewer than one sequence of 6")) {
      try pass.apply(to: short, layers: .all, in: JobContext())
    }
    let alone = RunnableModel.state().parameters
    #expect(
      throws: PassError(
        "what goes into layers cannot be measured, as the model cannot be run")
    ) {
      try pass.apply(
        to: ModelState(alone, configuration: [:]), layers: .all, in: JobContext())
    }
    #expect(throws: PassError("quantize gptq has to see a whole model")) {
      try pass.apply(to: alone, layers: .all, in: JobContext())
    }
    pass.scheme = .binary
    #expect(throws: PassError("quantize gptq needs more than the two levels of binary")) {
      try pass.validate()
    }
    var prune = Prune()
    (prune.method, prune.structure) = (.sparsegpt, .channel)
    #expect(
      throws: PassError(
        "prune sparsegpt takes single weights, or n of m, not a whole channel; alps does")
    ) { try prune.validate() }
  }

  /// Outside of blocks nothing is seen; there a plain method does, and says so.
  @Test func whatIsNotSeenIsDonePlainly() throws {
    let model = RunnableModel.state()
    var (pass, plain) = (Quantize(), Quantize())
    pass.method = .gptq
    let names = ["h.0.mlp.c_fc.weight", "wte.weight"]
    let step = Step(pass: pass, layers: .named(names))
    #expect(step.unseenLayers(of: model) == ["wte.weight"])
    plain.scheme = pass.scheme
    #expect(Step(pass: plain, layers: .named(names)).unseenLayers(of: model).isEmpty)
    let changed = try step.apply(to: model, in: JobContext()).parameters
    let nearest = try plain.apply(
      to: model.parameters, layers: .named(names), in: JobContext())
    let (found, meant) = (
      try changed["wte.weight"]?.tensor().array, try nearest["wte.weight"]?.tensor().array
    )
    #expect(found == meant)
    let other = try changed[names[0]]?.tensor().array
    #expect(try other != nearest[names[0]]?.tensor().array)
  }

  /// A weight so large that what it gives is no number, two layers on.
  @Test func inputsThatAreNotFiniteAreNamed() throws {
    let model = RunnableModel.state()
    let name = "h.0.attn.c_proj.weight"
    let layer = try #require(model.parameters[name])
    let huge = Tensor(layer.shape, [Float](repeating: 3e38, count: layer.shape.count))
    let broken = model.with(
      model.parameters.replacing([layer.replacing(huge, grid: nil, mask: nil)]))
    var pass = Prune()
    pass.method = .wanda
    #expect(
      throws: PassError("what goes into h.0.mlp.c_fc.weight is not finite, at input 0")
    ) { try pass.apply(to: broken, layers: .all, in: JobContext()) }
  }
}
