import Foundation
import Testing

import Tokenizers

/// The date that references were made on.
private let date = ChatDate(year: 2026, month: 3, day: 5, hour: 14, minute: 7, second: 9)

/// Chat templates against what Jinja itself writes, and against their limits.
struct ChatTemplateTests {
  private func render(
    _ template: String, _ variables: [String: TemplateValue] = [:]
  ) throws -> String {
    let moment = try #require(date)
    return try ChatTemplate(template).render(variables, on: moment)
  }

  private func error(_ template: String) throws -> ChatTemplateError? {
    do {
      _ = try render(template)
      return nil
    } catch let error as ChatTemplateError {
      return error
    }
  }

  /// Nil where Jinja fails; then this has to fail too.
  private func check(_ template: String, _ variables: JSONValue?, _ item: JSONValue) throws {
    let values = (variables?.members ?? []).map { ($0.key, TemplateValue($0.value)) }
    let name = try #require(item["name"]?.text)
    do {
      let text = try render(template, Dictionary(values, uniquingKeysWith: { $1 }))
      let expected = item["expected"]?.text
      #expect(
        expected.map { text.utf8.elementsEqual($0.utf8) } ?? false,
        "\(name): \(text) is not \(expected ?? item["error"]?.text ?? "")")
    } catch {
      #expect(item["expected"] == nil, "\(name): \(error)")
    }
  }

  @Test func rendersWhatJinjaRenders() throws {
    let tree = try JSONParser.parse(Array(ChatReferences.text.utf8))
    let cases = try #require(tree["cases"]?.elements)
    for item in cases {
      let template = try #require(item["name"]?.text.flatMap { tree["templates"]?[$0]?.text })
      let conversation = item["conversation"]?.text.flatMap { tree["conversations"]?[$0] }
      let members = (tree["standard"]?.members ?? []) + (conversation?.members ?? [])
      try check(template, .object(members), item)
    }
    let snippets = try #require(tree["snippets"]?.elements)
    for item in snippets {
      let template = try #require(item["name"]?.text)
      try check(template, nil, item)
    }
    #expect(cases.count >= 60 && snippets.count >= 90)
  }

  private static let peerFile = ProcessInfo.processInfo.environment["PARE_CHAT_CASES"]

  /// Real templates, in cases that `Benchmarks/chat_references.py` wrote to the file that
  /// PARE_CHAT_CASES names.
  @Test(.enabled(if: peerFile != nil)) func rendersRealTemplates() throws {
    let path = try #require(Self.peerFile)
    let data = try #require(FileManager.default.contents(atPath: path))
    var count = 0
    for line in [UInt8](data).split(separator: 0x0A) {
      let item = try JSONParser.parse(Array(line))
      let template = try #require(item["template"]?.text)
      try check(template, item["variables"], item)
      count += 1
    }
    print("\(count) conversations")
  }

  // MARK: Laws

  /// Text without tags stays as it is, but for one line's end at its end.
  @Test func plainTextStays() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let scalars = random.text().unicodeScalars.filter { $0 != "\r" && $0 != "{" }
      let text = String(String.UnicodeScalarView(scalars))
      let rest = scalars.last == "\n" ? String(text.unicodeScalars.dropLast()) : text
      #expect(try render(text).utf8.elementsEqual(rest.utf8))
      let written = try render("{{ x }}{# \(text) #}", ["x": .string(text)])
      #expect(written.utf8.elementsEqual(text.utf8))
    }
  }

  /// What Python's slices are: every element whose place a stride reaches.
  @Test func slicesAreStrides() throws {
    let text = "abcdefg"
    for step in [-8, -3, -1, 1, 2, 9] {
      for first in -9...9 {
        let forward = try render("{{ x[\(first)::\(step)] }}", ["x": .string(text)])
        let start = first < 0 ? first + 7 : first
        let clamped = step > 0 ? max(start, 0) : min(start, 6)
        let places = stride(from: clamped, to: step > 0 ? 7 : -1, by: step)
        let wanted = places.map { Array(text)[$0] }
        #expect(forward == String(wanted))
      }
    }
  }

  @Test func conversationsHaveRolesAndTokens() throws {
    let template = try ChatTemplate(
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m['content'] }}{% endfor %}"
        + "{% if add_generation_prompt and tools is none %}<assistant>{% endif %}"
        + "{{ strftime_now('%d %b %Y') }}")
    let text = try template.render(
      [ChatMessage(role: "system", content: "a"), ChatMessage(role: "user", content: "{{ b }}")],
      tokens: ["bos_token": "<s>"], on: try #require(ChatDate("2024-02-29")))
    #expect(text == "<s><system>a<user>{{ b }}<assistant>29 Feb 2024")
  }

  @Test func daysAreThoseOfTheCalendar() throws {
    for text in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "26-01-01", "2026-1-01"] {
      #expect(ChatDate(text) == nil)
    }
    for (text, day) in [("2000-02-29", "Tuesday 060"), ("2026-11-27", "Friday 331")] {
      let date = try #require(ChatDate(text))
      let template = try ChatTemplate("{{ strftime_now('%A %j %Y-%m-%d') }}")
      #expect(try template.render([:], on: date) == "\(day) \(text)")
    }
  }

  // MARK: Sentences

  @Test(arguments: [
    (
      "\n{% include 'x' %}", "the chat template has {% include %} at line 2, which is not supported"
    ),
    ("{{ 1 | sqrt }}", "the chat template has a filter 'sqrt' at line 1, which is not supported"),
    ("{{ 1 is prime }}", "the chat template has a test 'prime' at line 1, which is not supported"),
    (
      "a\nb {{ '%s' % 1 }}",
      "the chat template has formatting by '%' at line 2, which is not supported"
    ),
    (
      "{{ {1: 2} }}",
      "the chat template has a dictionary with keys that are no text at line 1, "
        + "which is not supported"
    ),
    ("{% if a %}\n", "the chat template is malformed at line 1: {% if %} without an end"),
    ("\n\n{{ a", "the chat template is malformed at line 3: a tag without '}}'"),
    ("{{ a b }}", "the chat template is malformed at line 1: '}}' expected, not 'b'"),
    ("{{ messages[0].x.y }}", "the chat template fails at line 1: 'messages' is undefined"),
    (
      "\n{{ raise_exception('no ' ~ 'system') }}",
      "the chat template refuses this conversation at line 2: no system"
    ),
    (
      "{{ [1].append(2) }}",
      "the chat template fails at line 1: 'append' changes a list, which templates may not"
    ),
  ]) func errorsSayWhere(_ template: String, _ wanted: String) throws {
    #expect(try error(template)?.description == wanted)
  }

  // MARK: Limits

  static let hostile: [(String, String)] = [
    (
      "{{ " + String(repeating: "(", count: 9999) + "1" + String(repeating: ")", count: 9999)
        + " }}",
      "brackets inside each other"
    ),
    (
      "{{ " + String(repeating: "[", count: 60) + String(repeating: "]", count: 60) + " }}",
      "brackets inside each other"
    ),
    ("{{ 1" + String(repeating: " + 1", count: 100_000) + " }}", "levels of one expression"),
    ("{{ a" + String(repeating: ".a", count: 100_000) + " }}", "levels of one expression"),
    (
      "{{ " + String(repeating: "-", count: 1) + String(repeating: " -", count: 900) + "1 }}",
      "signs in a row"
    ),
    (String(repeating: "{% if true %}", count: 50_000), "blocks inside each other"),
    (
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps"
    ),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "levels of evaluation"),
    (
      "{% set n = namespace(s='ab') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
      "bytes of text"
    ),
    ("{{ 'ab' * 9999999999 }}", "bytes of text"),
    ("{{ 'ab'.replace('', 'x' * 9999999) }}", "bytes of text"),
    (
      "{% set s = 'x' * 9999999 %}{{ s }}{{ s }}", "bytes of output"
    ),
    ("{{ [0] * 99999999 }}", "steps"),
    (
      "{% set n = namespace(s=[]) %}{% for i in range(999) %}{% set n.s = [n.s] %}{% endfor %}",
      "lists and dictionaries inside each other"
    ),
    (
      "{% set n = namespace(s=[1]) %}{% for i in range(90) %}{% set n.s = [n.s, n.s] %}{% endfor %}"
        + "{{ n.s == n.s }}", "steps"
    ),
    (
      "{% set n = namespace(s=[1]) %}{% for i in range(90) %}{% set n.s = [n.s, n.s] %}{% endfor %}"
        + "{{ n.s }}", "steps"
    ),
    ("{{ range(999999999) }}", "numbers of a range"),
    ("{{ 'a' | indent('b' * 99999999) }}", "bytes of text"),
  ]

  @Test(arguments: hostile) func nothingRunsForEver(_ template: String, _ what: String) throws {
    guard case .limitExceeded(_, let found, _)? = try error(template) else {
      Issue.record("\(template.prefix(60)): \(String(describing: try error(template)))")
      return
    }
    #expect(found == what)
  }

  @Test func aNamespaceIsNotKeptInAValue() throws {
    let wanted =
      "the chat template has a Namespace inside another value at line 1, "
      + "which is not supported"
    for template in ["{% set n = namespace() %}{% set n.a = n %}", "{% set a = [namespace()] %}"] {
      #expect(try error(template)?.description == wanted)
    }
  }

  /// Whatever stands in a template, there is text or a sentence.
  @Test func mutatedTemplatesEnd() throws {
    let tree = try JSONParser.parse(Array(ChatReferences.text.utf8))
    let templates = (tree["templates"]?.members ?? []).compactMap { $0.value.text?.utf8.map { $0 } }
    let parts = [
      "{%", "%}", "{{", "}}", "-", "'", "(", ")", "[", "]", "|", ".", " if ", " for ", "\n",
    ]
    .map { Array($0.utf8) }
    let standard =
      (tree["standard"]?.members ?? []) + (tree["conversations"]?["turns"]?.members ?? [])
    let variables = Dictionary(
      standard.map { ($0.key, TemplateValue($0.value)) }, uniquingKeysWith: { $1 })
    var random = SeededGenerator(seed: 11)
    var ended = 0
    for number in 0..<1500 {
      var bytes = templates[number % templates.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
        let part = parts.randomElement(using: &random) ?? []
        bytes.replaceSubrange(place..<end, with: Bool.random(using: &random) ? part : [])
      }
      do {
        _ = try render(String(decoding: bytes, as: UTF8.self), variables)
        ended += 1
      } catch let error as ChatTemplateError {
        #expect(!error.description.isEmpty)
        ended += 1
      }
    }
    #expect(ended == 1500)
  }
}
