internal import Tensors
internal import Workspace

/// The words of `save FILE [--dense] [--type q4_k] [--shard-size 500MB] [--force]`.
struct SaveCommand {
  let path: String
  let request: SaveRequest
  let overwrite: Bool

  private static let flags = ["--dense", "--type", "--shard-size", "--force"]

  /// Throws `CommandError`, and `SavingError` for options that make no sense together.
  init(_ words: [String]) throws {
    var paths: [String] = []
    var options = SaveOptions()
    var overwrite = false
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--dense" {
        options.isPacked = false
      } else if word == "--force" {
        overwrite = true
      } else if word == "--type" || word.hasPrefix("--type=") {
        let name = word == "--type" ? rest.popFirst() : String(word.dropFirst("--type=".count))
        options.blocks = try Self.blocks(name)
      } else if word == "--shard-size" || word.hasPrefix("--shard-size=") {
        let size =
          word == "--shard-size" ? rest.popFirst() : String(word.dropFirst("--shard-size=".count))
        guard let count = size.flatMap(ByteSize.init) else {
          throw CommandError("--shard-size takes a size such as 500MB or 2GB")
        }
        options.shardByteCount = count.byteCount
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
    request = try SaveRequest(named: path, options)
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
    for option in ["--type", "--shard-size"] {
      if let place = others.dropLast(2).firstIndex(of: option) { others.remove(at: place + 1) }
    }
    return FilePaths.completions(of: others, flags: flags)
  }
}
