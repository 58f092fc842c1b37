import Testing

import Tokenizers

struct PatternTests {
  private func matches(_ pattern: String, _ text: String) throws -> [String] {
    let pattern = try Pattern(pattern)
    let bytes = Array(text.utf8)
    var matcher = Matcher()
    matcher.allow(bytes: bytes.count)
    var found: [String] = []
    matcher.forEachMatch(pattern, bytes.span, in: 0..<bytes.count) {
      found.append(String(decoding: bytes[$0], as: UTF8.self))
    }
    return found
  }

  @Test(arguments: [
    ("a+b", "aab ab b", ["aab", "ab"]),
    ("a|ab|abc", "abc", ["a"]),
    ("(?:ab)+c?", "ababc ab", ["ababc", "ab"]),
    ("a{2,3}", "aaaaaaa", ["aaa", "aaa"]),
    ("a{2}", "aaaaa", ["aa", "aa"]),
    ("a{,2}b", "aaab", ["aab"]),
    ("a{x", "a{x", ["a{x"]),
    ("a+?b", "aab", ["aab"]),
    ("a++a", "aaa", []),
    ("(?>a+)a", "aaa", []),
    (#"\s+(?!\S)"#, "a   b  ", ["  ", "  "]),
    (#"x(?=\d\d)"#, "x1 x12", ["x"]),
    ("(?<=a)b", "ab bb", ["b"]),
    ("(?<!a)b", "ab bb", ["b", "b"]),
    ("^a", "a\na", ["a", "a"]),
    ("a$", "a\nab\na", ["a", "a"]),
    (#"a\z"#, "a\na", ["a"]),
    (#"\bfoo\b"#, "foo food foo", ["foo", "foo"]),
    ("(?i:ſt)", "ST sT", ["ST", "sT"]),
    ("(?i:'s)", "'S 'ſ", ["'S", "'ſ"]),
    (#"[^\s\p{L}\p{N}]+"#, "a!?1 -", ["!?", "-"]),
    (#"[\p{L}&&[^\p{Han}]]+"#, "ab日cd", ["ab", "cd"]),
    (#"[a-c\-\]]+"#, "a-]d", ["a-]"]),
    (#"[]a]+"#, "]a", ["]a"]),
    (#"\x{1F600}|\u00e9|\x41"#, "😀éA", ["😀", "é", "A"]),
    (".", "a\nb", ["a", "b"]),
    (#"\d{1,3}(?=(?:\d{3})*\b)"#, "1234567", ["1", "234", "567"]),
    ("(?:a|b)*c", "ababc", ["ababc"]),
    ("[[:digit:]]+", "a12", ["12"]),
  ])
  func finds(_ pattern: String, _ text: String, _ expected: [String]) throws {
    #expect(try matches(pattern, text) == expected, "\(pattern)")
  }

  @Test(arguments: [
    "(", ")", "[a", "*a", "a{3,2}", #"\"#, #"\p{Klingon}"#, #"\p{L"#, "(?<name", "(?q)", "(a*)*",
    "(a|b*)+", #"\k"#, "a{2000}", "(?<=ab)c", "[b-a]", #"\x{110000}"#,
  ])
  func refuses(_ pattern: String) {
    #expect(throws: TokenizerError.self) { _ = try Pattern(pattern) }
  }

  @Test func deepNestingIsRefused() {
    for (open, close) in [("(", ")"), ("[", "]"), ("(?:", ")*")] {
      let text = String(repeating: open, count: 5000) + "a" + String(repeating: close, count: 5000)
      #expect(throws: TokenizerError.self) { _ = try Pattern(text) }
    }
    #expect(throws: TokenizerError.self) {
      _ = try Pattern("a" + String(repeating: "{2}", count: 5000))
    }
    #expect(throws: TokenizerError.self) { _ = try Pattern("(?:(?:ab){1000}){1000}") }
  }

  @Test func backtrackingIsBounded() throws {
    let text = String(repeating: "a", count: 2000)
    // Without a budget these take 2²⁰⁰⁰ steps.
    for pattern in ["(?:a|a)+b", "(?:a+)+b", "(?:aa|a)+(?:aa|a)+b", "(?:(?=a+)a)+b"] {
      #expect(try matches(pattern, text).isEmpty)
    }
  }

  @Test func longTextsNeedNoStack() throws {
    let text = String(repeating: "ab", count: 100_000)
    #expect(try matches("(?:ab)+", text).count == 1)
    #expect(
      try matches(#"\s*[\r\n]+|\s+(?!\S)|\s+"#, String(repeating: " ", count: 100_000)).count == 1)
  }
}
