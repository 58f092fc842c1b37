internal import ArgumentParser
internal import Tensors
internal import Workspace

/// In which blocks GGUF has the matrices.
struct BlockOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write GGUF with the matrices in these blocks, not in their own types: "
        + "\(BlockType.names).", valueName: "type"),
    completion: .list(BlockType.allValueStrings))
  var type: BlockType?

  @OptionGroup var importance: ImportanceOptions

  /// A block format that can be written, in any case of letters.
  struct BlockType: ExpressibleByArgument {
    let format: BlockFormat

    init?(argument: String) {
      guard let format = BlockFormat(writable: argument) else { return nil }
      self.format = format
    }

    static let allValueStrings = BlockFormat.writableNames
    static let names = allValueStrings.joined(separator: ", ")
    static let weighted = BlockFormat.allCases.filter(\.isWeighted).map { $0.rawValue.lowercased() }
      .joined(separator: ", ")
  }

  /// Refuses a text that nothing reads. `isRead` says that a pass does.
  func checkText(isRead: Bool = false) throws {
    guard importance.path != nil else { return }
    guard let type else {
      if isRead, importance.part == .all { return }
      throw UsageError(
        isRead
          ? "--part weighs the errors of GGUF's blocks; it needs --type"
          : "--text weighs the errors of GGUF's blocks; it needs --type")
    }
    guard type.format.isWeighted || isRead else {
      throw UsageError(
        "\(type.format.rawValue) takes no importance; --text works with \(BlockType.weighted)")
    }
  }
}
