import CheckpointIO
import Compression
import Foundation
import Testing
import Workspace

/// The README says what is so: its generated parts are compared with what they
/// are generated from. `RECORD_README=1` rewrites them and fails the run.
@Suite(.serialized) struct ReadmeTests {
  static let url = Fixtures.root.appendingPathComponent("README.md")

  @Test func tableOfPassesIsUpToDate() throws {
    try expectPart("passes", Self.passes)
  }

  @Test func tableOfLimitsIsUpToDate() throws {
    try expectPart("limits", Self.limits)
  }

  @Test func screenshotIsWhatTheExplorerDraws() throws {
    let lines = try ReadmeScreen.text().split(separator: "\n", omittingEmptySubsequences: false)
    let block = lines.map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n")
    try expectPart("screenshot", "\n" + block)
  }

  @Test func layoutOfPackedFilesIsTheEncodersOwn() throws {
    try expectPart("packed", try Self.packedLayouts())
  }

  @Test func floorPlanNamesEveryTarget() throws {
    let sources = Fixtures.root.appendingPathComponent("Sources")
    let plan = try String(contentsOf: sources.appendingPathComponent("README.md"), encoding: .utf8)
    let folders = try FileManager.default.contentsOfDirectory(atPath: sources.path)
    for folder in folders where folder != "README.md" {
      #expect(plan.contains("| `\(folder)` |"), "\(folder) is missing in Sources/README.md")
    }
  }

  /// One row for each setting of each pass.
  static var passes: String {
    var lines = [
      "| Pass | Setting | Values | Default | Means |", "| --- | --- | --- | --- | --- |",
    ]
    for pass in PassCatalog.all {
      lines.append("| **`\(pass.name)`** | | | | \(pass.summary) |")
      for dial in pass.init().settings {
        lines.append(
          "| | `--\(dial.name)` | \(dial.control.values) | \(dial.standard) | \(dial.help) |")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// One row for each kind of file.
  static var limits: String {
    let limits = ReadingLimit.ofCheckpoints + ReadingLimit.ofWork
    var files: [String] = []
    for limit in limits where !files.contains(limit.file) { files.append(limit.file) }
    let rows = files.map { file in
      let parts = limits.filter { $0.file == file }.map { "\(grouped($0.count)) \($0.what)" }
      return "| \(file) | \(parts.joined(separator: ", ")) |"
    }
    return (["| Of | at most |", "| --- | --- |"] + rows).joined(separator: "\n")
  }

  /// `65,536`.
  private static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.reduce(into: "") { text, index in
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digits[index])
    }
  }

  /// The drawings above the encoders, as they stand there.
  static func packedLayouts() throws -> String {
    let sources = [
      ("`dense`", "DenseEncoding"), ("`bitmap`", "BitmapEncoding"),
      ("`packed`", "PackedEncoding"), ("`bitmap+packed`", "BitmapPackedEncoding"),
      ("`channels`", "ChannelsEncoding"), ("`channels+coded`", "CodedChannelsEncoding"),
      ("`blocks`", "BlocksEncoding"), ("`bitmap+blocks`", "BitmapBlocksEncoding"),
      ("Lists of depths and exponents", "ChannelNumbers"),
      ("Metadata", "PackingRecord"),
    ]
    return try sources.map { title, file in
      let url = Fixtures.root.appendingPathComponent(
        "Sources/CheckpointIO/Encodings/\(file).swift")
      let lines = try String(contentsOf: url, encoding: .utf8).split(
        separator: "\n", omittingEmptySubsequences: false)
      let comment = lines.drop { !$0.hasPrefix("///") }.prefix { $0.hasPrefix("///") }
      return "### \(title)\n\n"
        + comment.map { $0.dropFirst(4) }.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// Compares what stands between `<!-- name -->` and `<!-- /name -->`.
  private func expectPart(_ name: String, _ wanted: String) throws {
    var text = try String(contentsOf: Self.url, encoding: .utf8)
    let opening = try #require(text.range(of: "<!-- \(name) -->\n"))
    let closing = try #require(text.range(of: "<!-- /\(name) -->"))
    let range = opening.upperBound..<closing.lowerBound
    let found = String(text[range])
    if ProcessInfo.processInfo.environment["RECORD_README"] != nil {
      text.replaceSubrange(range, with: wanted + "\n")
      try text.write(to: Self.url, atomically: true, encoding: .utf8)
      Issue.record("\(name) was recorded; run again without RECORD_README")
    } else {
      #expect(found == wanted + "\n", "stale: RECORD_README=1 rewrites it")
    }
  }
}

extension DialControl {
  /// What may be chosen, in a table's cell.
  fileprivate var values: String {
    switch self {
    case .number(let range, _, _):
      "\(DialValue.number(range.lowerBound)) to \(DialValue.number(range.upperBound))"
    case .integer(let range, _): "\(range.lowerBound) to \(range.upperBound)"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .text, .words: "a text"
    }
  }
}

extension DialSetting {
  /// The default, in a table's cell.
  fileprivate var standard: String {
    value.description.isEmpty ? "none" : "`\(value)`"
  }
}
