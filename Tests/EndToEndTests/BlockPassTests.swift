import Foundation
import Testing

/// Passes on models in blocks: the file they come to has the same types, or is smaller.
@Suite struct BlockPassTests {
  private static let model = Fixtures.checkpoint("tiny.safetensors")

  /// A GGUF file in blocks of a type, and its size.
  private func blocks(_ type: String, in scratch: Scratch) throws -> Int {
    let made = try Program.run(
      ["convert", Self.model, "-o", "m.gguf", "--type", type], in: scratch)
    #expect(made.status == 0, "\(made.error)")
    return try scratch.bytes("m.gguf").count
  }

  private func types(of file: String, in scratch: Scratch) throws -> [String: String] {
    let listing = try Program.run(["inspect", file, "--json"], in: scratch)
    let tensors = try #require(listing.fields["tensors"] as? [[String: Any]])
    return Dictionary(
      tensors.map { ($0["name"] as? String ?? "", $0["dtype"] as? String ?? "") },
      uniquingKeysWith: { $1 })
  }

  @Test(arguments: ["q8_0", "q5_0", "q4_0"])
  func ggufInGivesGGUFOutOfTheSameTypes(type: String) throws {
    let scratch = try Scratch()
    let size = try blocks(type, in: scratch)
    let pruned = try Program.run(
      ["prune", "m.gguf", "-o", "half.gguf", "--amount", "0.5", "--json"], in: scratch)
    #expect(pruned.status == 0, "\(pruned.error)")
    #expect(pruned.fields["losses"] as? [String] == [])
    #expect(pruned.fields["bytes"] as? Int == size)
    #expect(try types(of: "half.gguf", in: scratch) == types(of: "m.gguf", in: scratch))
    let sparsity = try #require(pruned.fields["sparsity"] as? Double)
    #expect(sparsity >= 0.5 && sparsity < 0.7)
    // The packed file is smaller, has the same values, and gives the same GGUF again.
    let packed = try Program.run(
      ["prune", "m.gguf", "-o", "half.safetensors", "--amount", "0.5", "--json"], in: scratch)
    #expect(packed.status == 0 && packed.error.isEmpty, "\(packed.error)")
    #expect(packed.fields["layer_error"] as? Double == pruned.fields["layer_error"] as? Double)
    #expect(packed.fields["sparsity"] as? Double == sparsity)
    let again = try Program.run(["convert", "half.safetensors", "-o", "again.gguf"], in: scratch)
    #expect(again.status == 0, "\(again.error)")
    #expect(try types(of: "again.gguf", in: scratch) == types(of: "m.gguf", in: scratch))
    let difference = try Program.run(["compare", "half.gguf", "again.gguf", "--json"], in: scratch)
    #expect(difference.status == 0, "\(difference.error)")
    #expect(try scratch.bytes("half.gguf").count == scratch.bytes("again.gguf").count)
  }

  /// A pruned layer in blocks has the name of its format and the codes of kept weights; it is
  /// called so wherever tensors are listed.
  @Test func keptWeightsKeepTheirCodes() throws {
    let scratch = try Scratch()
    _ = try blocks("q5_0", in: scratch)
    let name = "blk.0.ffn_down.weight"
    let pruned = try Program.run(
      ["prune", "m.gguf", "-o", "half.safetensors", "--amount", "0.5"], in: scratch)
    #expect(pruned.status == 0, "\(pruned.error)")
    #expect(try types(of: "half.safetensors", in: scratch)[name] == "Q5_0")
    let text = try Program.run(["inspect", "half.safetensors", name], in: scratch)
    #expect(text.status == 0 && text.output.hasPrefix("\(name)  Q5_0  "), "\(text.output)")
    #expect(text.output.contains("bits per weight: mask 1.000, codes 2.500, "), "\(text.output)")
    let layer = try Program.run(["inspect", "half.safetensors", name, "--json"], in: scratch)
    let before = try Program.run(["inspect", "m.gguf", name, "--json"], in: scratch)
    let (kept, all) = try (
      #require(layer.fields["codes"] as? [String: Any]),
      #require(before.fields["codes"] as? [String: Any])
    )
    #expect(kept["format"] as? String == "Q5_0" && layer.fields["reason"] is NSNull)
    let weights = try #require(all["weights"] as? Int)
    #expect(try #require(kept["weights"] as? Int) * 2 <= weights)
    let parts = ["mask_bits", "code_bits", "scale_bits", "minimum_bits"]
    let sum = parts.reduce(0.0) { $0 + (kept[$1] as? Double ?? .nan) }
    #expect(try abs(sum - #require(layer.fields["bits_per_weight"] as? Double)) < 1e-9)
  }

  /// A comparison names the type in the file.
  @Test(.enabled(if: Fixtures.shared != nil)) func tensorsOfOneFileHaveTheTypeOfTheFile() throws {
    let file = try #require(Fixtures.shared).appendingPathComponent("samples/all_ggml_types.gguf")
    let compared = try Program.run(
      ["compare", Self.model, file.path, "--weights-only"], in: Scratch())
    #expect(compared.status == 0, "\(compared.error)")
    let lines = compared.output.split(separator: "\n")
    for type in ["F32", "F16", "Q4_0", "Q4_1", "Q6_K", "IQ2_XXS"] {
      let line = try #require(lines.first { $0.hasPrefix("t.\(type).weight ") })
      #expect(line.split(separator: " ").last.map(String.init) == type, "\(line)")
    }
  }

  /// A recipe, another type, and importance, in one command.
  @Test func passesWriteBlocksOfAnyType() throws {
    let scratch = try Scratch()
    try Data(CommandLineSavingTests.recipe.utf8)
      .write(to: scratch.url.appendingPathComponent("recipe.yaml"))
    let run = try Program.run(
      ["run", "recipe.yaml", Self.model, "-o", "out.gguf", "--type", "q8_0", "--json"],
      in: scratch)
    #expect(run.status == 0, "\(run.error)")
    #expect((run.fields["types"] as? [String: Int])?["Q8_0"] ?? 0 > 0)
    #expect((run.fields["passes"] as? [String])?.count == 2)
    let pruned = try Program.run(["prune", Self.model, "-o", "p.gguf", "--json"], in: scratch)
    #expect(pruned.fields["sparsity"] as? Double == 0.5)
    let quantized = try Program.run(
      ["quantize", Self.model, "-o", "q", "--bits", "8", "--type", "q8_0"], in: scratch)
    #expect(quantized.status == 0, "\(quantized.error)")
    #expect(try scratch.bytes("q").prefix(4) == Data("GGUF".utf8))
  }

  /// A format whose blocks have no 0: the nearest value, and it is said.
  @Test func whatIsNotZeroIsSaid() throws {
    let scratch = try Scratch()
    _ = try blocks("q4_1", in: scratch)
    let pruned = try Program.run(["prune", "m.gguf", "-o", "half.gguf"], in: scratch)
    #expect(pruned.status == 0, "\(pruned.error)")
    #expect(pruned.output.contains("as large as m.gguf"))
    #expect(pruned.output.contains("pruned weights not 0 but the nearest that a block of Q4_1 has"))
  }

  @Test func aLargerFileIsToldOfFirst() throws {
    let scratch = try Scratch()
    _ = try blocks("q4_0", in: scratch)
    let dense = try Program.run(["convert", "m.gguf", "-o", "m.safetensors"], in: scratch)
    #expect(dense.status == 0)
    #expect(dense.error.contains("m.safetensors will be larger than m.gguf: "))
    let packed = try Program.run(
      ["convert", "m.gguf", "-o", "p.safetensors", "--packed"], in: scratch)
    #expect(packed.status == 0 && packed.error.isEmpty, "\(packed.error)")
  }

  /// A layer of zeros on a grid was a file that nothing could read.
  @Test(arguments: [
    ["--amount", "1"], ["--amount", "1", "--scope", "channel"],
    ["--structure", "channel", "--amount", "1"],
    ["--method", "threshold", "--threshold", "1"],
  ])
  func aLayerOfZerosOnAGridIsRead(dials: [String]) throws {
    let scratch = try Scratch()
    for bits in [
      ["--bits", "4"], ["--bits", "4", "--granularity", "group"], ["--scheme", "ternary"],
      ["--scheme", "affine"], ["--scheme", "binary"],
    ] {
      let quantized = try Program.run(
        ["quantize", Self.model, "-o", "q.safetensors", "--force"] + bits, in: scratch)
      #expect(quantized.status == 0, "\(quantized.error)")
      let pruned = try Program.run(
        ["prune", "q.safetensors", "-o", "x.safetensors", "--layers", "block.0.mlp.*", "--force"]
          + dials, in: scratch)
      #expect(pruned.status == 0, "\(pruned.error)")
      let read = try Program.run(["inspect", "x.safetensors"], in: scratch)
      #expect(read.status == 0, "\(read.error)")
    }
  }
}
