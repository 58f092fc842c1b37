import CheckpointIO
import Foundation
import Tensors
import TestSupport
import Testing

/// Values of real files against what PyTorch says of them.
@Suite(.enabled(if: SharedData.isPresent)) struct SampleValueTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    let file: String
    /// The file whose expected values hold for it.
    let values: String
    var prefix = ""
    var testDescription: String { file }
  }

  static let samples = [
    Sample(file: "ckpt.pt", values: "ckpt.pt"),
    Sample(file: "ckpt_orig_mod.pt", values: "ckpt.pt"),
    Sample(file: "ckpt_legacy_nonzip.pt", values: "ckpt.pt"),
    Sample(file: "state_dict_only.bin", values: "ckpt.pt"),
    Sample(file: "nanogpt.safetensors", values: "ckpt.pt"),
    Sample(file: "nanogpt.npz", values: "ckpt.pt"),
    Sample(file: "hf_gpt2_layout.safetensors", values: "ckpt.pt"),
    Sample(file: "ckpt_bf16.pt", values: "ckpt_bf16.pt"),
    Sample(file: "nanogpt_bf16.safetensors", values: "ckpt_bf16.pt"),
    Sample(file: "ckpt_f16.pt", values: "ckpt_f16.pt"),
    Sample(file: "ckpt_bias_maskbuffer.pt", values: "ckpt_bias_maskbuffer.pt"),
    Sample(file: "odd_tensors.pt", values: "odd_tensors.pt"),
  ]

  @Test(arguments: samples)
  func valuesAreThoseOfPyTorch(sample: Sample) throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/" + sample.file))
    let expected = try Expected.tensors(of: sample.values)
    var compared = 0
    for (name, tensor) in expected {
      guard let parameter = checkpoint.parameters[name] else {
        let isListed = checkpoint.tensors.contains {
          $0.name == name && ($0.dtype == nil || $0.sharesStorageOf != nil)
        }
        #expect(isListed || name == "lm_head.weight", "\(name) is missing")
        continue
      }
      #expect(parameter.shape == Shape(tensor.shape), "\(name)")
      let values = try parameter.tensor().array
      if let digest = tensor.digest { #expect(digest == littleEndianDigest(values), "\(name)") }
      if let first = tensor.values {
        #expect(Array(values.prefix(first.count)) == first, "\(name)")
      }
      compared += 1
    }
    #expect(compared >= 13)
  }

  @Test func sharedStorageIsListedOnce() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let head = try #require(checkpoint.tensors.first { $0.name == "lm_head.weight" })
    #expect(head.sharesStorageOf == "transformer.wte.weight")
    #expect(checkpoint.parameters["lm_head.weight"] == nil)
  }

  @Test func aHeadWrittenTwiceIsCountedOnce() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("shakespeare-char/ckpt.pt"))
    let head = try #require(checkpoint.tensors.first { $0.name == "lm_head.weight" })
    #expect(head.sharesStorageOf == "transformer.wte.weight")
    #expect(checkpoint.parameters.reduce(0) { $0 + $1.shape.count } == 10_745_088)
  }

  @Test func optimizerStateIsListedAndNoWeight() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let state = checkpoint.tensors.filter { $0.place.role == .optimizer }
    #expect(state.contains { $0.name == "optimizer.state.0.exp_avg" })
    #expect(checkpoint.parameters.allSatisfy { $0.place.role != .optimizer })
    #expect(checkpoint.parameters.count == 15)
  }

  @Test func settingsAreRead() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    #expect(checkpoint.configuration["n_layer"] == "2")
    #expect(checkpoint.configuration["n_embd"] == "32")
    #expect(checkpoint.configuration["bias"] == "false")
    #expect(checkpoint.metadata["iter_num"] != nil)
    #expect(checkpoint.metadata["best_val_loss"].flatMap(Double.init) != nil)
  }

  @Test func vocabularyComesFromMetaPickleBesideTheFile() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt.pt"))
    let vocabulary = try #require(checkpoint.vocabulary)
    #expect(vocabulary.count == 65)
    #expect(vocabulary.first == "\n")
    #expect(vocabulary.last == "z")
  }

  @Test func maskBuffersAreNoWeights() throws {
    let checkpoint = try Checkpoint.open(SharedData.path("samples/ckpt_bias_maskbuffer.pt"))
    let mask = try #require(checkpoint.parameters["transformer.h.0.attn.bias"])
    #expect(mask.place == Place(block: 0, layer: "attn.bias", role: .buffer))
    let bias = try #require(checkpoint.parameters["transformer.h.0.attn.c_attn.bias"])
    #expect(bias.place == Place(block: 0, layer: "attn.c_attn", role: .bias))
  }

  @Test func wholeModulesAreRefusedByName() {
    #expect(throws: CheckpointError.self) {
      do {
        _ = try Checkpoint.open(SharedData.path("samples/whole_module.pt"))
      } catch {
        #expect("\(error)".contains("'__main__.GPT'"))
        throw error
      }
    }
  }
}

private func littleEndianDigest(_ values: [Float]) -> String {
  SHA256.digest(
    values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
    })
}

/// What `expected.json` says of a file's tensors.
private struct Expected {
  let shape: [Int]
  let digest: String?
  let values: [Float]?

  static func tensors(of file: String) throws -> [String: Expected] {
    let data = try Data(contentsOf: URL(fileURLWithPath: SharedData.path("samples/expected.json")))
    let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let entry = try #require(all[file] as? [String: Any])
    let tensors = try #require(entry["tensors"] as? [String: [String: Any]])
    return try tensors.mapValues { tensor in
      Expected(
        shape: try #require(tensor["shape"] as? [Int]),
        digest: tensor["sha256_f32le"] as? String,
        values: (tensor["values"] as? [Double])?.map { Float($0) })
    }
  }
}
