internal import ArgumentParser
internal import Glibc

/// The first word of the command line, which is a command or a checkpoint.
enum FirstWord {
  /// Refuses a word that is no command and names nothing on the disk. A word
  /// with a dot or a slash is meant as a path, and told of when it is opened.
  static func check(_ arguments: [String]) throws {
    guard let word = arguments.first, !word.isEmpty, !word.hasPrefix("-"),
      !word.contains("."), !word.contains("/"), !commands.contains(word),
      unsafe access(word, F_OK) != 0
    else { return }
    let near = commands.map { ($0, EditDistance.between($0, word)) }.min { $0.1 < $1.1 }
    let hint =
      near.flatMap { $0.1 <= 2 && $0.1 < word.count ? "; is ‘\($0.0)’ meant?" : nil }
      ?? "; pare --help lists the commands"
    throw UsageError("there is no command ‘\(word)’ and no such file\(hint)")
  }

  /// The subcommands, and the one that the parser adds.
  private static let commands =
    Pare.configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
}

/// How far two words are apart.
enum EditDistance {
  /// Fewest letters to insert, remove, replace or swap with their neighbour
  /// that make one word of the other (optimal string alignment).
  static func between(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first), Array(second))
    guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
    var before: [Int] = []
    var above = Array(0...second.count)
    for (i, letter) in first.enumerated() {
      var row = [i + 1]
      for (j, other) in second.enumerated() {
        var least = min(above[j] + (letter == other ? 0 : 1), above[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other {
          least = min(least, before[j - 1] + 1)
        }
        row.append(least)
      }
      (before, above) = (above, row)
    }
    return above[second.count]
  }
}
