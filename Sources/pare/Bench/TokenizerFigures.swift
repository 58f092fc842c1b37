internal import CheckpointIO
internal import Tokenizers

/// How quickly text becomes tokens, on one thread.
struct TokenizerFigures {
  /// The file's name without its ending, as a key has it.
  let name: String
  /// Megabytes of UTF-8 a second, the best of some runs.
  let speed: Double
  let tokens: Int

  private static let runs = 5
  private static let byteLimit = 64 << 20

  /// Every tokenizer of a folder that `Benchmarks/peers_tokenizers.py` made, on the documents
  /// beside them. Throws `CheckpointError`, `CommandError` and `TokenizerError`.
  static func measure(_ folder: String) throws -> [TokenizerFigures] {
    func read(_ name: String) throws -> [UInt8] {
      let path = folder + "/" + name
      guard let bytes = try WholeFile.read(path, limit: byteLimit) else {
        throw CommandError("there is no file \(path)")
      }
      return bytes
    }
    let documents = (try JSONParser.parse(try read("documents.json")).elements ?? [])
      .compactMap { $0.text.map { Array($0.utf8) } }
    let size = documents.reduce(0) { $0 + $1.count }
    return try ["byte-level", "sentencepiece-bpe", "unigram"].map { name in
      let spec = try TokenizerSpec(tokenizerJSON: try read(name + ".json"))
      let tokenizer = try Tokenizer(spec)
      let clock = ContinuousClock()
      var (best, tokens) = (Duration.seconds(Int32.max), 0)
      for _ in 0..<runs {
        best = min(
          best,
          clock.measure {
            tokens = documents.reduce(0) { $0 + tokenizer.encode($1, parseSpecial: true).count }
          })
      }
      return TokenizerFigures(
        name: name.replacing("-", with: "_"), speed: Double(size) / 1e6 / (best / .seconds(1)),
        tokens: tokens)
    }
  }
}
