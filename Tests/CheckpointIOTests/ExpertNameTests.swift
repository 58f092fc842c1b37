import CheckpointIO
import Tensors
import TestSupport
import Testing

/// Names of mixtures of experts: which expert a layer is of, and what routes.
@Suite struct ExpertNameTests {
  struct Family: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let prefix: String
    let router: String
    /// Layers of an expert, `#` for its number.
    let experts: [String]
    /// Layers that all tokens go through.
    let shared: [String]
  }

  static let families = [
    Family(
      testDescription: "Mixtral", prefix: "model.layers", router: "block_sparse_moe.gate",
      experts: ["w1", "w2", "w3"].map { "block_sparse_moe.experts.#.\($0)" },
      shared: ["self_attn.q_proj"]),
    Family(
      testDescription: "Qwen", prefix: "model.layers", router: "mlp.gate",
      experts: ["gate_proj", "up_proj", "down_proj"].map { "mlp.experts.#.\($0)" },
      shared: ["mlp.shared_expert.gate_proj", "mlp.shared_expert.down_proj"]),
    Family(
      testDescription: "DeepSeek", prefix: "model.layers", router: "mlp.gate",
      experts: ["gate_proj", "up_proj", "down_proj"].map { "mlp.experts.#.\($0)" },
      shared: ["mlp.shared_experts.gate_proj", "self_attn.kv_a_proj_with_mqa"]),
    Family(
      testDescription: "Switch", prefix: "encoder.block", router: "layer.1.mlp.router.classifier",
      experts: ["layer.1.mlp.experts.expert_#.wi", "layer.1.mlp.experts.expert_#.wo"],
      shared: ["layer.0.SelfAttention.q"]),
  ]

  private static let experts = [0, 3, 10, 255]

  private func names(_ family: Family) -> [(name: String, expert: Int?, layer: String)] {
    (0..<2).flatMap { block in
      let start = "\(family.prefix).\(block)."
      let members = Self.experts.flatMap { expert in
        family.experts.map {
          ($0.split(separator: "#").joined(separator: String(expert)), Optional(expert), $0)
        }
      }
      let others = (family.shared + [family.router]).map { ($0, Int?.none, $0) }
      return (members + others).map { (start + $0.0 + ".weight", $0.1, $0.2) }
    }
  }

  private func open(_ names: [(name: String, shape: [Int])]) throws -> Checkpoint {
    var file = GGUFBytes()
    for (name, shape) in names {
      let count = shape.reduce(1, *)
      file.add(name, type: 0, shape, [UInt8](repeating: 0, count: 4 * count))
    }
    return try Checkpoint.open(bytes: file.bytes, name: "made")
  }

  @Test(arguments: families)
  func expertsHavePlacesOfTheirOwn(_ family: Family) throws {
    let names = names(family)
    let checkpoint = try open(names.map { ($0.name, [2, 2]) })
    #expect(Set(checkpoint.parameters.map(\.place.path)).count == names.count)
    for (name, expert, layer) in names {
      let place = try #require(checkpoint.parameters[name]?.place)
      #expect(place.expert == expert)
      #expect(place.kind == layer.split(separator: "#").joined(separator: "*"))
      #expect(place.role == (layer == family.router ? .router : .linear), "\(name)")
    }
  }

  @Test func onlyBesideExpertsAGateIsARouter() throws {
    let dense = try open([("model.layers.0.mlp.gate.weight", [2, 2])])
    #expect(dense.parameters.map(\.place.role) == [.linear])
    let stacked = try open([
      ("blk.0.ffn_gate_exps.weight", [4, 2, 2]), ("blk.0.ffn_gate_inp.weight", [4, 2]),
      ("blk.0.ffn_gate_shexp.weight", [2, 2]), ("blk.0.ffn_gate.weight", [2, 2]),
    ])
    let roles: [Place.Role] = [.linear, .linear, .linear, .linear, .router, .linear, .linear]
    #expect(stacked.parameters.map(\.place.role) == roles)
    #expect(stacked.parameters.map(\.place.expert) == [0, 1, 2, 3, nil, nil, nil])
  }

  @Test func whatOnlyLooksLikeARouterIsNone() throws {
    let checkpoint = try open([
      ("model.layers.0.mlp.experts.0.gate_proj.weight", [2, 2]),
      ("model.layers.0.mlp.gate.e_score_correction_bias", [4]),
      ("model.layers.0.mlp.gate.weight", [4]),
    ])
    #expect(checkpoint.parameters.allSatisfy { $0.place.role != .router })
  }

  /// No two names of numbers are one expert, and none traps.
  @Test(arguments: [
    "experts.03.w", "experts..w", "experts.3", "experts.-3.w", "experts.99999999999999999999.w",
    "shared_experts.3.w", "experts.expert_.w", "experts.expert_x.w", "3.experts.w", "expert.3.w",
    "experts.1000000.w", "", ".", "experts.", "experts.٣.w",
  ])
  func oddNamesAreNoExperts(_ layer: String) {
    let place = Place(block: 0, layer: layer, role: .linear)
    #expect(place.expert == nil && place.kind == layer)
  }

  @Test(.enabled(if: SharedData.isPresent))
  func aRealMixture() throws {
    let parameters = try Checkpoint.open(SharedData.path("samples/tiny_mixtral")).parameters
    #expect(Set(parameters.compactMap(\.place.expert)) == [0, 1, 2, 3])
    let routers = parameters.filter { $0.place.role == .router }
    #expect(routers.map(\.place.layer) == ["block_sparse_moe.gate", "block_sparse_moe.gate"])
    #expect(
      Set(parameters.map { [$0.place.path, $0.place.role.rawValue] }).count == parameters.count)
  }
}
