internal import Tensors
internal import Workspace

/// The words of `save FILE [--dense] [--type q4_k] [--force]`.
struct SaveCommand {
  let path: String
  let kind: SaveKind
  let overwrite: Bool

  private static let flags = ["--dense", "--type", "--force"]

  /// Throws `CommandError`, and `SavingError` for options that make no sense together.
  init(_ words: [String]) throws {
    var paths: [String] = []
    var isDense = false
    var overwrite = false
    var blocks: BlockFormat?
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--dense" {
        isDense = true
      } else if word == "--force" {
        overwrite = true
      } else if word == "--type" || word.hasPrefix("--type=") {
        let name = word == "--type" ? rest.popFirst() : String(word.dropFirst("--type=".count))
        blocks = try Self.blocks(name)
      } else if word.hasPrefix("--") {
        throw CommandError("unknown option \(word); known: \(Self.flags.joined(separator: ", "))")
      } else {
        paths.append(word)
      }
    }
    guard let path = paths.first, paths.count == 1 else {
      throw CommandError("save takes one file name; one with blanks stands in quotes")
    }
    self.path = FilePaths.expanded(path)
    self.overwrite = overwrite
    kind = try SaveKind(named: path, isDense: isDense, blocks: blocks)
  }

  private static func blocks(_ name: String?) throws -> BlockFormat {
    guard let format = name.flatMap({ BlockFormat(writable: $0) }) else {
      throw CommandError("--type takes one of \(BlockFormat.writableNames.joined(separator: ", "))")
    }
    return format
  }

  /// Words that may stand in place of the last one.
  static func completions(of words: [String]) -> [String] {
    if words.dropLast().last == "--type" { return BlockFormat.writableNames }
    // The value of an option is no path.
    var others = words
    if let place = words.dropLast(2).firstIndex(of: "--type") { others.remove(at: place + 1) }
    return FilePaths.completions(of: others, flags: flags)
  }
}
