import Foundation
import Testing

/// NaN and infinity are told by every command that compares or writes weights.
@Suite struct CommandLineNonFiniteTests {
  private static let up = "model.layers.0.mlp.up_proj.weight"
  private static let down = "model.layers.0.mlp.down_proj.weight"
  private static let norm = "model.layers.0.input_layernorm.weight"

  /// A block of two matrices and a norm, some of whose weights are set.
  private static func write(
    _ name: String, in scratch: Scratch, _ set: [(tensor: String, at: Int, value: Float)] = []
  ) throws {
    var tensors: [(name: String, shape: [Int], values: [Float])] = [
      (norm, [64], (0..<64).map { 1 + Float($0 % 5) / 8 }),
      (up, [64, 64], (0..<4096).map { Float($0 * 37 % 101 - 50) / 64 }),
      (down, [64, 64], (0..<4096).map { Float($0 * 53 % 97 - 48) / 64 }),
    ]
    for change in set {
      guard let index = tensors.firstIndex(where: { $0.name == change.tensor }) else { continue }
      tensors[index].values[change.at] = change.value
    }
    var (entries, data) = ([String](), Data())
    for tensor in tensors {
      let start = data.count
      for value in tensor.values {
        data += little(value.bitPattern)
      }
      entries.append(
        #""\#(tensor.name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(start),"#
          + "\(data.count)]}")
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    try (little(UInt64(header.count)) + header + data)
      .write(to: scratch.url.appendingPathComponent(name))
  }

  private static func little<T: FixedWidthInteger>(_ number: T) -> Data {
    Data((0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: number >> T(8 * $0)) })
  }

  private static func counts(_ fields: Any?) -> [String: Int] {
    (fields as? [String: Any] ?? [:]).compactMapValues { $0 as? Int }.filter { $0.value != 0 }
  }

  @Test func compareCountsWhatBecameOfWeights() throws {
    let scratch = try Scratch()
    try Self.write("good", in: scratch)
    try Self.write(
      "bad", in: scratch,
      [(Self.up, 3, .nan), (Self.up, 4, .nan), (Self.down, 0, .infinity), (Self.norm, 1, .nan)])
    let told = try Program.run(["compare", "good", "bad"], in: scratch)
    #expect(told.status == 0)
    #expect(told.output.contains("layer error NaN"))
    #expect(
      told.output.contains(
        "weights that are not finite: 3 became NaN, 1 became infinite, in 3 tensors\n"))
    #expect(told.output.contains("  \(Self.up): 2 became NaN\n"))
    let fields = try Program.run(["compare", "good", "bad", "--json"], in: scratch).fields
    #expect(fields["layer_error"] is NSNull && fields["other_error"] is NSNull)
    #expect(Self.counts(fields["non_finite"]) == ["nan_appeared": 3, "infinite_appeared": 1])
    let rows = try #require(fields["tensors"] as? [[String: Any]])
    let row = try #require(rows.first { $0["name"] as? String == Self.up })
    #expect(row["error"] is NSNull && row["largest_error"] is NSNull && row["cosine"] is NSNull)
    #expect(row["different"] as? Int == 2)
    #expect(Self.counts(row["non_finite"]) == ["nan_appeared": 2])
    let back = try Program.run(["compare", "bad", "good", "--json"], in: scratch).fields
    #expect(Self.counts(back["non_finite"]) == ["nan_vanished": 3, "infinite_vanished": 1])
  }

  @Test func aFileIsNoErrorFromItself() throws {
    let scratch = try Scratch()
    try Self.write("bad", in: scratch, [(Self.up, 3, .nan), (Self.down, 0, -.infinity)])
    let fields = try Program.run(["compare", "bad", "bad", "--json"], in: scratch).fields
    #expect(fields["layer_error"] as? Double == 0)
    #expect(Self.counts(fields["non_finite"]) == ["nan_stayed": 1, "infinite_stayed": 1])
  }

  @Test(arguments: [
    ["prune", "--amount", "0.5"], ["convert"], ["convert", "--type", "q8_0"], ["run"],
  ])
  func whatIsThereAlreadyIsSaidBeforeWriting(_ words: [String]) throws {
    let scratch = try Scratch()
    try Self.write("bad", in: scratch, [(Self.up, 3, .nan), (Self.down, 0, .infinity)])
    try Data("pare: 1\npasses:\n  - prune: {amount: 0.5}\n".utf8)
      .write(to: scratch.url.appendingPathComponent("recipe"))
    let inputs = words == ["run"] ? ["recipe", "bad"] : ["bad"]
    let told = try Program.run(
      words.prefix(1) + inputs + words.dropFirst() + ["-o", "out"], in: scratch)
    #expect(told.status == 0, "\(told.error)")
    #expect(
      told.error.hasPrefix(
        "pare: bad holds 1 NaN and 1 infinite weights in 2 tensors, the first \(Self.up)\n"),
      "\(told.error)")
    #expect(told.output.contains("weights that are not finite: "))
  }

  @Test func quantizersStillRefuse() throws {
    let scratch = try Scratch()
    try Self.write("bad", in: scratch, [(Self.up, 3, .nan)])
    for command in ["quantize", "allocate"] {
      let told = try Program.run([command, "bad", "-o", "out"], in: scratch)
      #expect(told.status == 1)
      #expect(told.error.contains("bad holds 1 NaN weight in \(Self.up)\n"))
      #expect(told.error.contains("no finite number, at [0, 3]"))
    }
    #expect(scratch.names == ["bad"])
  }

  /// What a narrow type cannot hold becomes infinite, whether in numbers or in the scale of
  /// a block.
  @Test(arguments: [
    (["-o", "out", "--dtype", "f16"], Float(1e5), "1 became infinite"),
    (["-o", "out.pt", "--dtype", "f16"], 1e5, "1 became infinite"),
    (["-o", "out.gguf", "--dtype", "f16"], -1e5, "1 became infinite"),
    (["-o", "out.gguf", "--type", "q8_0"], 1e7, "became NaN"),
    (["-o", "out.gguf", "--type", "q4_0"], 1e6, "became NaN"),
    (["-o", "out.gguf", "--type", "q4_k"], 1e9, "became "),
  ])
  func overflowIsTold(_ words: [String], _ value: Float, _ text: String) throws {
    let scratch = try Scratch()
    try Self.write("wide", in: scratch, [(Self.down, 70, value)])
    let told = try Program.run(["convert", "wide"] + words, in: scratch)
    #expect(told.status == 0, "\(told.error)")
    #expect(told.output.contains("layer error NaN"), "\(told.output)")
    #expect(
      told.output.contains("  \(Self.down): ") && told.output.contains(text), "\(told.output)")
    let json = try Program.run(["convert", "wide"] + words + ["--force", "--json"], in: scratch)
    #expect(json.fields["layer_error"] is NSNull)
    #expect(!Self.counts(json.fields["non_finite"]).isEmpty)
    // bf16 holds it.
    let wider = try Program.run(
      ["convert", "wide", "-o", "fine", "--dtype", "bf16", "--json"], in: scratch
    ).fields
    #expect(Self.counts(wider["non_finite"]).isEmpty && wider["layer_error"] is Double)
  }

  @Test func figuresAreOfTheLayersThatAPassWasGiven() throws {
    let scratch = try Scratch()
    let model = Fixtures.checkpoint("tiny.safetensors")
    let words = ["prune", model, "-o", "out", "--layers", "*wte*", "--force"]
    let told = try Program.run(words, in: scratch)
    #expect(told.status == 0, "\(told.error)")
    #expect(told.output.contains("1 selected layer: sparsity 50.0 %   error "), "\(told.output)")
    #expect(!told.output.contains("layer error 0.0 %"))
    let fields = try Program.run(words + ["--json"], in: scratch).fields
    #expect(try #require(fields["sparsity"] as? Double) > 0)
    #expect(try #require(fields["layer_error"] as? Double) > 0)
    let selected = try #require(fields["selected"] as? [String: Any])
    #expect(selected["sparsity"] as? Double == 0.5 && selected["layers"] as? Int == 1)
  }

  @Test func theSameHoldsOfGGUF() throws {
    let scratch = try Scratch()
    let made = try Program.run(
      ["convert", Fixtures.checkpoint("tiny.safetensors"), "-o", "a.gguf"], in: scratch)
    #expect(made.status == 0, "\(made.error)")
    let fields = try Program.run(
      ["prune", "a.gguf", "-o", "b.gguf", "--layers", "token_embd.weight", "--json"], in: scratch
    ).fields
    let selected = try #require(fields["selected"] as? [String: Any])
    #expect(selected["sparsity"] as? Double == 0.5 && selected["layers"] as? Int == 1)
    #expect(try #require(fields["layer_error"] as? Double) > 0)
    #expect(try #require(fields["sparsity"] as? Double) > 0)
    let told = try Program.run(["prune", "a.gguf", "-o", "c.gguf"], in: scratch)
    #expect(told.status == 0 && !told.output.contains("nothing lost"), "\(told.output)")
  }

  @Test func theProgramsCheckpointIsMeasuredOnItsValidationText() throws {
    let scratch = try Scratch()
    let fields = try Program.run(["eval", "--json"], in: scratch).fields
    #expect(
      fields["measured_on"] as? String
        == "shakespeare-validation.txt, 16,397 characters of validation text")
    let loss = try #require(fields["loss"] as? Double)
    #expect((1.2...1.6).contains(loss))
  }
}

/// The same of files made from public bug reports.
@Suite(.enabled(if: Fixtures.cases != nil)) struct NonFiniteCaseTests {
  private func path(_ name: String) throws -> String {
    try #require(Fixtures.cases).appendingPathComponent(name).path
  }

  @Test(arguments: [("corrupt", "64 became NaN, 1 became infinite"), ("all-nan", "became NaN")])
  func compareTells(_ file: String, _ text: String) throws {
    let good = try path("60-compare-nan/good.safetensors")
    let told = try Program.run(
      ["compare", good, path("60-compare-nan/\(file).safetensors")], in: try Scratch())
    #expect(told.status == 0 && told.output.contains("layer error NaN"))
    #expect(told.output.contains(text), "\(told.output)")
  }

  @Test(arguments: ["out.safetensors", "out.pt", "out.gguf"])
  func overflowIsTold(_ output: String) throws {
    let told = try Program.run(
      ["convert", path("52-f16-overflow/hf"), "-o", output, "--dtype", "f16"], in: try Scratch())
    #expect(told.status == 0 && told.output.contains("layer error NaN"))
    #expect(
      told.output.contains("  model.layers.0.mlp.down_proj.weight: 1 became infinite"),
      "\(told.output)")
  }

  @Test func sparsityIsThatOfTheSelectedLayers() throws {
    let fields = try Program.run(
      [
        "prune", path("46-trf-blocks/model.pth"), "-o", "out.safetensors", "--amount", "0.5",
        "--layers", "trf_blocks.*", "--json",
      ], in: try Scratch()
    ).fields
    let selected = try #require(fields["selected"] as? [String: Any])
    #expect(abs(try #require(selected["sparsity"] as? Double) - 0.5) < 0.01)
    #expect(try #require(fields["layer_error"] as? Double) > 0)
  }
}

extension Fixtures {
  /// The folder of cases; nil where it is not.
  fileprivate static let cases: URL? = shared.flatMap {
    let folder = $0.appendingPathComponent("cases")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }
}
