import Compression
import Testing

/// A pass's dials are its options, whatever passes there are.
@Suite struct CommandLinePassTests {
  static let passes = PassCatalog.all.map { $0.name }

  private func settings(of pass: String) throws -> [DialSetting] {
    try #require(PassCatalog.named(pass)).init().settings
  }

  @Test(arguments: passes)
  func everyDialHasItsOptionAndHelp(_ pass: String) throws {
    let outcome = try Program.run([pass, "--help"], in: Scratch())
    #expect(outcome.status == 0)
    // Help is wrapped to the terminal's width, so words are compared, not lines.
    let words = outcome.output.split { " \n".contains($0) }.joined(separator: " ")
    for dial in try settings(of: pass) {
      #expect(words.contains("--\(dial.name) <"))
      // The text has one option, whatever reads it.
      if dial.name == "text" { continue }
      #expect(words.contains(dial.help))
      #expect(words.contains("(default: \(dial.value))"))
    }
  }

  @Test(arguments: passes)
  func completionsNameEveryDialAndChoice(_ pass: String) throws {
    let outcome = try Program.run(["--generate-completion-script", "bash"], in: Scratch())
    for dial in try settings(of: pass) {
      #expect(outcome.output.contains("--\(dial.name)"))
      guard case .choice(let words) = dial.control else { continue }
      for word in words { #expect(outcome.output.contains("'\(word)'")) }
    }
  }
}
