import Foundation
import Testing

/// `pare inspect` on files that were made to break readers.
@Suite struct CommandLineHostileFileTests {
  /// One file of `shared/data/bad` and what its README wants of a reader.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let wanted: String

    var testDescription: String { name }

    /// The statuses that fulfil what is wanted. npz and HTML are refused whatever
    /// is in them.
    var statuses: Set<Int32> {
      guard ["st_", "pt_", "gguf_"].contains(where: name.hasPrefix) else { return [1] }
      let mayOpen = ["open", "list", "warn", "viewer", "name the missing"].contains {
        wanted.contains($0)
      }
      let mayRefuse = ["reject", "refuse"].contains { wanted.contains($0) }
      return Set((mayOpen ? [0] : []) + (mayRefuse || !mayOpen ? [1] : []))
    }
  }

  static let folder = Fixtures.shared?.appendingPathComponent("bad")

  /// The rows of the README's table: `| file | bytes | what it is | wanted |`.
  static let cases: [Case] = {
    guard let folder,
      let text = try? String(
        contentsOf: folder.appendingPathComponent("README.md"), encoding: .utf8)
    else { return [] }
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 4, cells[0] != "file", !cells[0].hasPrefix("-") else { return nil }
      return Case(name: cells[0], wanted: cells[3])
    }
  }()

  @Test(.enabled(if: !cases.isEmpty, "the shared data is not here"), arguments: cases)
  func hasItsSentence(_ file: Case) throws {
    let folder = try #require(Self.folder)
    let scratch = try Scratch()
    let began = ContinuousClock.now
    let path = folder.appendingPathComponent(file.name).path
    let outcome = try Program.run(["inspect", path, "--json"], in: scratch)
    #expect(ContinuousClock.now - began < .seconds(60), "it hangs")
    #expect(file.statuses.contains(outcome.status), "\(outcome.error)")
    if outcome.status == 1 {
      #expect(outcome.error.hasPrefix("pare: "))
      #expect(outcome.error.filter { $0 == "\n" }.count == 1)
      #expect(outcome.output.isEmpty)
    } else {
      #expect(outcome.json != nil)
    }
    #expect(!outcome.error.unicodeScalars.contains("\u{1B}"))
    #expect(scratch.names.isEmpty, "nothing in the file was run")
  }
}
