import Compression
import Jobs
import Models
import Synchronization
import Tensors
import TestSupport
import Testing

/// What holds for every pass in the catalog, whatever it does.
@Suite struct PassLawTests {
  /// Each pass with its defaults and with each of its choices and a few numbers
  /// turned, as far as they are legal.
  static let variants: [Step] = PassCatalog.all.flatMap { variants(of: $0) }

  private static func variants<Pass: CompressionPass>(_ type: Pass.Type) -> [Step] {
    let base = Pass()
    let turned = base.settings.flatMap { setting in
      switch setting.control {
      case .choice(let words):
        words.compactMap { try? base.setting(setting.name, to: .choice($0)) }
      case .text, .words:
        [try? base.setting(setting.name, to: .choice("a text.txt"))].compactMap(\.self)
      case .integer(let range, _):
        [range.lowerBound, min(range.lowerBound + 2, range.upperBound)].compactMap {
          try? base.setting(setting.name, to: .number(Double($0)))
        }
      case .number(let range, _, _):
        [0.25, 0.9].compactMap {
          try? base.setting(
            setting.name,
            to: .number(range.lowerBound + $0 * (range.upperBound - range.lowerBound)))
        }
      }
    }
    let pairs = turned.flatMap { pass in
      base.settings.flatMap { setting -> [Pass] in
        guard case .choice(let words) = setting.control else { return [] }
        return words.compactMap { try? pass.setting(setting.name, to: .choice($0)) }
      }
    }
    // Blocks need wider layers than these models have: `BlockPassTests`.
    return Set([base] + turned + pairs)
      .filter { (try? $0.validate()) != nil && ($0 as? Quantize)?.scheme != .blocks }
      .sorted { $0.title < $1.title }.map { Step(pass: $0) }
  }

  private static func variants(of type: any CompressionPass.Type) -> [Step] { variants(type) }

  @Test(arguments: PassCatalog.all.map { Step(pass: $0.init()) })
  func defaultsAreLegal(_ step: Step) throws {
    try step.pass.validate()
    #expect(step.fields.isEmpty)
    #expect(!step.title.isEmpty && step.title.hasPrefix(step.passName))
    #expect(step.pass.settings.allSatisfy { !$0.help.isEmpty })
  }

  @Test(arguments: variants)
  func settingsSurviveTheRecipe(_ step: Step) throws {
    #expect(try Step(passName: step.passName, settings: step.fields) == step)
    #expect(try Step(passName: step.passName, settings: step.allFields) == step)
  }

  @Test(arguments: PassCatalog.all.compactMap { identity(of: $0) })
  func identityChangesNothing(_ step: Step) throws {
    let model = RunnableModel.state()
    let changed = try step.apply(to: model, in: JobContext())
    let (before, after) = (model.parameters, changed.parameters)
    #expect(changed.configuration == model.configuration)
    #expect(try after.bits() == before.bits())
    for (a, b) in zip(before, after) {
      #expect(a.mask == b.mask && a.grid == b.grid)
      #expect(try a.tensor().isIdentical(to: b.tensor()))
    }
  }

  private static func identity(of type: any CompressionPass.Type) -> Step? {
    type.identity.map { Step(pass: $0) }
  }

  @Test(arguments: variants)
  func threadsDoNotMatter(_ step: Step) throws {
    let model = RunnableModel.state()
    let one = try step.apply(to: model, in: JobContext(threads: 1)).parameters
    for threads in [2, 3, 8] {
      let many = try step.apply(to: model, in: JobContext(threads: threads)).parameters
      #expect(try many.bits() == one.bits())
      #expect(many.map(\.mask) == one.map(\.mask) && many.map(\.grid) == one.map(\.grid))
    }
  }

  /// Layers stay in their order; those of other shapes come with settings that say so.
  @Test(arguments: variants)
  func onlyTheChosenLayersChange(_ step: Step) throws {
    let model = RunnableModel.state()
    for layers in [
      .all, .matching(["block.1.*"]),
      .named([
        "h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight", "h.0.mlp.c_fc.weight",
        "h.0.mlp.c_proj.weight", "wte.weight",
      ]),
    ] as [LayerSelection] {
      let after = try Step(pass: step.pass, layers: layers).apply(to: model, in: JobContext())
      let isSame = after.parameters.map(\.shape) == model.parameters.map(\.shape)
      #expect(isSame == (after.configuration == model.configuration))
      #expect(isSame || !(step.pass is any WeightPass))
      #expect(
        after.parameters.map(\.name)
          == model.parameters.map(\.name).filter { after.parameters[$0] != nil })
      for parameter in model.parameters where !layers.contains(parameter) {
        let same = try #require(after.parameters[parameter.name])
        #expect(try parameter.tensor().isIdentical(to: same.tensor()))
      }
    }
  }

  @Test(arguments: variants.filter(\.pass.isLayerwise))
  func layersHangOnThemselvesAlone(_ step: Step) throws {
    let model = SmallModel.parameters()
    let all = try step.apply(to: model, in: JobContext())
    for name in step.layers.of(model).map(\.name) {
      let one = try Step(pass: step.pass, layers: .named([name])).apply(to: model, in: JobContext())
      #expect(one[name]?.mask == all[name]?.mask && one[name]?.grid == all[name]?.grid)
      #expect(try one[name]?.tensor().array == all[name]?.tensor().array)
    }
  }

  @Test(arguments: variants)
  func progressNeverFallsAndEndsAtOne(_ step: Step) throws {
    let seen = Recorder()
    let job = JobContext { seen.append($0.fraction) }
    _ = try step.apply(to: RunnableModel.state(), in: job)
    let fractions = seen.all
    #expect(fractions == fractions.sorted())
    #expect(fractions.last == 1)
    #expect(fractions.allSatisfy { (0...1).contains($0) })
  }

  @Test(arguments: variants)
  func cancelledBeforeItStarts(_ step: Step) throws {
    let cancellation = Cancellation()
    cancellation.cancel()
    #expect(throws: Cancelled.self) {
      try step.apply(
        to: RunnableModel.state(), in: JobContext(cancellation: cancellation))
    }
  }

  /// Cancelled while the first layer is being read: nothing but the inner loops
  /// can tell.
  @Test(arguments: variants)
  func cancelledInsideALayer(_ step: Step) throws {
    let cancellation = Cancellation()
    let model = RunnableModel.state()
    let layer = try #require(model.parameters.linearLayers.first)
    let cancelling = model.parameters.replacing([
      Parameter(
        name: layer.name, shape: layer.shape, dtype: layer.dtype, place: layer.place,
        load: {
          cancellation.cancel()
          return try layer.tensor()
        })
    ])
    #expect(throws: Cancelled.self) {
      try step.apply(to: model.with(cancelling), in: JobContext(cancellation: cancellation))
    }
  }

  @Test(arguments: variants)
  func nothingSelectedIsNothingDone(_ step: Step) throws {
    let model = RunnableModel.state()
    let step = Step(pass: step.pass, layers: .named([]))
    let after = try step.apply(to: model, in: JobContext())
    #expect(try after.parameters.bits() == model.parameters.bits())
    #expect(try step.apply(to: Parameters([]), in: JobContext()).isEmpty)
  }

  @Test(arguments: variants)
  func prunedWeightsStayPruned(_ step: Step) throws {
    var first = Prune()
    first.amount = 0.3
    let pruned = try first.run(on: RunnableModel.parameters())
    let model = RunnableModel.state().with(pruned)
    for b in try step.apply(to: model, in: JobContext()).parameters {
      guard let a = pruned[b.name], let mask = a.mask else { continue }
      let left = try #require(b.mask)
      let values = try b.tensor().array
      for index in 0..<b.shape.count where !left[index] { #expect(values[index].bitPattern == 0) }
      guard a.shape == b.shape else { continue }
      for index in 0..<a.shape.count where !mask[index] { #expect(!left[index]) }
    }
  }

  @Test(arguments: variants)
  func valuesLieOnTheGrid(_ step: Step) throws {
    var quantize = Quantize()
    quantize.granularity = .group
    quantize.groupSize = 8
    let plain = RunnableModel.state()
    for model in [plain, plain.with(try quantize.run(on: plain.parameters))] {
      for parameter in try step.apply(to: model, in: JobContext()).parameters {
        guard let grid = parameter.grid else { continue }
        try expectOnGrid(parameter, grid)
      }
    }
  }

  /// Every value is `scale × (code − zero)` in f32, with the code that a reader
  /// of the value finds, within the grid's codes.
  private func expectOnGrid(_ parameter: Parameter, _ grid: QuantizationGrid) throws {
    let values = try parameter.tensor().array
    let columns = parameter.shape.columns
    let isTensor = grid.groupSize == parameter.shape.count
    let perRow = isTensor ? 1 : (columns + grid.groupSize - 1) / grid.groupSize
    for (index, value) in values.enumerated() {
      if parameter.mask?[index] == false { continue }
      let group = isTensor ? 0 : index / columns * perRow + index % columns / grid.groupSize
      let scale = grid.scales[group]
      if grid.isBinary {
        #expect(abs(value) == scale)
        continue
      }
      let zero = grid.zeros.isEmpty ? 0 : Int(grid.zeros[group])
      let code = Int((value / scale).rounded(.toNearestOrEven)) + zero
      #expect(grid.codes.contains(code))
      #expect((scale * Float(code - zero)).bitPattern == value.bitPattern)
    }
  }
}

/// Fractions in the order they were reported.
private final class Recorder: Sendable {
  private let fractions = Mutex<[Double]>([])
  func append(_ fraction: Double) { fractions.withLock { $0.append(fraction) } }
  var all: [Double] { fractions.withLock { $0 } }
}
