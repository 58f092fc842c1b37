import CheckpointIO
import Tensors
import TestSupport
import Testing

/// What training runs keep beside the weights is no weight, whatever it is called and whatever
/// the weights are called.
@Suite struct TrainingStateTests {
  private static let matrix: [Float] = [1, 2, 3, 4]

  private func open(
    _ make: (inout PickleBytes) -> [(String, [UInt8])]
  ) throws -> Checkpoint {
    var pickle = PickleBytes()
    let members = make(&pickle)
    return try Checkpoint.open(bytes: pickle.file(members), name: "state")
  }

  private func network(_ pickle: inout PickleBytes, layers: Int = 2) -> [UInt8] {
    PickleBytes.dictionary(
      (0..<layers).map { ("h.\($0).fc.weight", pickle.tensor([2, 2], Self.matrix)) })
  }

  private let names = ["h.0.fc.weight", "h.1.fc.weight"]

  static let keys = ["model", "module", "net", "g_ema", "ema", "generator", "weights", "x"]

  @Test(arguments: keys, ["optimizer", "optim_G", "opt", "y"])
  func weightsAreFoundUnderAnyKey(key: String, optimizer: String) throws {
    for slot in ["exp_avg", "momentum_buffer", "unheard_of"] {
      let checkpoint = try open { pickle in
        [
          (optimizer, pickle.optimizer(slot)), (key, network(&pickle)),
          ("epoch", PickleBytes.integer(3)), ("rng", pickle.tensor([3], [1, 2, 3])),
        ]
      }
      #expect(checkpoint.parameters.map(\.name) == names)
      #expect(checkpoint.metadata["epoch"] == "3" && checkpoint.warnings.isEmpty)
      let state = checkpoint.tensors.filter { $0.place.role == .optimizer }.map(\.name)
      #expect(state == state.filter { !names.contains($0) } && state.count == 3)
    }
  }

  /// `{"checkpoint": {"weights": …, "optimizer": …}}`.
  @Test func weightsAreFoundInDictionariesOfDictionaries() throws {
    let checkpoint = try open { pickle in
      let inner = PickleBytes.dictionary([
        ("weights", network(&pickle)), ("optimizer", pickle.optimizer("exp_avg")),
      ])
      return [("checkpoint", inner), ("epoch", PickleBytes.integer(3))]
    }
    #expect(checkpoint.parameters.map(\.name) == names)
  }

  /// A state dictionary with an optimizer as one more member.
  @Test func anOptimizerAmongTheWeightsIsNone() throws {
    let checkpoint = try open { pickle in
      [
        ("fc.weight", pickle.tensor([2, 2], Self.matrix)),
        ("optimizer", pickle.optimizer("square_avg")),
      ]
    }
    #expect(checkpoint.parameters.map(\.name) == ["fc.weight"])
  }

  @Test func severalNetworksKeepTheirNames() throws {
    let checkpoint = try open { pickle in
      [
        ("encoder", network(&pickle)), ("decoder", network(&pickle, layers: 1)),
        ("optimizer", pickle.optimizer("exp_avg")),
      ]
    }
    #expect(
      checkpoint.parameters.map(\.name) == [
        "encoder.h.0.fc.weight", "encoder.h.1.fc.weight", "decoder.h.0.fc.weight",
      ])
  }

  @Test(arguments: [("model", "ema"), ("net", "net_ema"), ("g", "ema_g"), ("a", "shadow")])
  func averagesBesideTheWeightsAreTold(key: String, average: String) throws {
    for isFirst in [true, false] {
      let checkpoint = try open { pickle in
        let members = [(key, network(&pickle)), (average, network(&pickle))]
        return isFirst ? members : members.reversed()
      }
      #expect(checkpoint.parameters.map(\.name) == names)
      #expect(
        checkpoint.warnings == [
          "'\(key)' holds the weights; '\(average)', an average of weights, is listed as training "
            + "state"
        ])
    }
  }

  @Test func averagesOfOneOfSeveralNetworksAreTold() throws {
    let checkpoint = try open { pickle in
      [
        ("g", network(&pickle)), ("d", network(&pickle, layers: 1)), ("g_ema", network(&pickle)),
      ]
    }
    #expect(
      checkpoint.parameters.map(\.name) == [
        "g.h.0.fc.weight", "g.h.1.fc.weight", "d.h.0.fc.weight",
      ])
    #expect(checkpoint.warnings.count == 1)
  }

  // MARK: No weights

  private func sentence(_ checkpoint: Checkpoint) -> String? {
    do {
      try checkpoint.checkWeights()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func anOptimizersFileHasNoWeights() throws {
    let alone = try Checkpoint.open(
      bytes: {
        var pickle = PickleBytes()
        let root = pickle.optimizer("unheard_of")
        return pickle.file(root: root)
      }(), name: "optimizer")
    #expect(alone.parameters.isEmpty && alone.tensors.count == 2)
    let reason = "its 2 tensors are training state, such as an optimizer keeps"
    #expect(sentence(alone) == "the file holds no weights: \(reason)")
    #expect(alone.parameters.absence == reason)
    #expect(alone.warnings == ["the file holds no weights: \(reason)"])
    // DeepSpeed's: one around another, and flat groups of weights.
    let nested = try open { pickle in
      let inner = PickleBytes.dictionary([
        ("fp32_flat_groups", PickleBytes.list([pickle.tensor([4], Self.matrix)])),
        ("optimizer_state_dict", pickle.optimizer("exp_avg")),
      ])
      return [("optimizer_state_dict", inner)]
    }
    #expect(nested.parameters.isEmpty && nested.tensors.count == 3)
  }

  @Test(arguments: [false, true]) func emptyMatricesAreExplained(isPickle: Bool) throws {
    var folder = QuantizedFolder(nil)
    folder.add("h.0.fc.weight", [0], [])
    folder.add("h.0.norm.weight", [2], [1, 1])
    folder.add("h.1.fc.weight", [0], [])
    let checkpoint =
      try isPickle
      ? open { pickle in
        [
          ("h.0.fc.weight", pickle.tensor([0], [])),
          ("h.0.norm.weight", pickle.tensor([2], [1, 1])),
          ("h.1.fc.weight", pickle.tensor([0], [])),
        ]
      } : Checkpoint.open(bytes: folder.bytes, name: "empty")
    let text = try #require(sentence(checkpoint))
    #expect(text.hasPrefix("the file holds no weights: its 2 matrices are empty, as DeepSpeed"))
    #expect(text.contains("zero_to_fp32.py") && checkpoint.warnings == [text])
  }

  @Test func someEmptyMatricesAreWarnedOf() throws {
    var folder = QuantizedFolder(nil)
    folder.add("h.0.fc.weight", [0], [])
    folder.add("h.1.fc.weight", [2, 2], Self.matrix)
    let checkpoint = try Checkpoint.open(bytes: folder.bytes, name: "empty")
    #expect(sentence(checkpoint) == nil)
    #expect(
      checkpoint.warnings == [
        "1 matrix is empty, 'h.0.fc.weight' first, as DeepSpeed ZeRO-3 leaves those that were not "
          + "gathered"
      ])
  }

  // MARK: Names in every format

  static let states = [
    "optimizer.state.0.exp_avg", "optimizer.lr", "optim.a", "optimizer_g.3.m",
    "h.0.fc.weight.exp_avg_sq", "h.0.fc.weight.step", "state.h.0.fc.weight.momentum_buffer",
  ]

  @Test(arguments: ["safetensors", "npz", "pt"]) func namesTellTrainingState(format: String) throws
  {
    var folder = QuantizedFolder(nil)
    var arrays: [(name: String, bytes: [UInt8])] = []
    var pickle = PickleBytes()
    var members: [(String, [UInt8])] = []
    for name in Self.states + ["h.0.fc.weight", "h.0.step", "optimize.weight"] {
      folder.add(name, [2, 2], Self.matrix)
      arrays.append(
        (
          name + ".npy",
          NumPyBytes.array(
            "<f4", "(2, 2)", Self.matrix.flatMap { ZipBytes.little($0.bitPattern, 4) })
        ))
      members.append((name, pickle.tensor([2, 2], Self.matrix)))
    }
    let bytes =
      switch format {
      case "safetensors": folder.bytes
      case "npz": ZipBytes.archive(arrays)
      default: pickle.file(members)
      }
    let checkpoint = try Checkpoint.open(bytes: bytes, name: "names")
    #expect(
      Set(checkpoint.parameters.map(\.name)) == ["h.0.fc.weight", "h.0.step", "optimize.weight"])
    let plan = try SavePlan.make(
      parameters: checkpoint.parameters, of: checkpoint, form: .dense(nil))
    #expect(plan.losses.map(\.description) == ["7 tensors of training state left out"])
  }

  /// Only averages of weights that are there: an `ema.` alone holds the weights.
  @Test(arguments: [true, false]) func namesTellAverages(hasWeights: Bool) throws {
    var folder = QuantizedFolder(nil)
    if hasWeights { folder.add("model.h.0.fc.weight", [2, 2], Self.matrix) }
    folder.add("model_ema.h0fcweight", [2, 2], Self.matrix)
    folder.add("model_ema.decay", [1], [0.5])
    let checkpoint = try Checkpoint.open(bytes: folder.bytes, name: "names")
    #expect(
      checkpoint.parameters.map(\.name)
        == (hasWeights ? ["model.h.0.fc.weight"] : ["model_ema.h0fcweight", "model_ema.decay"]))
    #expect(checkpoint.warnings.count == (hasWeights ? 1 : 0))
  }
}

/// Files of the kinds that people have.
@Suite(.enabled(if: SharedData.isPresent)) struct SharedTrainingStateTests {
  @Test func theCasesAreAsExpected() throws {
    guard SharedData.exists("cases/04-deepspeed-module-key") else { return }
    let folder = SharedData.path("cases")
    let net = try Checkpoint.open("\(folder)/04-deepspeed-module-key/net.pth")
    #expect(net.parameters.count == 28 && net.parameters[0].name == "transformer.wte.weight")
    #expect(net.tensors.count == 36)
    let optimizer = try Checkpoint.open("\(folder)/04-deepspeed-module-key/optimizer.pt")
    #expect(optimizer.parameters.absence != nil)
    let empty = try Checkpoint.open("\(folder)/05-zero3-empty/hf")
    #expect(empty.parameters.absence?.contains("zero_to_fp32") == true)
    let both = try Checkpoint.open("\(folder)/46-trf-blocks/model_and_optimizer.pth")
    #expect(both.parameters.count == 24 && both.tensors.count == 25)
  }
}
