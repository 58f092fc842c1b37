import Compression
import Tensors
import Testing

@Suite struct StepTests {
  @Test func aStepFromText() throws {
    let step = try Step(
      passName: "prune", settings: [("amount", "30 %"), ("scope", "model"), ("n", "1")])
    let pass = try #require(step.pass as? Prune)
    #expect(pass.amount == 0.3 && pass.scope == .model && pass.n == 1)
    #expect(step.fields.map { "\($0.name)=\($0.text)" } == ["amount=0.3", "scope=model", "n=1"])
  }

  @Test(arguments: [
    ("melt", [], "there is no pass ‘melt’; there are prune, remove, quantize, allocate, slice"),
    ("prune", [("amount", "1.5")], "prune amount is a number from 0.0 to 1.0, not 1.5"),
    ("prune", [("amount", "nan")], "prune amount is a number from 0.0 to 1.0, not nan"),
    ("prune", [("amount", "half")], "prune amount is a number from 0.0 to 1.0, not half"),
    ("prune", [("n", "1e300")], "prune n is a whole number from 1 to 64, not 1e+300"),
    ("prune", [("n", "50%")], "prune n is a whole number from 1 to 64, not 50%"),
    ("prune", [("m", "2.5")], "prune m is a whole number from 2 to 64, not 2.5"),
    ("prune", [("scope", "")], "prune scope is one of layer, model, channel, not "),
    ("prune", [("n", "1"), ("n", "2")], "prune has its setting ‘n’ twice"),
    (
      "quantize", [("bit", "4")],
      "quantize has no setting ‘bit’; it has method, scheme, bits, block, granularity, group-size, "
        + "scale, mix, text, text-mark, sequences, length, damping, drift"
    ),
    (
      "prune", [("structure", "n:m"), ("n", "5")],
      "prune keeps n of m weights, so n is at most m, not 5 of 4"
    ),
  ])
  func whatIsWrongIsSaid(_ name: String, _ settings: [(String, String)], _ sentence: String) {
    #expect(throws: PassError(sentence)) {
      try Step(passName: name, settings: settings.map { (name: $0.0, text: $0.1) })
    }
  }

  @Test func stepsAreEqualByValue() throws {
    let step = Step(pass: Prune())
    #expect(step == (try Step(passName: "prune", settings: [])))
    #expect(step != Step(pass: Quantize()))
    #expect(step != Step(pass: Prune(), layers: .matching(["block.0.*"])))
    #expect(Set([step, Step(pass: Prune()), Step(pass: Quantize())]).count == 2)
  }
}
