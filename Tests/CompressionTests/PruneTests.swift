import Compression
import Jobs
import Tensors
import TestSupport
import Testing

@Suite struct PruneTests {
  private func prune(_ change: (inout Prune) -> Void) -> Prune {
    var pass = Prune()
    change(&pass)
    return pass
  }

  @Test func theSmallestGoAndTiesGoByIndex() throws {
    let model = SmallModel.layer([2, 4], [-3, 1, -1, 2, 1, 5, 0, 4])
    let pass = prune { $0.amount = 3.0 / 8 }
    let after = try pass.run(on: model)
    #expect(try after.values() == [-3, 0, 0, 2, 1, 5, 0, 4])
    #expect(after.first?.mask?.words == [0b1011_1001])
  }

  @Test(arguments: [0.0, 0.1, 0.25, 0.5, 0.62, 0.999, 1])
  func exactlyTheAmountGoes(_ amount: Double) throws {
    for scope in Prune.Scope.allCases {
      let pass = prune {
        $0.amount = amount
        $0.scope = scope
      }
      let after = try pass.run(on: SmallModel.parameters()).filter { $0.place.role == .linear }
      let gone = after.reduce(0) { $0 + $1.shape.count - ($1.mask?.keptCount ?? $1.shape.count) }
      let expected =
        switch scope {
        case .model: rounded(amount * 480)
        case .layer: 4 * rounded(amount * 120)
        case .channel: 2 * (12 * rounded(amount * 10) + 10 * rounded(amount * 12))
        }
      #expect(gone == expected)
    }
  }

  private func rounded(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }

  @Test func halvesRoundToEven() throws {
    let model = SmallModel.layer([1, 5], [1, 2, 3, 4, 5])
    #expect(try prune { $0.amount = 0.5 }.run(on: model).values() == [0, 0, 3, 4, 5])
    #expect(try prune { $0.amount = 0.7 }.run(on: model).values() == [0, 0, 0, 0, 5])
  }

  /// Whatever stays is at least as large as whatever goes, within the scope.
  @Test(arguments: Prune.Scope.allCases)
  func nothingSmallerStays(_ scope: Prune.Scope) throws {
    let model = SmallModel.parameters()
    let after = try prune { $0.scope = scope }.run(on: model)
    var largestGone: [String: Float] = [:]
    var smallestKept: [String: Float] = [:]
    for (old, new) in zip(model, after) {
      guard let mask = new.mask else { continue }
      for (index, value) in try old.tensor().array.enumerated() {
        let group =
          switch scope {
          case .model: "all"
          case .layer: old.name
          case .channel: "\(old.name) \(index / old.shape.columns)"
          }
        if mask[index] {
          smallestKept[group] = min(smallestKept[group] ?? .infinity, abs(value))
        } else {
          largestGone[group] = max(largestGone[group] ?? 0, abs(value))
        }
      }
    }
    for (group, gone) in largestGone { #expect(gone <= smallestKept[group] ?? .infinity) }
  }

  @Test func whatIsGoneCountsFirst() throws {
    let mask = Mask(shape: [1, 6], words: [0b011111])
    let model = SmallModel.layer([1, 6], [0, 1, 2, 3, 4, 0], mask: mask)
    let once = try prune { $0.amount = 1.0 / 6 }.run(on: model)
    #expect(once.first?.mask == mask)
    #expect(try once.first?.tensor().isIdentical(to: model[0].tensor()) == true)
    let twice = try prune { $0.amount = 2.0 / 6 }.run(on: model)
    #expect(twice.first?.mask?.words == [0b011110])
    let thrice = try prune { $0.amount = 3.0 / 6 }.run(on: model)
    #expect(thrice.first?.mask?.words == [0b011100])
  }

  /// 30 % and then 60 % of a layer is 60 % at once: magnitudes do not change.
  @Test(arguments: Prune.Scope.allCases, [Prune.Method.magnitude, .random])
  func pruningFurtherIsPruningAtOnce(_ scope: Prune.Scope, _ method: Prune.Method) throws {
    let model = SmallModel.parameters()
    func pass(_ amount: Double) -> Prune {
      prune {
        $0.amount = amount
        $0.scope = scope
        $0.method = method
      }
    }
    let gradual = try pass(0.6).run(on: pass(0.3).run(on: model))
    let atOnce = try pass(0.6).run(on: model)
    #expect(gradual.map(\.mask) == atOnce.map(\.mask))
    #expect(try gradual.bits() == atOnce.bits())
  }

  @Test func aThresholdTakesAllUpToIt() throws {
    let model = SmallModel.layer([1, 6], [0.1, -0.1, 0.100001, 0, -0.2, .nan])
    let pass = prune {
      $0.method = .threshold
      $0.threshold = 0.1
    }
    // The f32 nearest to 0.1 lies above 0.1, and so stays.
    let after = try pass.run(on: model)
    #expect(after.first?.mask?.words == [0b110111])
    let higher = prune {
      $0.method = .threshold
      $0.threshold = Double(Float(0.1))
    }
    #expect(try higher.run(on: model).first?.mask?.words == [0b110100])
  }

  @Test func notANumberIsTheLargest() throws {
    let model = SmallModel.layer([1, 4], [.nan, .infinity, -1, 2])
    let after = try prune { $0.amount = 0.75 }.run(on: model)
    #expect(after.first?.mask?.words == [0b0001])
  }

  @Test func nOfMKeepsTheLargestOfEachGroup() throws {
    // The last group has two of four: 2·2/4 = 1 stays.
    let model = SmallModel.layer(
      [2, 6], [1, -4, 3, 2, 5, 6, 7, 7, 7, 7, -1, 1])
    let after = try prune { $0.structure = .nOfM }.run(on: model)
    #expect(try after.values() == [0, -4, 3, 0, 0, 6, 0, 0, 7, 7, 0, 1])
  }

  @Test func nOfMOfAPrunedLayerAddsNothingItNeedNot() throws {
    let pass = prune { $0.structure = .nOfM }
    let once = try pass.run(on: SmallModel.parameters())
    let twice = try pass.run(on: once)
    #expect(once.map(\.mask) == twice.map(\.mask))
  }

  @Test func wholeChannelsAndInputs() throws {
    let model = SmallModel.layer([3, 3], [1, 1, 1, 0, 0, 3, 2, 0, 0])
    let channels = try prune {
      $0.structure = .channel
      $0.amount = 1.0 / 3
    }.run(on: model)
    #expect(try channels.values() == [0, 0, 0, 0, 0, 3, 2, 0, 0])
    let inputs = try prune {
      $0.structure = .input
      $0.amount = 2.0 / 3
    }.run(on: model)
    #expect(try inputs.values() == [0, 0, 1, 0, 0, 3, 0, 0, 0])
  }

  /// A tile of one 3 at the corner has the mean square 9; four weights of 2 have
  /// 4, though their sum is larger.
  @Test func tilesAtTheEdgeAreMeasuredByTheirOwnSize() throws {
    let model = SmallModel.layer([3, 3], [2, 2, 1, 2, 2, 1, 5, 5, 3])
    let after = try prune {
      $0.structure = .tile
      ($0.tileRows, $0.tileColumns) = (2, 2)
    }.run(on: model)
    #expect(try after.values() == [0, 0, 0, 0, 0, 0, 5, 5, 3])
  }

  @Test func aTileOfOneIsAWeight() throws {
    let model = SmallModel.parameters()
    let tiles = prune {
      $0.structure = .tile
      ($0.tileRows, $0.tileColumns) = (1, 1)
    }
    #expect(try tiles.run(on: model).bits() == Prune().run(on: model).bits())
  }

  @Test func aDrawDependsOnItsSeedAndLayerAlone() throws {
    let model = SmallModel.parameters()
    let pass = prune { $0.method = .random }
    let all = try pass.run(on: model)
    let one = try pass.run(on: model, layers: .named(["h.1.fc"]))
    #expect(all["h.1.fc"]?.mask == one["h.1.fc"]?.mask)
    #expect(all["h.1.fc"]?.mask != all["h.0.fc"]?.mask)
    let other = try prune {
      $0.method = .random
      $0.seed = 1
    }.run(on: model)
    #expect(all["h.1.fc"]?.mask != other["h.1.fc"]?.mask)
  }

  @Test func theGridStaysAndSoDoValuesOnIt() throws {
    var quantize = Quantize()
    quantize.scheme = .binary
    let after = try Prune().run(on: quantize.run(on: SmallModel.parameters()))
    let layer = try #require(after["h.0.fc"])
    #expect(layer.grid?.isBinary == true)
    #expect(layer.mask?.keptCount == 60)
  }

  @Test func settingsThatDoNotGoTogetherAreRefused() {
    let bad = [
      prune {
        $0.structure = .nOfM
        ($0.n, $0.m) = (5, 4)
      },
      prune { ($0.structure, $0.method) = (.nOfM, .threshold) },
      prune { ($0.structure, $0.scope) = (.channel, .channel) },
    ]
    for pass in bad {
      #expect(throws: PassError.self) { try pass.validate() }
      #expect(throws: PassError.self) { try pass.run(on: SmallModel.parameters()) }
    }
  }

  @Test func titles() {
    #expect(Prune().title == "prune magnitude 50 %")
    #expect(prune { $0.amount = 0.335 }.title == "prune magnitude 33.5 %")
    #expect(prune { $0.structure = .nOfM }.title == "prune 2:4")
    #expect(
      prune { ($0.method, $0.scope) = (.random, .model) }.title == "prune random 50 % · per model")
    #expect(prune { $0.method = .threshold }.title == "prune up to 0.01")
    #expect(prune { $0.structure = .tile }.title == "prune magnitude 50 % · tiles 4×4")
  }

  @Test func emptyLayersAreLeftAlone() throws {
    for shape in [[0, 4], [4, 0]] as [Shape] {
      let model = SmallModel.layer(shape, [])
      #expect(try Prune().run(on: model).values() == [])
      #expect(try Quantize().run(on: model).values() == [])
    }
  }
}
