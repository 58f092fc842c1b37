import Terminal
import Testing

/// Progress is one line, however narrow the terminal.
@Suite struct ProgressTextTests {
  @Test(
    arguments: [0, 1, 5, 20, 40, 59, 60, 79, 300],
    ["block.0.mlp.c_fc", "Щит 盾牌 🛡️ a\u{301}"])
  func noLineIsWiderThanTheTerminal(columns: Int, detail: String) {
    for fraction in [-1, 0, 0.42, 1, 2, Double.nan, .infinity] {
      let line = ProgressText.line(
        "compress", fraction: fraction, left: "12 min",
        detail: detail + String(repeating: " x", count: 20), columns: columns)
      #expect(line.columns <= columns)
      if columns < 80 { #expect(line.columns >= columns - 1) }
    }
  }

  @Test func whatMattersMostComesFirst() {
    func line(_ columns: Int) -> String {
      ProgressText.line(
        "prune", fraction: 0.5, left: "9 s", detail: "block.0.mlp", columns: columns)
    }
    #expect(line(80) == "prune [############------------] 50 %  9 s left  block.0.mlp")
    #expect(line(40) == "prune 50 %  9 s left  block.0.mlp")
    #expect(line(20) == "prune 50 %  9 s lef…")
    let bare = ProgressText.line("prune", fraction: 0, left: nil, detail: "", columns: 20)
    #expect(bare == "prune 0 %")
  }

  /// Where there is not room for all figures, the last ones are left out whole.
  @Test func noFigureIsCut() {
    func line(_ columns: Int) -> String {
      ProgressText.line(
        "train", fraction: 0.125, left: "12 min",
        detail: "step 250/2000  loss 2.456  validation 2.512  12,345 tokens/s", columns: columns)
    }
    #expect(
      line(100)
        == "train [#-----------] 12 %  12 min left  step 250/2000  loss 2.456  validation 2.512  "
        + "12,345 tokens/s")
    #expect(
      line(79) == "train [#-------] 12 %  12 min left  step 250/2000  loss 2.456  validation 2.512")
    #expect(line(60) == "train [-------] 12 %  12 min left  step 250/2000  loss 2.456")
    #expect(line(50) == "train 12 %  12 min left  step 250/2000  loss 2.456")
    #expect(line(30) == "train 12 %  12 min left  step…")
  }
}
