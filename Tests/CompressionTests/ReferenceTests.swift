import CheckpointIO
import Compression
import Foundation
import Jobs
import Tensors
import TestSupport
import Testing
import Transformers

/// Agreement with values computed by NumPy on a tiny, really trained network.
@Suite(.enabled(if: SharedData.isPresent)) struct ReferenceTests {
  /// The matrices that the reference pruned, in its order.
  private struct Reference {
    let model: Parameters
    let configuration: [String: String]
    let expected: [String: Any]
    let names: [String]

    init() throws {
      let checkpoint = try Checkpoint.open(SharedData.path("samples/nanogpt.safetensors"))
      model = checkpoint.parameters
      configuration = checkpoint.configuration.merging(["n_head": "2"]) { $1 }
      let url = URL(fileURLWithPath: SharedData.path("samples/expected_prune.json"))
      let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
      expected = try #require(object as? [String: Any])
      names = try #require(expected["matrices"] as? [String])
    }

    subscript(keys: String...) -> Any? {
      keys.reduce(expected as Any?) { ($0 as? [String: Any])?[$1] }
    }

    /// Mean loss on the first 4,096 predictions of the validation text.
    func loss(_ model: Parameters) throws -> Double {
      let network = try Network.make(model, configuration: configuration)
      return try network.evaluate(Self.tokens.get()).loss
    }

    /// The first 4,097 characters of the text's last tenth, numbered by order.
    private static let tokens = Result {
      let bytes = try Data(
        contentsOf: URL(fileURLWithPath: SharedData.path("shakespeare-char/input.txt")))
      let order = Set(bytes).sorted()
      let start = bytes.count * 9 / 10
      return bytes[start..<start + 4097].map { byte in order.firstIndex(of: byte) ?? 0 }
    }

    /// One byte a weight, 1 for kept, all matrices in order.
    func maskDigest(_ model: Parameters) throws -> String {
      SHA256.digest(
        try names.flatMap { name -> [UInt8] in
          let parameter = try #require(model[name])
          return (0..<parameter.shape.count).map { parameter.mask?[$0] ?? true ? 1 : 0 }
        })
    }
  }

  private func expectLoss(_ found: Double, _ wanted: Any?) throws {
    let wanted = try #require(wanted as? Double)
    #expect(abs(found - wanted) < 1e-5, "\(found) is not \(wanted)")
  }

  /// The reference prunes the whole part of share × count; so do these amounts.
  @Test(arguments: ["0.1", "0.3", "0.5", "0.7", "0.9"])
  func magnitudeInEachLayer(_ share: String) throws {
    let reference = try Reference()
    var model = reference.model
    for name in reference.names {
      let count = try #require(model[name]).shape.count
      var pass = Prune()
      pass.amount = (try #require(Double(share)) * Double(count)).rounded(.down) / Double(count)
      model = try pass.run(on: model, layers: .named([name]))
    }
    let total = try Comparison(of: reference.model, with: model, in: JobContext()).total
    #expect(total.zeros == reference["magnitude_per_tensor", share, "zeros"] as? Int)
    #expect(total.weights - total.kept == total.zeros)
    let digest = reference["magnitude_per_tensor", share, "mask_sha256"] as? String
    #expect(try reference.maskDigest(model) == digest)
    try expectLoss(reference.loss(model), reference["magnitude_per_tensor", share, "nll"])
  }

  @Test(arguments: ["0.1", "0.3", "0.5", "0.7", "0.9"])
  func magnitudeInTheWholeModel(_ share: String) throws {
    let reference = try Reference()
    let count = reference.model.linearLayers.reduce(0) { $0 + $1.shape.count }
    var pass = Prune()
    pass.scope = .model
    pass.amount = (try #require(Double(share)) * Double(count)).rounded(.down) / Double(count)
    let model = try pass.run(on: reference.model)
    for name in reference.names {
      let parameter = try #require(model[name])
      let zeros = parameter.shape.count - (parameter.mask?.keptCount ?? parameter.shape.count)
      #expect(zeros == reference["magnitude_global", share, "zeros_per_tensor", name] as? Int)
    }
    try expectLoss(reference.loss(model), reference["magnitude_global", share, "nll"])
  }

  @Test(arguments: ["block0_only", "block1_only"], ["0.5", "0.9"])
  func magnitudeInOneBlock(_ key: String, _ share: String) throws {
    let reference = try Reference()
    var model = reference.model
    let block = key == "block0_only" ? 0 : 1
    for parameter in reference.model.linearLayers where parameter.place.block == block {
      let count = Double(parameter.shape.count)
      var pass = Prune()
      pass.amount = (try #require(Double(share)) * count).rounded(.down) / count
      model = try pass.run(on: model, layers: .named([parameter.name]))
    }
    try expectLoss(reference.loss(model), reference[key, share])
  }

  @Test func twoOfFour() throws {
    let reference = try Reference()
    var pass = Prune()
    pass.structure = .nOfM
    try expectLoss(reference.loss(pass.run(on: reference.model)), reference["n2m4"])
  }

  @Test(arguments: [8, 4, 3])
  func roundToNearestInGroups(_ bits: Int) throws {
    let reference = try Reference()
    var pass = Quantize()
    (pass.bits, pass.granularity, pass.groupSize) = (bits, .group, 32)
    let loss = try reference.loss(pass.run(on: reference.model))
    try expectLoss(loss, reference["rtn_int\(bits)_g32"])
  }
}
