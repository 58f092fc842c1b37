import Foundation
import Testing

import Tokenizers

private let peerFolder = ProcessInfo.processInfo.environment["PARE_TOKENIZER_CASES"]

/// Tokens on many texts, against cases that `Benchmarks/tokenizers_agree.py` wrote to
/// the folder that PARE_TOKENIZER_CASES names.
struct PeerTests {
  static let names: [String] = {
    guard let folder = peerFolder else { return [] }
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }()

  @Test(.enabled(if: peerFolder != nil), arguments: names)
  func agree(_ name: String) throws {
    let folder = try #require(peerFolder) + "/" + name + "/"
    let tokenizer = try Tokenizer(try spec(folder))
    var (count, wrong): (Int, [String]) = (0, [])
    for line in try #require(bytes(folder + "cases.jsonl")).split(separator: 0x0A) {
      let value = try JSONParser.parse(Array(line))
      let item = try Reference.Case(value)
      let ids = tokenizer.encode(item.text, parseSpecial: value["special"]?.flag ?? true)
      let isDecoded =
        item.decoded.map { $0.utf8.elementsEqual(tokenizer.decode(item.ids).utf8) } ?? true
      count += 1
      if ids != item.ids || !isDecoded { wrong.append(item.text) }
    }
    print("\(name): \(count) texts, \(wrong.count) differ")
    #expect(wrong.isEmpty, "\(wrong.prefix(3).map { String(reflecting: $0.prefix(200)) })")
  }

  private func bytes(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { [UInt8]($0) }
  }

  private func spec(_ folder: String) throws -> TokenizerSpec {
    if let json = bytes(folder + "tokenizer.json") { return try TokenizerSpec(tokenizerJSON: json) }
    if let model = bytes(folder + "tokenizer.model") {
      return try TokenizerSpec(sentencePieceModel: model)
    }
    return try TokenizerSpec(
      gguf: GGUFTokenizer(metadata: try JSONParser.parse(try #require(bytes(folder + "gguf.json"))))
    )
  }
}

extension GGUFTokenizer {
  /// From metadata that the script wrote as JSON.
  fileprivate init(metadata: JSONValue) throws {
    self.init(
      model: try #require(metadata["model"]?.text),
      tokens: try #require(metadata["tokens"]?.elements).compactMap(\.text))
    pre = metadata["pre"]?.text
    scores = (metadata["scores"]?.elements ?? []).compactMap { $0.real.map { Float($0) } }
    tokenTypes = (metadata["token_type"]?.elements ?? []).compactMap(\.integer)
    merges = (metadata["merges"]?.elements ?? []).compactMap(\.text)
    beginning = metadata["bos_token_id"]?.integer
    ending = metadata["eos_token_id"]?.integer
    unknown = metadata["unknown_token_id"]?.integer
    separator = metadata["seperator_token_id"]?.integer
    addsBeginning = metadata["add_bos_token"]?.flag
    addsEnding = metadata["add_eos_token"]?.flag
    addsSpacePrefix = metadata["add_space_prefix"]?.flag
    removesExtraSpaces = metadata["remove_extra_whitespaces"]?.flag
    charsMap = (metadata["precompiled_charsmap"]?.elements ?? []).compactMap {
      $0.integer.map { UInt8(truncatingIfNeeded: $0) }
    }
  }
}
