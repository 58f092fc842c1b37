import Testing

import Tokenizers

struct UnicodeTests {
  @Test func theStandardLibraryKnowsUnicode16() {
    // U+1C89 came with version 16.
    #expect(Unicode.Scalar(0x1C89)?.properties.age?.major == 16)
    // U+A7CE came with 17, so it is unassigned here.
    #expect(CellSet.unassigned.contains(scalar: 0xA7CE))
  }

  /// Counts from DerivedGeneralCategory.txt and Scripts.txt of Unicode 16.
  @Test func classesHaveTheSizesOfUnicode16() {
    let counts: [(CellSet, Int)] = [
      (.letter, 141_028), (.mark, 2_501), (.number, 1_911), (.punctuation, 855),
      (.symbol, 8_514), (.separator, 19), (.space, 25),
    ]
    for (set, count) in counts {
      #expect((0..<0x110000).count { set.contains(scalar: UInt32($0)) } == count)
    }
    #expect(ScalarSet.han.map(\.count).reduce(0, +) == 99_030)
  }

  @Test func everyScalarIsInOneCell() {
    for scalar in stride(from: UInt32(0), to: 0x110000, by: 7) {
      #expect(CharacterCells.cell(scalar) < 34)
      #expect(
        CellSet.space.contains(scalar: scalar) != CellSet.space.inverted.contains(scalar: scalar))
    }
  }

  @Test(arguments: [
    (NormalizationForm.nfc, "e\u{301}", "\u{E9}"), (.nfd, "\u{E9}", "e\u{301}"),
    (.nfc, "\u{1112}\u{1161}\u{11AB}", "\u{D55C}"), (.nfd, "\u{D55C}", "\u{1112}\u{1161}\u{11AB}"),
    (.nfc, "a\u{323}\u{307}", "\u{1EA1}\u{307}"), (.nfc, "a\u{307}\u{323}", "\u{1EA1}\u{307}"),
    (.nfc, "\u{2126}", "\u{3A9}"), (.nfc, "\u{958}", "\u{915}\u{93C}"),
    (.nfkc, "\u{FB01}\u{B2}\u{FF21}", "fi2A"), (.nfkd, "\u{1FED}", " \u{308}\u{300}"),
    (.nfkc, "\u{3300}", "\u{30A2}\u{30D1}\u{30FC}\u{30C8}"),
    (.nfd, "\u{105C9}", "\u{105D2}\u{307}"),
  ])
  func normalizes(_ form: NormalizationForm, _ text: String, _ expected: String) {
    let bytes = form.normalized(Array(text.utf8)) ?? Array(text.utf8)
    #expect(bytes == Array(expected.utf8))
  }

  @Test func canonicalFormsAreEquivalentAndStable() {
    var random = SeededGenerator(seed: 23)
    for _ in 0..<3000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<6 {
        let value = [0x41, 0xC0, 0x300, 0x315, 0x1100, 0x1161, 0x11A8, 0xAC00, 0x1E00, 0x1F00][
          Int.random(in: 0..<10, using: &random)]
        if let scalar = Unicode.Scalar(UInt32(value + Int.random(in: 0..<64, using: &random))) {
          text.append(scalar)
        }
      }
      let bytes = Array(String(text).utf8)
      for form in [NormalizationForm.nfc, .nfd] {
        let normal = form.normalized(bytes) ?? bytes
        // Swift's strings are equal if they are canonically equivalent.
        #expect(String(decoding: normal, as: UTF8.self) == String(text))
        #expect(form.normalized(normal) == nil)
      }
    }
  }

  @Test func invalidBytesAreReplacementsOfOneByte() {
    let bytes: [UInt8] = [
      0x61, 0xFF, 0xE2, 0x96, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0xF4, 0x90, 0x80, 0x80,
    ]
    #expect(scalars(of: bytes).dropFirst().allSatisfy { $0 == 0xFFFD })
    #expect(scalars(of: bytes).count == bytes.count)
  }
}
