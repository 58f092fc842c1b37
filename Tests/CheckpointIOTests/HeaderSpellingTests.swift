import CheckpointIO
import Tensors
import TestSupport
import Testing

/// A safetensors header may be spelled in many ways. What is listed does not depend on it, and
/// neither does which names are one and the same.
@Suite struct HeaderSpellingTests {
  enum Spelling: CaseIterable, Sendable {
    case compact, spaced, spreadOut, escaped, otherOrder, otherField, repeatedField, leadingZeros

    fileprivate func entry(_ tensor: Listed) -> String {
      let dtype = #""dtype":"\#(tensor.dtype.rawValue)""#
      let lengths = tensor.shape.map { (self == .leadingZeros ? "000" : "") + String($0) }
      let shape = #""shape":[\#(lengths.joined(separator: ","))]"#
      let offsets = #""data_offsets":[\#(tensor.range.lowerBound),\#(tensor.range.upperBound)]"#
      var fields = [dtype, shape, offsets]
      switch self {
      case .otherOrder: fields = [offsets, dtype, shape]
      case .otherField: fields = [dtype, #""note":{"a":[1,null]}"#, shape, offsets]
      case .repeatedField: fields = [#""dtype":"BOOL""#, dtype, shape, offsets]
      case .compact, .spaced, .spreadOut, .escaped, .leadingZeros: break
      }
      return "\"\(name(tensor.name))\":{\(fields.joined(separator: ","))}"
    }

    fileprivate func name(_ name: String) -> String {
      guard self == .escaped else { return name }
      return name.utf8.map { "\\u00" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    fileprivate func header(_ entries: [String]) -> String {
      let text = "{\(entries.joined(separator: ","))}"
      switch self {
      case .spaced:
        return text.replacing(",", with: ", ").replacing(":", with: ": ")
      case .spreadOut:
        return "{,:}[]".reduce(text) { $0.replacing(String($1), with: "\t\r\n \($1) \n") }
      case .compact, .escaped, .otherOrder, .otherField, .repeatedField, .leadingZeros:
        return text
      }
    }
  }

  fileprivate struct Listed: Equatable {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// In the data.
    let range: Range<Int>
  }

  /// Tensors of all types and of up to ten axes, one behind the other.
  private func tensors(_ count: Int, seed: UInt64) -> [Listed] {
    var random = SplitMix64(seed: seed)
    var end = 0
    return (0..<count).map { number in
      let dtype = DType.allCases[Int(random.next() % UInt64(DType.allCases.count))]
      let shape = (0..<Int(random.next() % 11)).map { _ in Int(random.next() % 3 % 3) + 1 }
      let size = shape.reduce(dtype.byteCount, *)
      defer { end += size }
      let name = "model.layers.\(number / 7).part\(number % 7).weight"
      return Listed(name: name, dtype: dtype, shape: shape, range: end..<end + size)
    }
  }

  private func open(_ header: String, _ size: Int) throws -> Checkpoint {
    try Checkpoint.open(
      bytes: ZipBytes.little(header.utf8.count, 8) + Array(header.utf8)
        + [UInt8](repeating: 0, count: size),
      name: "made")
  }

  @Test(arguments: Spelling.allCases) func listsTheSame(spelling: Spelling) throws {
    let tensors = tensors(200, seed: 7)
    let header = spelling.header(tensors.map(spelling.entry))
    let size = tensors.last?.range.upperBound ?? 0
    let checkpoint = try open(header, size)
    let start = 8 + header.utf8.count
    let listed = checkpoint.tensors.map { tensor in
      Listed(
        name: tensor.name, dtype: tensor.dtype ?? .bool, shape: tensor.shape.dimensions,
        range: tensor.byteRange.lowerBound - start..<tensor.byteRange.upperBound - start)
    }
    #expect(listed == tensors)
    let oddities = ["the header does not begin with '{', as the format demands"]
    #expect(checkpoint.warnings == (spelling == .spreadOut ? oddities : []))
  }

  /// Whatever comes behind the second of a name, and whatever stands between.
  @Test(arguments: Spelling.allCases, Spelling.allCases)
  func aNameIsTheSameInEachSpelling(one: Spelling, other: Spelling) throws {
    var listed = tensors(50, seed: 11)
    let (again, end) = (listed[20], listed[49].range.upperBound)
    listed.append(
      Listed(name: again.name, dtype: .u8, shape: [], range: end..<end + 1))
    let entries =
      listed.dropLast().map(one.entry) + [other.entry(listed[50])] + [#""broken":{"dtype":"#]
    #expect(throws: CheckpointError.duplicateTensor(name: again.name)) {
      try open("{" + entries.joined(separator: ",") + "}", listed[50].range.upperBound)
    }
  }

  /// The Kelvin sign is a K, and é is an e with an accent: text that is equal is one name.
  @Test(arguments: [("K", "\u{212A}"), ("e\u{301}", "\u{E9}"), ("\u{212A}", "K")])
  func equalTextIsOneName(names: (String, String)) throws {
    let entries = [names.0, "between", names.1].enumerated().map { number, name in
      #""\#(name)":{"dtype":"U8","shape":[],"data_offsets":[\#(number),\#(number + 1)]}"#
    }
    #expect(throws: CheckpointError.duplicateTensor(name: names.1)) {
      try open("{\(entries.joined(separator: ","))}", 3)
    }
  }

  @Test func theFirstRepetitionIsNamed() throws {
    var names = (0..<5000).map { "w\($0 &* 7919 % 100_003)" }
    names += [names[4000], names[17], names[4000]]
    let entries = names.enumerated().map { number, name in
      #""\#(name)":{"dtype":"U8","shape":[1],"data_offsets":[\#(number),\#(number + 1)]}"#
    }
    #expect(throws: CheckpointError.duplicateTensor(name: names[4000])) {
      try open("{\(entries.joined(separator: ","))}", names.count)
    }
  }

  /// Data in any order is read, and every overlap and gap is found.
  @Test func dataMayLieInAnyOrder() throws {
    let listed = tensors(100, seed: 3)
    let size = listed[99].range.upperBound
    var random = SplitMix64(seed: 5)
    let shuffled = listed.shuffled(using: &random)
    let checkpoint = try open(
      Spelling.compact.header(shuffled.map(Spelling.compact.entry)), size)
    #expect(checkpoint.tensors.map(\.name) == shuffled.map(\.name))
    let gap = shuffled.filter { $0.name != listed[50].name }
    #expect(
      throws: CheckpointError.gap(
        tensor: listed[51].name, begin: listed[51].range.lowerBound,
        expected: listed[50].range.lowerBound)
    ) {
      try open(Spelling.compact.header(gap.map(Spelling.compact.entry)), size)
    }
  }

  /// Blocks by number whatever the order of the file, and each layer where it is.
  @Test func blocksAreFoundInAnyOrder() throws {
    let listed = tensors(210, seed: 9)
    var random = SplitMix64(seed: 13)
    let shuffled = listed.shuffled(using: &random)
    let checkpoint = try open(
      Spelling.compact.header(shuffled.map(Spelling.compact.entry)),
      listed[209].range.upperBound)
    let map = checkpoint.blockMap
    #expect(map.blocks.map(\.index) == Array(0..<30))
    #expect(map.blocks.map(\.name) == (0..<30).map { "model.layers.\($0)" })
    #expect(map.blocks.flatMap(\.positions).sorted() == Array(checkpoint.parameters.indices))
    for (position, parameter) in checkpoint.parameters.enumerated() {
      let place = parameter.place
      let block = try #require(place.block)
      #expect(map.blocks[block].positions.contains(position))
      let isWeight = [.linear, .auxiliary, .norm].contains(place.role)
      #expect(map.position(block: block, layer: place.layer) == (isWeight ? position : nil))
    }
    #expect(map.position(block: 30, layer: "part1") == nil)
  }
}
