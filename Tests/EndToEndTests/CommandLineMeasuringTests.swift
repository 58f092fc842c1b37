import Foundation
import Testing

/// Commands that run the network.
@Suite struct CommandLineMeasuringTests {
  static let tiny = Fixtures.checkpoint("tiny.safetensors")

  @Test func evalMeasuresOnATextTheModelWrites() throws {
    let outcome = try Program.run(["eval", Self.tiny, "--json"], in: Scratch())
    #expect(outcome.status == 0, "\(outcome.error)")
    let loss = try #require(outcome.fields["loss"] as? Double)
    let perplexity = try #require(outcome.fields["perplexity"] as? Double)
    #expect(abs(exp(loss) - perplexity) <= 1e-12 * perplexity)
    #expect(outcome.fields["tokens"] as? Int == 4095)
    #expect(try #require(outcome.fields["tokens_per_second"] as? Double) > 0)
    // Nothing else is there that it could be the original of.
    #expect(outcome.fields["measured_on"] as? String == "4,096 tokens that this model wrote")
  }

  @Test func evalReadsATextAndItsLastTenth() throws {
    let scratch = try Scratch()
    let text = String(repeating: "To be, or not to be: ", count: 50)
    try Data(text.utf8).write(to: scratch.url.appendingPathComponent("text"))
    let whole = try Program.run(["eval", Self.tiny, "--text", "text", "--json"], in: scratch)
    let part = try Program.run(
      ["eval", Self.tiny, "--text", "text", "--part", "validation", "--json"], in: scratch)
    #expect(whole.fields["tokens"] as? Int == text.count - 1)
    #expect(part.fields["tokens"] as? Int == text.count / 10 - 1)
  }

  @Test func evalListsWhatExpertsTake() throws {
    let (scratch, words) = (try Scratch(), (0..<100).map { String($0 * $0 % 64) })
    try Data(words.joined(separator: " ").utf8).write(
      to: scratch.url.appendingPathComponent("tokens"))
    let command = [
      "eval", Fixtures.checkpoint("families/mixtral"), "--tokens", "tokens", "--routers",
    ]
    let told = try Program.run(command + ["--json"], in: scratch)
    #expect(told.status == 0, "\(told.error)")
    let routers = try #require(told.fields["routers"] as? [[String: Any]])
    #expect(routers.map { $0["block"] as? Int } == [0, 1])
    let table = try Program.run(command, in: scratch)
    let lines = table.output.split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }
    #expect(lines.contains(["block", "expert", "tokens", "share", "weight"]))
    for router in routers {
      let shares = try #require(router["shares"] as? [Double])
      let tokens = try #require(router["tokens"] as? [Int])
      #expect(abs(shares.reduce(0, +) - 1) < 1e-12 && tokens.reduce(0, +) == 2 * 99)
      let block = try #require(router["block"] as? Int)
      for (expert, count) in tokens.enumerated() {
        #expect(lines.contains { $0.starts(with: ["\(block)", "\(expert)", "\(count)"]) })
      }
    }
    let dense = try Program.run(["eval", Self.tiny, "--routers"], in: scratch)
    #expect(dense.status == 1 && dense.error.contains("has no experts for --routers to list"))
  }

  @Test func benchTimesAModelFromItsStoredForm() throws {
    let outcome = try Program.run(
      [
        "bench", "--json", "--only", "none", "--runs", "1", "--model", Self.tiny, "--windows", "16",
      ], in: Scratch())
    #expect(outcome.status == 0, "\(outcome.error)")
    for work in ["prompt", "generation", "evaluation_16"] {
      let rate = try #require(outcome.fields["\(work)_tiny_tokens_per_second"] as? Double)
      #expect(rate > 0 && rate.isFinite)
    }
    // 2 blocks, 32 wide: 12 · 32² weights each. All of the f32 file is read for a token, its head
    // being the embedding, but for the file's header.
    let weights = try #require(outcome.fields["block_weights_tiny"] as? Double)
    #expect(weights == 2 * 12 * 32 * 32)
    let size = try FileManager.default.attributesOfItem(atPath: Self.tiny)[.size] as? Int
    let bytes = try #require(outcome.fields["bytes_per_token_tiny"] as? Double)
    #expect(try Double(#require(size)) - bytes < 5000 && bytes > 100_000)
  }

  @Test func aCheckpointIsNoDistanceFromItself() throws {
    let outcome = try Program.run(["compare", Self.tiny, Self.tiny, "--json"], in: Scratch())
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.fields["layer_error"] as? Double == 0)
    #expect(outcome.fields["kl"] as? Double == 0)
    #expect(outcome.fields["agreement"] as? Double == 1)
    #expect((outcome.fields["only_in_first"] as? [Any])?.isEmpty == true)
  }

  @Test func comparesWhatAPassChanged() throws {
    let scratch = try Scratch()
    let pruned = try Program.run(
      ["prune", Self.tiny, "-o", "half", "--amount", "0.5", "--json"], in: scratch)
    let outcome = try Program.run(["compare", Self.tiny, "half", "--json"], in: scratch)
    let error = try #require(outcome.fields["layer_error"] as? Double)
    let saved = try #require(pruned.fields["layer_error"] as? Double)
    #expect(abs(error - saved) <= 1e-9)
    #expect(try #require(outcome.fields["kl"] as? Double) > 0)
    let tensors = try #require(outcome.fields["tensors"] as? [[String: Any]])
    for tensor in tensors {
      let share = try #require(tensor["sparsity_second"] as? Double)
      let isPruned = (tensor["error"] as? Double) != 0
      #expect(share == (isPruned ? 0.5 : tensor["sparsity_first"] as? Double))
    }
  }

  @Test func theSameSeedWritesTheSameText() throws {
    let words = ["generate", Self.tiny, "--prompt", "ROMEO:", "--tokens", "80", "--top-k", "20"]
    let scratch = try Scratch()
    let one = try Program.run(words + ["--seed", "5", "--threads", "1"], in: scratch)
    let same = try Program.run(words + ["--seed", "5", "--threads", "3"], in: scratch)
    let other = try Program.run(words + ["--seed", "6"], in: scratch)
    #expect(one.status == 0, "\(one.error)")
    #expect(one.output.hasPrefix("ROMEO:"))
    #expect(one.output == same.output)
    #expect(one.output != other.output)
    let json = try Program.run(words + ["--seed", "5", "--json"], in: scratch)
    #expect(json.fields["tokens"] as? Int == 80)
    #expect(one.output == "ROMEO:" + (json.fields["text"] as? String ?? "") + "\n")
  }

  @Test(arguments: [
    (["eval", tiny, "--text", "nowhere"], 1, "nowhere"),
    (["eval", tiny, "--part", "half"], 2, "--part"),
    (["generate", tiny, "--prompt", "€"], 1, "€"),
    (["generate", tiny, "--temperature", "-1"], 2, "--temperature"),
    (["generate", tiny, "--tokens", "-5"], 2, "--tokens"),
    (["generate", tiny, "--top-k", "0"], 2, "--top-k"),
    (["bench", "--runs", "0"], 2, "--runs"),
    (["bench", "--windows", "1"], 2, "--windows"),
    (["compare", tiny], 2, "second"),
    (["compare", tiny, "nowhere"], 1, "nowhere"),
  ])
  func refusesWithASentence(_ arguments: [String], _ status: Int32, _ part: String) throws {
    let outcome = try Program.run(arguments, in: Scratch())
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.error.hasPrefix("pare: "))
    #expect(outcome.error.contains(part), "\(outcome.error)")
    #expect(outcome.error.filter { $0 == "\n" }.count == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test func withoutATerminalTheBlocksAreText() throws {
    for arguments in [[], [Self.tiny], [Self.tiny, "--ascii"]] {
      let outcome = try Program.run(arguments, in: Scratch())
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output.contains("attn.c_attn"))
      #expect(!outcome.output.unicodeScalars.contains("\u{1B}"))
    }
    let ascii = try Program.run([Self.tiny, "--ascii"], in: Scratch())
    #expect(ascii.output.utf8.allSatisfy { $0 < 0x80 })
  }
}
