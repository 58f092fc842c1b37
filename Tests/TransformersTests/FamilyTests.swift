import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing
import Transformers

/// Models of every family against the logits of transformers.
///
/// `Checkpoints/families` has one of each, made by `Benchmarks/families.py`; `PARE_FAMILIES` names
/// a folder of more.
@Suite struct FamilyTests {
  struct Family: CustomTestStringConvertible, Sendable {
    let path: String
    /// Where what it gives is written down.
    let reference: String
    var testDescription: String { URL(fileURLWithPath: path).lastPathComponent }
  }

  /// Of these llama.cpp's converter leaves settings out without which the logits are others:
  /// windows, factors of a scaling, blocks that turn nothing, the scale of the scores.
  private static let lost: Set = [
    "mistral", "qwen2_sliding", "llama_dynamic", "llama_longrope", "smollm3", "gemma2", "gemma3",
  ]

  static let all: [Family] = {
    let roots =
      [SharedData.packageRoot + "/Checkpoints/families"]
      + (ProcessInfo.processInfo.environment["PARE_FAMILIES"].map {
        [$0 + "/models", $0 + "/small"]
      }
        ?? [])
    var families: [Family] = []
    for root in roots {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: root))?.sorted() ?? [] {
        let folder = root + "/" + name
        guard FileManager.default.fileExists(atPath: folder + "/expected.json") else { continue }
        families.append(Family(path: folder, reference: folder))
        let gguf = root + "/../gguf/\(name).gguf"
        if root.hasSuffix("/models"), !lost.contains(name),
          FileManager.default.fileExists(atPath: gguf)
        {
          families.append(Family(path: gguf, reference: folder))
        }
      }
    }
    return families
  }()

  private struct Reference: Decodable {
    let ids: [Int]
    let logits: [[Float]]?
    let last_logits: [Float]?
    let ids2: [Int]?
    let logits2: [[Float]]?
  }

  @Test(arguments: all) func logitsAreThoseOfTransformers(_ family: Family) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: family.reference + "/expected.json"))
    let reference = try JSONDecoder().decode(Reference.self, from: data)
    let checkpoint = try Checkpoint.open(family.path)
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    try compare(network, reference.ids, reference.logits ?? [reference.last_logits ?? []])
    if let ids = reference.ids2, let logits = reference.logits2 {
      try compare(network, ids, logits)
    }
  }

  /// What generation runs token by token is what a prompt runs at once.
  @Test(arguments: all.filter { $0.path.contains("/families/") })
  func decodeEqualsPrefill(_ family: Family) throws {
    let checkpoint = try Checkpoint.open(family.path)
    let network = try Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    let prompt = [3, 1, 4, 1, 5]
    let written = try network.generate(
      prompt: prompt, count: 6, sampling: Sampling(temperature: 0), threads: 1
    ).tokens
    #expect(
      try network.generate(
        prompt: prompt, count: 6, sampling: Sampling(temperature: 0), threads: 3
      ).tokens == written)
    // A scaling by the text's length has other angles while the text is short.
    guard !["llama_dynamic", "phi3_longrope"].contains(family.testDescription) else { return }
    var text = prompt
    for token in written {
      let logits = try network.logits(text)
      let row = (0..<logits.shape.columns).map { logits[text.count - 1, $0] }
      #expect(row.indices.max { row[$0] < row[$1] } == token)
      text.append(token)
    }
    let loss = try network.evaluate(text, threads: 1).loss
    #expect(try network.evaluate(text, threads: 2).loss == loss)
    // Two windows side by side are two texts.
    let windows = try network.evaluate(text + text, protocol: .windows, context: text.count)
    #expect(windows.tokens == 2 * (text.count - 1))
    #expect(abs(windows.loss - loss) < 1e-5 * loss)
  }

  /// llama.cpp has no word for Mistral's window, for dynamic scaling, and for blocks without
  /// experts among others of Qwen 2 MoE: which is told when such a file is made.
  private static let told: Set = ["mistral", "llama_dynamic", "qwen2_moe"]
  /// Of these it knows one value alone, which is not the sample's.
  private static let altered: [String: [String: any Sendable]] = [
    "gemma2": ["query_pre_attn_scalar": 12], "smollm3": ["no_rope_layers": [1, 1]],
  ]

  /// What is written for llama.cpp computes the same, in its names and its order of rows.
  @Test(
    arguments: all.filter {
      $0.path.contains("/families/") && !told.contains($0.testDescription)
    })
  func theGGUFFileComputesTheSame(_ family: Family) throws {
    let folder = TemporaryFolder()
    let source = try Checkpoint.open(try altered(family, in: folder))
    let path = folder.file("model.gguf")
    let plan = try GGUFPlan.make(
      parameters: source.parameters, of: source, storage: .values(.f32))
    #expect(!plan.notes.contains { $0.contains("differ") }, "\(plan.notes)")
    try plan.write(to: path)
    let written = try Checkpoint.open(path)
    let ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    func logits(_ checkpoint: Checkpoint) throws -> [Float] {
      try Network.make(checkpoint.parameters, configuration: checkpoint.configuration)
        .logits(ids).array
    }
    let (wanted, found) = (try logits(source), try logits(written))
    #expect(wanted.count == found.count)
    #expect(zip(wanted, found).allSatisfy { abs($0 - $1) < 2e-4 })
  }

  /// The family's folder, or a copy with other settings.
  private func altered(_ family: Family, in folder: TemporaryFolder) throws -> String {
    guard let changes = Self.altered[family.testDescription] else { return family.path }
    let copy = folder.file("altered")
    try FileManager.default.copyItem(atPath: family.path, toPath: copy)
    let settings = URL(fileURLWithPath: copy + "/config.json")
    let given = try JSONSerialization.jsonObject(with: Data(contentsOf: settings))
    let changed = try #require(given as? [String: Any]).merging(changes) { $1 }
    try JSONSerialization.data(withJSONObject: changed).write(to: settings)
    return copy
  }

  /// The last rows.
  private func compare(_ network: Network, _ ids: [Int], _ wanted: [[Float]]) throws {
    let logits = try network.logits(ids)
    let first = ids.count - wanted.count
    var (difference, size) = (0.0, 0.0)
    for (row, values) in wanted.enumerated() {
      #expect(values.count == logits.shape.columns)
      for (column, value) in values.enumerated() {
        difference += pow(Double(logits[first + row, column] - value), 2)
        size += pow(Double(value), 2)
      }
    }
    #expect((difference / size).squareRoot() < 1e-4)
  }
}
