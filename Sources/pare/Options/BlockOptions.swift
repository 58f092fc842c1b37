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

  /// Refuses a text or an importance file that nothing reads. `isRead` says that a pass reads the
  /// text.
  func checkText(isRead: Bool = false) throws {
    if importance.file != nil {
      try checkWeighs("--importance")
      if importance.path != nil, !isRead || importance.part != .all {
        throw UsageError("--importance takes the place of --text: one of them is given")
      }
    } else if importance.path != nil {
      if isRead, type == nil {
        guard importance.part == .all else {
          throw UsageError("--part weighs the errors of GGUF's blocks; it needs --type")
        }
      } else if !isRead || importance.part != .all {
        try checkWeighs("--text")
      }
    }
  }

  private func checkWeighs(_ option: String) throws {
    guard let type else {
      throw UsageError("\(option) weighs the errors of GGUF's blocks; it needs --type")
    }
    guard type.format.isWeighted else {
      throw UsageError(
        "\(type.format.rawValue) takes no importance; \(option) works with \(BlockType.weighted)")
    }
  }
}
